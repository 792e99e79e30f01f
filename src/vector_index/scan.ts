/**
 * One search under way: what the filter lets through, then the sign bits of all rows, then the
 * codes of the nearest. Each step may give way to others. What changes meanwhile is named by its
 * slot in `changed`, passed over, and looked at again at the end.
 */
import { resized } from "../typed_arrays.ts";
import { countDistances, distanceOf, farthest, rowsBetween } from "./candidates.ts";
import type { Holding } from "./holding.ts";
import type { QuantisedQuery } from "./quantiser.ts";
import type { Scores } from "./scores.ts";
import { BATCH_ROWS, SWEEP_ROWS } from "./segment.ts";

/** Below so many codes in all they are all read: it takes about a tenth of a millisecond. */
export const FEW_CODES = 500_000;
/** With fewer sign bits the angle is hardly known by them, and the codes are few as well. */
const LEAST_SIGNS = 160;
/** So many rows with the nearest sign bits are read at first, and more for a longer list; then so
 * many times more. */
const FIRST_ROWS = 256, MORE_ROWS = 16;
/** How far sign bits are followed from their mean, see `farthest`: for the first places, and for
 * the last of a longer list. */
const SURE_PLACES = 24, DEVIATIONS = 3, FEW_DEVIATIONS = 1.5;
/** Memories that the filter is asked about between two looks at the clock. */
const FILTER_BATCH = 64;

export interface ScanQuery {
  readonly query: QuantisedQuery;
  readonly limit: number;
  readonly accept: ((id: string) => boolean) | undefined;
  readonly fewCodes: number;
}

/** Each `next` is a small step of the work. */
export type Steps = Generator<void, void, void>;

export class Scan {
  readonly holding: Holding;
  /** Slots whose rows are not what they were when the scan passed them, or would pass them. */
  readonly changed = new Set<number>();
  /** Slots whose score is not from quantised vectors any more, or cannot be better. */
  readonly exact = new Set<number>();
  readonly scores: Scores;
  readonly #query: ScanQuery;
  /** Slot -> 1 where the filter let it through. */
  #accepted: Uint8Array<ArrayBuffer> | undefined;
  #acceptedCount = 0;
  /** The cosine of the last of the wanted memories, where others were left out for it. */
  #bar: number | undefined;
  /** How many more fell below the bar than rose above it. */
  #fallen = 0;

  constructor(holding: Holding, query: ScanQuery) {
    this.holding = holding;
    this.#query = query;
    this.scores = holding.borrowScores();
  }

  /** How many memories the filter let through. */
  get total(): number {
    return this.#accepted === undefined ? this.holding.members.size : this.#acceptedCount;
  }

  /** Near memories went away on the way: those left out could be among the best now. */
  get isStale(): boolean {
    return this.#fallen > 0;
  }

  /** The whole way, but for what changes on it. */
  *steps(): Steps {
    yield* this.#filter();
    if (this.#isWorthSigns()) yield* this.#measureNearest(yield* this.#headDistances());
    else yield* this.#measure(this.#all());
  }

  /** Looks again at what changed up to now. */
  *reconsider(): Steps {
    for (const slot of [...this.changed]) {
      this.changed.delete(slot);
      this.#fallen += this.#isAbove(slot);
      this.#forget(slot);
      const id = this.holding.members.idAt(slot);
      if (id !== undefined && this.#lets(slot, id)) {
        const rows = Uint32Array.from(this.holding.members.rowsAt(slot));
        this.#score(rows, new Float64Array(rows.length));
      }
      this.#fallen -= this.#isAbove(slot);
      yield;
    }
  }

  *#filter(): Steps {
    const { accept } = this.#query;
    if (accept === undefined) return;
    const { members } = this.holding;
    const { slotLimit } = members;
    this.#accepted = new Uint8Array(slotLimit);
    for (let slot = 0; slot < slotLimit; slot++) {
      const id = members.idAt(slot);
      if (id !== undefined) this.#lets(slot, id);
      if (slot % FILTER_BATCH === 0) yield;
    }
  }

