/**
 * Which memories are near each other, without comparing all with all: rows whose sign bits
 * agree in one of many bands are looked at (locality-sensitive hashing; Indyk and Motwani, 1998,
 * with the bits of Charikar, 2002), and are pairs where their codes say so.
 *
 * Of memories with the very same vector one stands for all: a thousand copies are a thousand pairs,
 * not half a million. In a band of which too many rows agree, each is compared with the next in the
 * order of further bits only, and the search ends once it has found so many pairs: a brain full of
 * memories that are all alike gives some of its pairs, not all, says so, and takes no longer.
 */
import { clampCosine } from "../cosine.ts";
import { farthest } from "./candidates.ts";
import type { Holding } from "./holding.ts";
import type { QuantisedQuery } from "./quantiser.ts";
import type { Steps } from "./scan.ts";

/** Up to so many rows, all are compared with all. */
const FEW_ROWS = 2048;
/** With so many rows of its band a row is compared. */
const NEIGHBOURS = 32;
/** The share of pairs at the least score that no band may find; with more it is said. */
const MISSED = 0.003;
/** How far sign bits may differ from their mean, see `farthest`. */
const DEVIATIONS = 3;
const LEAST_BAND_BITS = 8;
const MOST_BAND_BITS = 16;
/** Bits that sort a crowded band. */
const ORDER_BITS = 20;
/** So many of a crowd are sorted at a time, in about a millisecond. */
const MOST_SORTED = 8192;
/** Rows between two looks at the clock. */
const ROWS_PER_STEP = 16;

export interface PairSearch {
  readonly minScore: number;
  /** How many pairs are kept. */
  readonly most: number;
}

/** Pairs of memories of which some row of the one has the score with some row of the other. */
export class RowPairs {
  readonly #holding: Holding;
  readonly #minScore: number;
  readonly #most: number;
  /** In how many sign bits a pair may differ. */
  readonly #farthest: number;
  #isComplete = true;
  readonly #found = new Map<number, readonly [string, string]>();
  readonly #cosine = new Float64Array(1);
  readonly #one = new Uint32Array(1);

  constructor(holding: Holding, { minScore, most }: PairSearch) {
    this.#holding = holding;
    this.#minScore = minScore;
    this.#most = most;
    this.#farthest = farthest(clampCosine(minScore), holding.quantiser.length, DEVIATIONS);
  }

  /** The lower id first. */
  get found(): Iterable<readonly [string, string]> {
    return this.#found.values();
  }

  /** False where not all were compared that may be near. */
  get isComplete(): boolean {
    return this.#isComplete && !this.#isFull;
  }

  *steps(): Steps {
    const standing = yield* this.#standingForAll();
    if (standing.length <= FEW_ROWS) yield* this.#all(standing);
    else yield* this.#bands(standing);
  }

