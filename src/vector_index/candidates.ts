/** Which rows are worth a closer look, by how many of their sign bits differ from the query's. */
import { resized } from "../typed_arrays.ts";

/** How many rows have each distance, of those that are in. */
export function countDistances(
  distances: Uint16Array,
  bits: number,
  isIn: ((row: number) => boolean) | undefined,
): Uint32Array {
  const counts = new Uint32Array(bits + 1);
  for (let row = 0; row < distances.length; row++) {
    const distance = distances[row] ?? 0;
    if (isIn === undefined || isIn(row)) counts[distance] = (counts[distance] ?? 0) + 1;
  }
  return counts;
}

/** The distance within which so many rows lie: of equal distances all or none, so that it does not
 * matter what was indexed first. */
export function distanceOf(rows: number, counts: Uint32Array): number {
  let sum = 0;
  const distance = counts.findIndex((count) => (sum += count) >= rows);
  return distance === -1 ? counts.length - 1 : distance;
}

/**
 * How many sign bits may differ where the cosine is at least this. Each bit is a coin that falls
 * by the angle (Charikar, 2002): their number has a known mean and deviation. Bits of a rotation
 * deviate a fifth less (Ji et al., "Super-bit locality-sensitive hashing", 2012), least where they
 * are near: three times the deviation of coins are passed by one in thousands.
 */
export function farthest(cosine: number, bits: number, deviations: number): number {
  const share = Math.acos(cosine) / Math.PI;
  return Math.min(
    bits,
    Math.ceil(bits * share + deviations * Math.sqrt(bits * share * (1 - share))),
  );
}

/** The rows whose distance is above `from` and at most `to`, ascending. */
export function rowsBetween(
  distances: Uint16Array,
  from: number,
  to: number,
  isIn: ((row: number) => boolean) | undefined,
): Uint32Array {
  let rows = new Uint32Array(1024);
  let length = 0;
  for (let row = 0; row < distances.length; row++) {
    const distance = distances[row] ?? 0;
    if (distance > to || distance <= from || !(isIn === undefined || isIn(row))) continue;
    if (length === rows.length) rows = resized(rows, new Uint32Array(2 * length));
    rows[length++] = row;
  }
  return rows.subarray(0, length);
}