  /** Asks the filter, and notes what it said. */
  #lets(slot: number, id: string): boolean {
    const { accept } = this.#query;
    if (accept === undefined) return true;
    if (!accept(id)) return false;
    if (this.#accepted === undefined || slot >= this.#accepted.length) {
      const wider = new Uint8Array(2 * slot + 1);
      this.#accepted = resized(this.#accepted ?? new Uint8Array(0), wider);
    }
    this.#accepted[slot] = 1;
    this.#acceptedCount++;
    return true;
  }

  #forget(slot: number): void {
    if (this.#accepted?.[slot] === 1) {
      this.#accepted[slot] = 0;
      this.#acceptedCount--;
    }
    this.scores.delete(slot);
    this.exact.delete(slot);
  }

  /** 1 for a memory that is at the bar or above. */
  #isAbove(slot: number): number {
    return this.#bar !== undefined && this.scores.get(slot) >= this.#bar ? 1 : 0;
  }

  #isWorthSigns(): boolean {
    const { quantiser: { length }, members: { size }, rows } = this.holding;
    const share = size === 0 ? 0 : this.total / size;
    return length >= LEAST_SIGNS && rows.count * share * length > this.#query.fewCodes;
  }

  #all(): Uint32Array {
    const { rows: { count }, members: { slots } } = this.holding;
    const all = new Uint32Array(count);
    let length = 0;
    for (let row = 0; row < count; row++) if (this.#isIn(slots[row] ?? 0)) all[length++] = row;
    return all.subarray(0, length);
  }

  /** Row -> how many bits of its head differ from the query's. */
  *#headDistances(): Generator<void, Uint16Array, void> {
    const { rows } = this.holding;
    const { count } = rows;
    const distances = new Uint16Array(Math.ceil(count / SWEEP_ROWS) * SWEEP_ROWS);
    for (let row = 0; row < Math.min(count, rows.count); row += SWEEP_ROWS) {
      rows.headDistances(this.#query.query, row, distances);
      yield;
    }
    return distances.subarray(0, Math.min(count, rows.count));
  }

  /** A few rows say how near the wanted memories are at least, and so how far the sign bits of
   * another one of them may differ: first those of the heads, then all. */
  *#measureNearest(heads: Uint16Array): Steps {
    const { limit } = this.#query;
    const { members, rows: { headBits } } = this.holding;
    const isIn = this.#accepted === undefined && this.changed.size === 0
      ? undefined
      : (row: number) => this.#isIn(members.slots[row] ?? 0);
    const counts = countDistances(heads, headBits, isIn);
    let nearest = -1;
    for (let rows = Math.max(FIRST_ROWS, 2 * limit); nearest < headBits; rows *= MORE_ROWS) {
      this.#bar = this.scores.inPlace(limit);
      const far = this.#farthest(headBits);
      if (far <= nearest) return;
      const next = Math.min(far, distanceOf(rows, counts));
      const some = rowsBetween(heads, nearest, next, isIn);
      yield;
      yield* this.#measure(this.#bar === undefined ? some : yield* this.#near(some, heads));
      nearest = next;
    }
  }

  /** Of the first places hardly one is missed; further down one now and then. */
  #farthest(bits: number): number {
    if (this.#bar === undefined) return bits;
    const { limit } = this.#query;
    const far = farthest(this.#bar, bits, limit > SURE_PLACES ? FEW_DEVIATIONS : DEVIATIONS);
    const sure = this.scores.inPlace(Math.min(limit, SURE_PLACES)) ?? this.#bar;
    return Math.max(far, farthest(sure, bits, DEVIATIONS));
  }

  /** Those that are near also by the rest of their signs. */
  *#near(some: Uint32Array, heads: Uint16Array): Generator<void, Uint32Array, void> {
    const { rows, quantiser: { length } } = this.holding;
    if (rows.headBits === length) return some;
    const far = this.#farthest(length);
    const near = new Uint32Array(some.length);
    const rest = new Uint16Array(SWEEP_ROWS);
    let count = 0;
    for (let at = 0; at < some.length; at += SWEEP_ROWS) {
      const present = some.subarray(at, at + SWEEP_ROWS).filter((row) => row < rows.count);
      rows.restDistances(this.#query.query, present, rest);
      present.forEach((row, at) => {
        if ((heads[row] ?? 0) + (rest[at] ?? 0) <= far) near[count++] = row;
      });
      yield;
    }
    return near.subarray(0, count);
  }

  *#measure(rows: Uint32Array): Steps {
    const cosines = new Float64Array(BATCH_ROWS);
    for (let at = 0; at < rows.length; at += BATCH_ROWS) {
      const { rows: { count }, members: { slots } } = this.holding;
      let batch = rows.subarray(at, at + BATCH_ROWS);
      if (this.changed.size > 0) {
        batch = batch.filter((row) => row < count && this.#isIn(slots[row] ?? 0));
      }
      this.#score(batch, cosines);
      yield;
    }
  }

  #isIn(slot: number): boolean {
    return (this.#accepted === undefined || this.#accepted[slot] === 1) &&
      (this.changed.size === 0 || !this.changed.has(slot));
  }

  #score(rows: Uint32Array, cosines: Float64Array): void {
    this.holding.rows.cosines(this.#query.query, rows, cosines);
    const { slots } = this.holding.members;
    for (let at = 0; at < rows.length; at++) {
      const slot = slots[rows[at] ?? 0] ?? 0;
      this.scores.offer(slot, cosines[at] ?? 0);
    }
  }
}