  get #isFull(): boolean {
    return this.#found.size >= this.#most;
  }

  /** One row for each group of equal ones: that of the lowest id, which is paired with them. A row
   * of a memory of several stands for itself. */
  *#standingForAll(): Generator<void, Uint32Array, void> {
    const { rows, members } = this.#holding;
    const groups = new Map<number, number[]>();
    const standing: number[] = [];
    for (let row = 0; row < rows.count; row++) {
      if (row % ROWS_PER_STEP === 0) yield;
      if (members.hasSeveral(members.slots[row] ?? 0)) standing.push(row);
      else this.#groupOf(row, groups).push(row);
    }
    for (const group of groups.values()) {
      const first = group.reduce((a, b) => this.#idOf(a) < this.#idOf(b) ? a : b);
      for (const [at, row] of group.entries()) {
        if (!this.#isFull) this.#add(first, row);
        if (at % ROWS_PER_STEP === 0) yield;
      }
      standing.push(first);
    }
    return Uint32Array.from(standing);
  }

  #groupOf(row: number, groups: Map<number, number[]>): number[] {
    const { rows } = this.#holding;
    // Another row with the same hash takes the next free one.
    for (let hash = rows.hash(row);; hash++) {
      const group = groups.get(hash);
      if (group !== undefined && !rows.areEqual(row, group[0] ?? row)) continue;
      if (group !== undefined) return group;
      const made: number[] = [];
      groups.set(hash, made);
      return made;
    }
  }

  #idOf(row: number): string {
    const { members } = this.#holding;
    return members.idAt(members.slots[row] ?? 0) ?? "";
  }

  *#all(standing: Uint32Array): Steps {
    const { rows } = this.#holding;
    const cosines = new Float64Array(standing.length);
    for (let at = 0; at < standing.length && !this.#isFull; at++) {
      const row = standing[at] ?? 0;
      if (row >= rows.count) continue;
      const others = standing.subarray(at + 1).filter((other) => other < rows.count);
      rows.cosines(rows.asQuery(row), others, cosines);
      others.forEach((other, at) => {
        if ((cosines[at] ?? 0) >= this.#minScore) this.#add(row, other);
      });
      yield;
    }
  }

  *#bands(standing: Uint32Array): Steps {
    const { length } = this.#holding.quantiser;
    const bits = bandBits(this.#minScore, length);
    if (missedShare(this.#minScore, length, bits) > MISSED) this.#isComplete = false;
    for (let from = 0; from + bits <= length && !this.#isFull; from += bits) {
      const band = yield* this.#group(standing, from, bits);
      yield* this.#compare(band, (from + bits) % (length - ORDER_BITS));
    }
  }

  /** Rows by their bits in a band: those that agree lie side by side. */
  *#group(standing: Uint32Array, from: number, bits: number): Generator<void, Band, void> {
    const { rows } = this.#holding;
    const keys = new Uint16Array(standing.length);
    const starts = new Uint32Array(2 ** bits + 1);
    for (let at = 0; at < standing.length; at++) {
      const row = standing[at] ?? 0;
      const key = keys[at] = row < rows.count ? rows.bits(row, from, bits) : 0;
      starts[key + 1] = (starts[key + 1] ?? 0) + 1;
      if (at % 1024 === 0) yield;
    }
    for (let key = 0; key < 2 ** bits; key++) {
      starts[key + 1] = (starts[key + 1] ?? 0) + (starts[key] ?? 0);
    }
    const next = starts.slice();
    const sorted = new Uint32Array(standing.length);
    for (let at = 0; at < standing.length; at++) {
      const key = keys[at] ?? 0;
      sorted[next[key] ?? 0] = standing[at] ?? 0;
      next[key] = (next[key] ?? 0) + 1;
    }
    yield;
    return { rows: sorted, starts };
  }

  *#compare({ rows, starts }: Band, orderFrom: number): Steps {
    for (let key = 0; key + 1 < starts.length; key++) {
      const [start = 0, end = 0] = [starts[key], starts[key + 1]];
      if (end - start > NEIGHBOURS + 1) this.#isComplete = false;
      for (let from = start; from + 1 < end; from += MOST_SORTED) {
        const some = rows.subarray(from, Math.min(end, from + MOST_SORTED));
        const alike = this.#ordered(some, orderFrom);
        for (let at = 0; at + 1 < alike.length && !this.#isFull; at++) {
          this.#compareOne(alike[at] ?? 0, alike.subarray(at + 1, at + 1 + NEIGHBOURS));
          if (at % ROWS_PER_STEP === 0) yield;
        }
      }
    }
  }

  /** A crowd, so that those lie together that agree in still more bits. */
  #ordered(alike: Uint32Array, from: number): Uint32Array {
    if (alike.length <= NEIGHBOURS) return alike;
    const { rows } = this.#holding;
    const keyed = Float64Array.from(alike, (row) => (
      row < rows.count ? rows.bits(row, from, ORDER_BITS) * 2 ** 32 + row : row
    )).sort();
    return Uint32Array.from(keyed, (key) => key % 2 ** 32);
  }

  #compareOne(row: number, others: Uint32Array): void {
    const { rows, members } = this.#holding;
    let query: QuantisedQuery | undefined;
    for (const other of others) {
      if (row >= rows.count || other >= rows.count) continue;
      if (rows.differingBits(row, other) > this.#farthest) continue;
      if (this.#found.has(this.#keyOf(members.slots[row] ?? 0, members.slots[other] ?? 0))) {
        continue;
      }
      query ??= rows.asQuery(row);
      this.#one[0] = other;
      rows.cosines(query, this.#one, this.#cosine);
      if ((this.#cosine[0] ?? 0) >= this.#minScore) this.#add(row, other);
    }
  }

  #keyOf(a: number, b: number): number {
    return Math.min(a, b) * 2 ** 26 + Math.max(a, b);
  }

  #add(row: number, other: number): void {
    const { members } = this.#holding;
    const [one, two] = [members.slots[row] ?? 0, members.slots[other] ?? 0];
    const [a, b] = [members.idAt(one), members.idAt(two)];
    if (a === undefined || b === undefined || a === b) return;
    this.#found.set(this.#keyOf(one, two), a < b ? [a, b] : [b, a]);
  }
}

interface Band {
  /** Grouped by their bits. */
  readonly rows: Uint32Array;
  /** Bits -> where their group begins. */
  readonly starts: Uint32Array;
}

/** The widest bands that find nearly all pairs: wide ones bring fewer rows together by chance. */
function bandBits(minScore: number, bits: number): number {
  for (let width = MOST_BAND_BITS; width > LEAST_BAND_BITS; width--) {
    if (missedShare(minScore, bits, width) <= MISSED) return width;
  }
  return LEAST_BAND_BITS;
}

/** Of the pairs with just this score, how many agree in no band. */
function missedShare(minScore: number, bits: number, width: number): number {
  const agree = 1 - Math.acos(clampCosine(minScore)) / Math.PI;
  return (1 - agree ** width) ** Math.floor(bits / width);
}
