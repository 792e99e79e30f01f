/**
 * Some MiB of quantised rows in one kernel's memory. They lie in blocks of 256, the sign bits of a
 * block in front of its codes, and the memory grows by a block at a time: growing copies nothing.
 *
 *   scratch: query signs | query codes | list | products | distances
 *   block:   signs of 256 rows | codes of 256 rows
 */
import type { Kernel, NewKernel } from "./kernel.ts";
import { ones } from "./plain_kernel.ts";
import type { Quantised, QuantisedQuery } from "./quantiser.ts";

export const BLOCK_ROWS = 256;
/** How many rows one sweep compares by their sign bits. */
export const SWEEP_ROWS = 16 * BLOCK_ROWS;
/** How many rows one call compares by their codes. */
export const BATCH_ROWS = 1024;
/** What a segment holds, if one block is not already more: what is given back at once when rows
 * go, and small beside what an index that needs several of them holds. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface RowShape {
  /** Codes of a row. */
  readonly length: number;
  readonly signBytes: number;
}

/** How many rows one segment of such rows holds. */
export function segmentRows(shape: RowShape): number {
  return SWEEP_ROWS * Math.ceil(SEGMENT_BYTES / blockBytes(shape) / SWEEP_ROWS * BLOCK_ROWS);
}

function blockBytes({ length, signBytes }: RowShape): number {
  return BLOCK_ROWS * (length + signBytes);
}

export class Segment {
  readonly #shape: RowShape;
  readonly #kernel: Kernel;
  readonly #blockBytes: number;
  readonly #codes: number;
  readonly #list: number;
  readonly #products: number;
  readonly #distances: number;
  readonly #blocks: number;
  #bytes = new Uint8Array();
  #words = new Int32Array();
  /** The query in the scratch. */
  #query: QuantisedQuery | undefined;

  constructor(shape: RowShape, newKernel: NewKernel) {
    this.#shape = shape;
    this.#blockBytes = blockBytes(shape);
    this.#codes = shape.signBytes;
    this.#list = this.#codes + 2 * shape.length;
    this.#products = this.#list + 4 * BATCH_ROWS;
    this.#distances = this.#products + 4 * BATCH_ROWS;
    this.#blocks = this.#distances + 2 * SWEEP_ROWS;
    this.#kernel = newKernel(this.#blocks + segmentRows(shape) / BLOCK_ROWS * this.#blockBytes);
  }

  get bytes(): number {
    return this.#kernel.memory.byteLength;
  }

  /** Fills a row, growing to it. */
  set(row: number, { codes, signs }: Pick<Quantised, "codes" | "signs">): void {
    this.#growTo(row);
    this.#bytes.set(signs, this.#signsOf(row));
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    this.#bytes.set(bytes, this.#codesOf(row));
  }

  /** Views of a row, until the segment grows. */
  at(row: number): Pick<Quantised, "codes" | "signs"> {
    const { length, signBytes } = this.#shape;
    const { memory } = this.#kernel;
    return {
      codes: new Int8Array(memory, this.#codesOf(row), length),
      signs: new Uint8Array(memory, this.#signsOf(row), signBytes),
    };
  }

  /** Up to 24 of a row's sign bits from the given one on, as a number. */
  bits(row: number, from: number, count: number): number {
    const at = this.#signsOf(row) + (from >> 3);
    const bytes = this.#bytes;
    const low = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8;
    const high = (bytes[at + 2] ?? 0) | (bytes[at + 3] ?? 0) << 8;
    return ((low | high << 16) >>> (from & 7)) & (2 ** count - 1);
  }

  /** In how many sign bits a row differs from one of this or another segment. */
  differingBits(row: number, other: Segment, otherRow: number): number {
    const a = this.#signsOf(row) / 4;
    const b = other.#signsOf(otherRow) / 4;
    let sum = 0;
    for (let at = 0; at < this.#shape.signBytes / 4; at++) {
      sum += ones((this.#words[a + at] ?? 0) ^ (other.#words[b + at] ?? 0));
    }
    return sum;
  }

  /** In how many sign bits the rows of a sweep differ from the query: a view, until the next. */
  distances(query: QuantisedQuery, row: number): Uint16Array {
    this.#load(query);
    const first = this.#blocks + row / BLOCK_ROWS * this.#blockBytes;
    const blocks = Math.floor((this.#bytes.length - first) / this.#blockBytes);
    for (let block = 0; block < Math.min(blocks, SWEEP_ROWS / BLOCK_ROWS); block++) {
      const signs = first + block * this.#blockBytes;
      const to = this.#distances + 2 * block * BLOCK_ROWS;
      this.#kernel.hamming(0, signs, BLOCK_ROWS, this.#shape.signBytes, to);
    }
    return new Uint16Array(this.#kernel.memory, this.#distances, SWEEP_ROWS);
  }

  /** The query's products with the codes of at most `BATCH_ROWS` rows: a view, until the next. */
  products(query: QuantisedQuery, rows: Uint32Array): Int32Array {
    this.#load(query);
    const { memory } = this.#kernel;
    const list = new Uint32Array(memory, this.#list, rows.length);
    for (let at = 0; at < rows.length; at++) list[at] = this.#codesOf(rows[at] ?? 0);
    this.#kernel.dots(
      this.#codes,
      this.#list,
      rows.length,
      this.#shape.length,
      this.#products,
    );
    return new Int32Array(memory, this.#products, rows.length);
  }

  #load(query: QuantisedQuery): void {
    if (this.#query === query) return;
    this.#bytes.set(query.signs, 0);
    const { buffer, byteOffset, byteLength } = query.codes;
    this.#bytes.set(new Uint8Array(buffer, byteOffset, byteLength), this.#codes);
    this.#query = query;
  }

  #growTo(row: number): void {
    const blocks = Math.floor(row / BLOCK_ROWS) + 1;
    this.#kernel.grow(this.#blocks + blocks * this.#blockBytes);
    const { memory } = this.#kernel;
    if (this.#bytes.buffer === memory) return;
    this.#bytes = new Uint8Array(memory);
    this.#words = new Int32Array(memory);
  }

  #signsOf(row: number): number {
    const block = this.#blocks + Math.floor(row / BLOCK_ROWS) * this.#blockBytes;
    return block + (row % BLOCK_ROWS) * this.#shape.signBytes;
  }

  #codesOf(row: number): number {
    const block = this.#blocks + Math.floor(row / BLOCK_ROWS) * this.#blockBytes;
    return block + BLOCK_ROWS * this.#shape.signBytes + (row % BLOCK_ROWS) * this.#shape.length;
  }
}
