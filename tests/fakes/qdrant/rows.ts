/** The vectors of a collection, as Qdrant keeps them for a cosine: float32, of length 1. */
import { dotProduct } from "../../../src/cosine.ts";

const SEGMENT_ROWS = 1024;

export class Rows {
  readonly length: number;
  #segments: Float32Array[] = [];
  #free: number[] = [];
  #next = 0;

  constructor(length: number) {
    this.length = length;
  }

  /** Returns the row that is taken. */
  add(vector: readonly number[]): number {
    const row = this.#free.pop() ?? this.#next++;
    if (row === SEGMENT_ROWS * this.#segments.length) {
      this.#segments.push(new Float32Array(SEGMENT_ROWS * this.length));
    }
    this.#at(row).set(vector);
    normalize(this.#at(row));
    return row;
  }

  remove(row: number): void {
    this.#free.push(row);
  }

  vector(row: number): Float32Array {
    return this.#at(row).slice();
  }

  /** With a vector that is normalised as the rows are. */
  score(row: number, query: Float32Array): number {
    const segment = this.#segments[Math.floor(row / SEGMENT_ROWS)] ?? query;
    return Math.fround(dotProduct(segment, (row % SEGMENT_ROWS) * this.length, query));
  }

  copy(): Rows {
    const copy = new Rows(this.length);
    copy.#segments = this.#segments.map((segment) => segment.slice());
    copy.#free = [...this.#free];
    copy.#next = this.#next;
    return copy;
  }

  #at(row: number): Float32Array {
    const from = (row % SEGMENT_ROWS) * this.length;
    const segment = this.#segments[Math.floor(row / SEGMENT_ROWS)] ?? new Float32Array(this.length);
    return segment.subarray(from, from + this.length);
  }
}

/** As `cosine_preprocess` does: what is zero, or of length 1 nearly enough, stays as it is. */
export function normalize(vector: Float32Array): void {
  let sum = 0;
  for (const x of vector) sum = Math.fround(sum + Math.fround(x * x));
  if (sum < 2 ** -23 || Math.abs(sum - 1) <= 1e-6) return;
  const length = Math.fround(Math.sqrt(sum));
  for (let at = 0; at < vector.length; at++) vector[at] = (vector[at] ?? 0) / length;
}
