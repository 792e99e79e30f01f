/** Which rows are worth a closer look, by how many of their sign bits differ from the query's. */

/** How far behind the last of the wanted, in units of what chance does to a distance. */
const SPREADS = 3;
/** So many memories are looked at closely at least, if there are as many. */
const LEAST = 512;
const FAR = 0xffff;

export interface Distances {
  /** Row -> how many sign bits differ. */
  readonly distances: Uint16Array;
  /** Row -> slot. */
  readonly slots: Uint32Array;
  readonly slotLimit: number;
  readonly isIn: (slot: number) => boolean;
  /** How many sign bits there are. */
  readonly bits: number;
  /** How many memories are wanted. */
  readonly wanted: number;
}

/**
 * The rows that may belong to one of the wanted memories, ascending. Of equal distances all or
 * none, so that it does not matter what was indexed first.
 */
export function narrow(given: Distances): Uint32Array {
  const { distances, slots } = given;
  const nearest = nearestOfEach(given);
  const farthest = limitOf(countsOf(nearest, given.bits), given);
  const rows = new Uint32Array(distances.length);
  let length = 0;
  for (let row = 0; row < distances.length; row++) {
    if ((distances[row] ?? FAR) > farthest) continue;
    // Also says whether the memory is in.
    if ((nearest[slots[row] ?? 0] ?? FAR) <= farthest) rows[length++] = row;
  }
  return rows.slice(0, length);
}

/** Slot -> the distance of its nearest row; far where the memory is not in. */
function nearestOfEach({ distances, slots, slotLimit, isIn }: Distances): Uint16Array {
  const nearest = new Uint16Array(slotLimit).fill(FAR);
  for (let row = 0; row < distances.length; row++) {
    const slot = slots[row] ?? 0;
    const distance = distances[row] ?? FAR;
    if (distance < (nearest[slot] ?? FAR) && isIn(slot)) nearest[slot] = distance;
  }
  return nearest;
}

function countsOf(nearest: Uint16Array, bits: number): Uint32Array {
  const counts = new Uint32Array(bits + 1);
  for (const distance of nearest) {
    if (distance <= bits) counts[distance] = (counts[distance] ?? 0) + 1;
  }
  return counts;
}

/**
 * A distance is a sum of `bits` coins that fall by the angle (Charikar, 2002): it strays from its
 * mean by a known measure, and a memory that belongs to the wanted may have strayed that far.
 */
function limitOf(counts: Uint32Array, { bits, wanted }: Distances): number {
  const reach = (memories: number) => {
    let sum = 0;
    const distance = counts.findIndex((count) => (sum += count) >= memories);
    return distance === -1 ? bits : distance;
  };
  const last = reach(wanted);
  const spread = Math.sqrt(last * (bits - last) / bits);
  return Math.max(last + SPREADS * spread, reach(LEAST));
}
