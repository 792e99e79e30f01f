/**
 * The quantised vectors of an index, numbered without gaps: the last row takes the place of one
 * that goes. They lie in segments, which are given back when rows no longer need them.
 */
import { clampCosine } from "../cosine.ts";
import { resized } from "../typed_arrays.ts";
import type { NewKernel } from "./kernel.ts";
import type { Quantised, QuantisedQuery } from "./quantiser.ts";
import {
  BATCH_ROWS,
  BLOCK_ROWS,
  headBits,
  type RowShape,
  Segment,
  segmentRows,
} from "./segment.ts";

export class Rows {
  readonly #shape: RowShape;
  readonly #newKernel: NewKernel;
  readonly #perSegment: number;
  readonly #segments: Segment[] = [];
  #units = new Float32Array(BLOCK_ROWS);
  #count = 0;

  constructor(shape: RowShape, newKernel: NewKernel) {
    this.#shape = shape;
    this.#newKernel = newKernel;
    this.#perSegment = segmentRows(shape);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, this.#units.byteLength);
  }

  /** How many of a row's sign bits are its head. */
  get headBits(): number {
    return headBits(this.#shape);
  }

  /** Adds a row behind the last. */
  push(row: Quantised): void {
    if (this.#count === this.#units.length) this.#resizeUnits(2 * this.#count);
    this.#set(this.#count, row);
    this.#count++;
  }

  /** Drops a row; the last one has its number then. */
  drop(row: number): void {
    const last = --this.#count;
    if (row !== last) {
      const { segment, at } = this.#place(last);
      this.#set(row, { ...segment.at(at), unit: this.#units[last] ?? 0 });
    }
    this.#shrink();
  }

  /** Up to 24 of a row's sign bits from the given one on, as a number. */
  bits(row: number, from: number, count: number): number {
    const { segment, at } = this.#place(row);
    return segment.bits(at, from, count);
  }

  /** Of its codes: equal rows have equal ones. */
  hash(row: number): number {
    const { segment, at } = this.#place(row);
    return segment.hash(at);
  }

  areEqual(row: number, other: number): boolean {
    if (row >= this.#count || other >= this.#count) return false;
    const a = this.#place(row), b = this.#place(other);
    return a.segment.isEqual(a.at, b.segment, b.at);
  }

  differingBits(row: number, other: number): number {
    const a = this.#place(row);
    const b = this.#place(other);
    return a.segment.differingBits(a.at, b.segment, b.at);
  }

  /** A row as a query for others. */
  asQuery(row: number): QuantisedQuery {
    const { segment, at } = this.#place(row);
    const { codes, signs } = segment.at(at);
    return { codes: Int16Array.from(codes), signs, unit: this.#units[row] ?? 0 };
  }

  /** Writes to `into` in how many bits the heads of a sweep, the first of which is `row`, differ
   * from the query's; what follows the last row means nothing. */
  headDistances(query: QuantisedQuery, row: number, into: Uint16Array): void {
    const { segment, at } = this.#place(row);
    into.set(segment.headDistances(query, at), row);
  }

  /** Writes to `into` in how many of their other bits the rows differ from the query. */
  restDistances(query: QuantisedQuery, rows: Uint32Array, into: Uint16Array): void {
    this.#batches(
      rows,
      (segment, batch, from) => into.set(segment.restDistances(query, batch), from),
    );
  }

  /** Writes the cosines of the query with the rows to `into`. Ascending rows are fastest. */
  cosines(query: QuantisedQuery, rows: Uint32Array, into: Float64Array): void {
    this.#batches(rows, (segment, batch, from) => {
      const products = segment.products(query, batch);
      for (let at = 0; at < batch.length; at++) {
        const unit = this.#units[rows[from + at] ?? 0] ?? 0;
        const cosine = (products[at] ?? 0) * query.unit * unit;
        into[from + at] = clampCosine(cosine);
      }
    });
  }

  /** The rows by turns, as each segment numbers its own, and where in the list they begin. */
  #batches(
    rows: Uint32Array,
    take: (segment: Segment, batch: Uint32Array, from: number) => void,
  ): void {
    for (let from = 0; from < rows.length;) {
      const first = (rows[from] ?? 0) - (rows[from] ?? 0) % this.#perSegment;
      let to = from;
      while (to < rows.length && to - from < BATCH_ROWS && this.#isIn(first, rows[to] ?? 0)) to++;
      const batch = rows.slice(from, to);
      for (let at = 0; at < batch.length; at++) batch[at] = (batch[at] ?? 0) - first;
      take(this.#place(first).segment, batch, from);
      from = to;
    }
  }

  #isIn(first: number, row: number): boolean {
    return row >= first && row < first + this.#perSegment;
  }

  #set(row: number, quantised: Quantised): void {
    if (row === this.#perSegment * this.#segments.length) {
      this.#segments.push(new Segment(this.#shape, this.#newKernel));
    }
    const { segment, at } = this.#place(row);
    segment.set(at, quantised);
    this.#units[row] = quantised.unit;
  }

  #place(row: number): { readonly segment: Segment; readonly at: number } {
    const segment = this.#segments[Math.floor(row / this.#perSegment)];
    if (segment === undefined) throw new RangeError(`Cannot read row ${row}: there is none`);
    return { segment, at: row % this.#perSegment };
  }

  /** One spare segment stays, for what comes next. */
  #shrink(): void {
    this.#segments.splice(Math.ceil(this.#count / this.#perSegment) + 1);
    if (this.#count < this.#units.length / 4 && this.#units.length > BLOCK_ROWS) {
      this.#resizeUnits(this.#units.length / 2);
    }
  }

  #resizeUnits(length: number): void {
    this.#units = resized(this.#units, new Float32Array(length));
  }
}
