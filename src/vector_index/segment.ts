/**
 * Some MiB of quantised rows in one kernel's memory. They lie in blocks of 256, the sign bits of a
 * block in front of its codes, and the memory grows by a block at a time: growing copies nothing.
 * The first bits of each row, its head, lie apart from the rest, which few searches need.
 *
 *   scratch: query signs | query codes | list | its numbers | distances
 *   block:   heads of 256 rows | other signs of 256 rows | codes of 256 rows
 */
import type { Kernel, NewKernel } from "./kernel.ts";
import { ones } from "./plain_kernel.ts";
import type { Quantised, QuantisedQuery } from "./quantiser.ts";

export const BLOCK_ROWS = 256;
/** How many rows one sweep compares by their sign bits. */
export const SWEEP_ROWS = 16 * BLOCK_ROWS;
/** How many rows one call compares by their codes. */
export const BATCH_ROWS = 1024;
/** As much of the signs as tells most rows apart, in a line of a processor's cache. */
const HEAD_BYTES = 64;
/** What a segment holds, if one block is not already more: what is given back at once when rows
 * go, and small beside what an index that needs several of them holds. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface RowShape {
  /** Codes of a row. */
  readonly length: number;
  readonly signBytes: number;
}

/** How many bits the head of such a row has. */
export function headBits({ length }: RowShape): number {
  return Math.min(length, 8 * HEAD_BYTES);
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
  readonly #headBytes: number;
  readonly #restBytes: number;
  readonly #blockBytes: number;
  readonly #codes: number;
  readonly #list: number;
  readonly #numbers: number;
  readonly #distances: number;
  readonly #blocks: number;
  #bytes = new Uint8Array();
  #words = new Int32Array();
  /** The query in the scratch. */
  #query: QuantisedQuery | undefined;

  constructor(shape: RowShape, newKernel: NewKernel) {
    this.#shape = shape;
    this.#headBytes = Math.min(shape.signBytes, HEAD_BYTES);
    this.#restBytes = shape.signBytes - this.#headBytes;
    this.#blockBytes = blockBytes(shape);
    this.#codes = shape.signBytes;
    this.#list = this.#codes + 2 * shape.length;
    this.#numbers = this.#list + 4 * BATCH_ROWS;
    this.#distances = this.#numbers + 4 * BATCH_ROWS;
    this.#blocks = this.#distances + 2 * SWEEP_ROWS;
    this.#kernel = newKernel(this.#blocks + segmentRows(shape) / BLOCK_ROWS * this.#blockBytes);
  }

  get bytes(): number {
    return this.#kernel.memory.byteLength;
  }

  /** Fills a row, growing to it. */
  set(row: number, { codes, signs }: Pick<Quantised, "codes" | "signs">): void {
    this.#growTo(row);
    this.#bytes.set(signs.subarray(0, this.#headBytes), this.#headOf(row));
    this.#bytes.set(signs.subarray(this.#headBytes), this.#restOf(row));
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    this.#bytes.set(bytes, this.#codesOf(row));
  }

  /** A row; its codes are a view, until the segment grows. */
  at(row: number): Pick<Quantised, "codes" | "signs"> {
    const { length, signBytes } = this.#shape;
    const { memory } = this.#kernel;
    const signs = new Uint8Array(signBytes);
    signs.set(new Uint8Array(memory, this.#headOf(row), this.#headBytes));
    signs.set(new Uint8Array(memory, this.#restOf(row), this.#restBytes), this.#headBytes);
    return { codes: new Int8Array(memory, this.#codesOf(row), length), signs };
  }

  /** Up to 24 of a row's sign bits from the given one on, as a number. */
  bits(row: number, from: number, count: number): number {
    const at = from >> 3;
    const low = this.#signByte(row, at) | this.#signByte(row, at + 1) << 8;
    const high = this.#signByte(row, at + 2) | this.#signByte(row, at + 3) << 8;
    return ((low | high << 16) >>> (from & 7)) & (2 ** count - 1);
  }

  hash(row: number): number {
    const from = this.#codesOf(row) / 4;
    let hash = 0;
    for (let at = from; at < from + this.#shape.length / 4; at++) {
      hash = Math.imul(hash ^ (this.#words[at] ?? 0), 0x01000193) ^ (hash >>> 13);
    }
    return hash;
  }

  /** Whether a row has the same codes as one of this or another segment. */
  isEqual(row: number, other: Segment, otherRow: number): boolean {
    const a = this.#codesOf(row) / 4, b = other.#codesOf(otherRow) / 4;
    for (let at = 0; at < this.#shape.length / 4; at++) {
      if (this.#words[a + at] !== other.#words[b + at]) return false;
    }
    return true;
  }

  /** In how many sign bits a row differs from one of this or another segment. */
  differingBits(row: number, other: Segment, otherRow: number): number {
    const heads = this.#differing(
      this.#headOf(row),
      other,
      other.#headOf(otherRow),
      this.#headBytes,
    );
    return heads +
      this.#differing(this.#restOf(row), other, other.#restOf(otherRow), this.#restBytes);
  }

  #differing(from: number, other: Segment, otherFrom: number, bytes: number): number {
    let sum = 0;
    for (let at = 0; at < bytes / 4; at++) {
      const a = this.#words[from / 4 + at] ?? 0;
      sum += ones(a ^ (other.#words[otherFrom / 4 + at] ?? 0));
    }
    return sum;
  }

  /** In how many bits the heads of a sweep differ from the query's: a view, until the next. */
  headDistances(query: QuantisedQuery, row: number): Uint16Array {
    this.#load(query);
    const first = this.#blocks + row / BLOCK_ROWS * this.#blockBytes;
    const blocks = Math.floor((this.#bytes.length - first) / this.#blockBytes);
    for (let block = 0; block < Math.min(blocks, SWEEP_ROWS / BLOCK_ROWS); block++) {
      const heads = first + block * this.#blockBytes;
      const to = this.#distances + 2 * block * BLOCK_ROWS;
      this.#kernel.hamming(0, heads, BLOCK_ROWS, this.#headBytes, to);
    }
    return new Uint16Array(this.#kernel.memory, this.#distances, SWEEP_ROWS);
  }

  /** In how many of their other bits at most `BATCH_ROWS` rows differ from the query: a view. */
  restDistances(query: QuantisedQuery, rows: Uint32Array): Int32Array {
    const [from, bytes] = [this.#headBytes, this.#restBytes];
    this.#load(query);
    const numbers = this.#listed(rows, (row) => this.#restOf(row));
    this.#kernel.hammingOf(from, this.#list, rows.length, bytes, this.#numbers);
    return numbers;
  }

  /** The query's products with the codes of at most `BATCH_ROWS` rows: a view, until the next. */
  products(query: QuantisedQuery, rows: Uint32Array): Int32Array {
    this.#load(query);
    const numbers = this.#listed(rows, (row) => this.#codesOf(row));
    this.#kernel.dots(this.#codes, this.#list, rows.length, this.#shape.length, this.#numbers);
    return numbers;
  }

  /** Lists the addresses of the rows, and gives the place of what will be said of them. */
  #listed(rows: Uint32Array, addressOf: (row: number) => number): Int32Array {
    const { memory } = this.#kernel;
    const list = new Uint32Array(memory, this.#list, rows.length);
    for (let at = 0; at < rows.length; at++) list[at] = addressOf(rows[at] ?? 0);
    return new Int32Array(memory, this.#numbers, rows.length);
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

  #signByte(row: number, at: number): number {
    const from = at < this.#headBytes ? this.#headOf(row) : this.#restOf(row) - this.#headBytes;
    return this.#bytes[from + at] ?? 0;
  }

  #blockOf(row: number): number {
    return this.#blocks + Math.floor(row / BLOCK_ROWS) * this.#blockBytes;
  }

  #headOf(row: number): number {
    return this.#blockOf(row) + (row % BLOCK_ROWS) * this.#headBytes;
  }

  #restOf(row: number): number {
    return this.#blockOf(row) + BLOCK_ROWS * this.#headBytes + (row % BLOCK_ROWS) * this.#restBytes;
  }

  #codesOf(row: number): number {
    const { length, signBytes } = this.#shape;
    return this.#blockOf(row) + BLOCK_ROWS * signBytes + (row % BLOCK_ROWS) * length;
  }
}
