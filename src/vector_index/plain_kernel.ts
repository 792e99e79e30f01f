/**
 * The kernel in plain TypeScript: the oracle of `kernel.wat`, and what runs where WebAssembly does
 * not. Numbers are rounded to float32 after each step, so that both give the same bits.
 */
import type { Kernel } from "./kernel.ts";

const FIRST_BYTES = 64 * 1024;

export class PlainKernel implements Kernel {
  readonly #maxBytes: number;
  #memory: ArrayBuffer;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#memory = new ArrayBuffer(Math.min(FIRST_BYTES, maxBytes));
  }

  get memory(): ArrayBuffer {
    return this.#memory;
  }

  grow(bytes: number): void {
    if (bytes > this.#maxBytes) throw new RangeError(`Cannot grow: ${bytes} bytes are too many`);
    if (bytes <= this.#memory.byteLength) return;
    // By more than was asked for: each growth is a copy.
    const next = Math.min(this.#maxBytes, Math.max(bytes, 2 * this.#memory.byteLength));
    this.#memory = this.#memory.transfer(next);
  }

  hamming(query: number, rows: number, count: number, bytes: number, out: number): void {
    const words = bytes / 4;
    const a = new Int32Array(this.#memory, query, words);
    const b = new Int32Array(this.#memory, rows, words * count);
    const distances = new Uint16Array(this.#memory, out, count);
    for (let row = 0, from = 0; row < count; row++, from += words) {
      let sum = 0;
      for (let at = 0; at < words; at++) sum += ones((a[at] ?? 0) ^ (b[from + at] ?? 0));
      distances[row] = sum;
    }
  }

  hammingOf(query: number, list: number, count: number, bytes: number, out: number): void {
    const words = new Int32Array(this.#memory);
    const rows = new Uint32Array(this.#memory, list, count);
    const distances = new Int32Array(this.#memory, out, count);
    for (let row = 0; row < count; row++) {
      const from = (rows[row] ?? 0) / 4;
      let sum = 0;
      for (let at = 0; at < bytes / 4; at++) {
        sum += ones((words[query / 4 + at] ?? 0) ^ (words[from + at] ?? 0));
      }
      distances[row] = sum;
    }
  }

  dots(query: number, list: number, count: number, length: number, out: number): void {
    const a = new Int16Array(this.#memory, query, length);
    const codes = new Int8Array(this.#memory);
    const rows = new Uint32Array(this.#memory, list, count);
    const products = new Int32Array(this.#memory, out, count);
    for (let row = 0; row < count; row++) {
      const from = rows[row] ?? 0;
      let sum = 0;
      for (let at = 0; at < length; at++) sum += (a[at] ?? 0) * (codes[from + at] ?? 0);
      products[row] = sum;
    }
  }

  spread(vector: number, factors: number, length: number): void {
    const numbers = new Float32Array(this.#memory, vector, length);
    const by = new Float32Array(this.#memory, factors, length);
    for (let at = 0; at < length; at++) numbers[at] = (numbers[at] ?? 0) * (by[at] ?? 0);
    for (let half = 1; half < length; half *= 2) {
      for (let pair = 0; pair < length; pair += 2 * half) {
        for (let at = pair; at < pair + half; at++) {
          const a = numbers[at] ?? 0;
          const b = numbers[at + half] ?? 0;
          numbers[at] = a + b;
          numbers[at + half] = a - b;
        }
      }
    }
  }

  quantise(vector: number, length: number, codes: number, signs: number): number {
    const numbers = new Float32Array(this.#memory, vector, length);
    const rounded = new Int8Array(this.#memory, codes, length);
    const bits = new Uint8Array(this.#memory, signs, length / 8);
    let most = 0;
    for (let at = 0; at < length; at++) most = Math.max(most, Math.abs(numbers[at] ?? 0));
    const by = Math.fround(127 / most);
    bits.fill(0);
    for (let at = 0; at < length; at++) {
      const code = Math.floor(Math.fround(Math.fround((numbers[at] ?? 0) * by) + 0.5));
      rounded[at] = Math.min(127, code);
      if (code < 0) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
    }
    return Math.fround(most / 127);
  }
}

/** How many bits are set (Warren, "Hacker's Delight", figure 5-2). */
export function ones(word: number): number {
  let sum = word - ((word >>> 1) & 0x55555555);
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333);
  sum = (sum + (sum >>> 4)) & 0x0f0f0f0f;
  return Math.imul(sum, 0x01010101) >>> 24;
}
