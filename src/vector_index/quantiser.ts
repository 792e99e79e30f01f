/**
 * Vectors of one length in fewer bits: turned by a fixed rotation that spreads what each number
 * says over all of them, then rounded to int8, with the sign bits beside. The rotation keeps
 * cosines; after it no number stands out, so that rounding costs little, and the share of equal
 * sign bits tells the angle (Charikar, "Similarity estimation techniques from rounding algorithms",
 * 2002), also of models in whose vectors a few numbers are always large.
 *
 * The rotation is random signs and Hadamard blocks (Ailon and Chazelle, "The fast
 * Johnson-Lindenstrauss transform", 2009): two rounds over the first and the last 2^n numbers, and
 * between them a perfect shuffle, as those two may have hardly a number in common.
 */
import type { Kernel, NewKernel } from "./kernel.ts";

/** The same in every process; which number it is does not matter. */
const SEED = 0x5eed;
const ROUNDS = 2;
/** A vector's codes are as many as its numbers, filled up to whole steps of the kernel. */
const STEP = 16;
/** The longest query, as a product with any row of codes must fit into an int32. */
const MAX_PRODUCT = 2 ** 30;

/** A row as it is kept. Views that the next vector overwrites. */
export interface Quantised {
  readonly codes: Int8Array;
  readonly signs: Uint8Array;
  /** What 1 in a code stands for in the vector brought to length 1. */
  readonly unit: number;
}

/** A vector to compare rows with: finer than they are, so that only their rounding counts. */
export interface QuantisedQuery {
  readonly codes: Int16Array;
  readonly signs: Uint8Array;
  readonly unit: number;
}

export class Quantiser {
  readonly dimensions: number;
  /** How many codes a row has. */
  readonly length: number;
  /** How many bytes its sign bits take. */
  readonly signBytes: number;
  readonly #kernel: Kernel;
  readonly #vector: Float32Array;
  readonly #shuffled: Float32Array;
  readonly #codes: Int8Array;
  readonly #signs: Uint8Array;
  /** Where each block begins in the vector, and where its factors lie. */
  readonly #blocks: readonly { readonly vector: number; readonly factors: number }[];
  readonly #blockLength: number;

  constructor(dimensions: number, newKernel: NewKernel) {
    this.dimensions = dimensions;
    this.length = Math.ceil(dimensions / STEP) * STEP;
    this.signBytes = Math.ceil(this.length / 128) * 16;
    this.#blockLength = 2 ** Math.floor(Math.log2(this.length));
    const blockBytes = 4 * this.#blockLength;
    const codes = 4 * this.length;
    const signs = codes + this.length;
    const factors = signs + this.signBytes;
    const bytes = factors + 2 * ROUNDS * blockBytes;
    this.#kernel = newKernel(bytes);
    this.#kernel.grow(bytes);
    const { memory } = this.#kernel;
    this.#vector = new Float32Array(memory, 0, this.length);
    this.#shuffled = new Float32Array(this.length);
    this.#codes = new Int8Array(memory, codes, this.length);
    this.#signs = new Uint8Array(memory, signs, this.signBytes);
    const last = 4 * this.length - blockBytes;
    this.#blocks = Array.from({ length: 2 * ROUNDS }, (_, at) => ({
      vector: at % 2 === 0 ? 0 : last,
      factors: factors + at * blockBytes,
    }));
    fillFactors(
      new Float32Array(memory, factors, 2 * ROUNDS * this.#blockLength),
      this.#blockLength,
    );
  }

  get bytes(): number {
    return this.#kernel.memory.byteLength;
  }

  /** `inverseLength` is 1 / |vector|. */
  quantise(vector: Float32Array, inverseLength: number): Quantised {
    this.#rotate(vector, inverseLength);
    const { byteOffset: codes } = this.#codes;
    const { byteOffset: signs } = this.#signs;
    const unit = this.#kernel.quantise(0, this.length, codes, signs);
    return { codes: this.#codes, signs: this.#signs, unit };
  }

  query(vector: Float32Array, inverseLength: number): QuantisedQuery {
    const signs = this.quantise(vector, inverseLength).signs.slice();
    let most = 0;
    for (const number of this.#vector) most = Math.max(most, Math.abs(number));
    const factor = Math.min(32_767 / most, MAX_PRODUCT / (127 * Math.sqrt(this.length)));
    const codes = new Int16Array(this.length);
    for (let at = 0; at < codes.length; at++) {
      codes[at] = Math.round((this.#vector[at] ?? 0) * factor);
    }
    return { codes, signs, unit: 1 / factor };
  }

  #rotate(vector: Float32Array, inverseLength: number): void {
    const numbers = this.#vector;
    for (let at = 0; at < vector.length; at++) numbers[at] = (vector[at] ?? 0) * inverseLength;
    numbers.fill(0, vector.length);
    for (const [at, { vector, factors }] of this.#blocks.entries()) {
      if (at === this.#blocks.length / ROUNDS) this.#shuffle();
      this.#kernel.spread(vector, factors, this.#blockLength);
    }
  }

  /** Deals the one half between the numbers of the other. */
  #shuffle(): void {
    const half = this.length / 2;
    this.#shuffled.set(this.#vector);
    for (let at = 0; at < half; at++) {
      this.#vector[2 * at] = this.#shuffled[at] ?? 0;
      this.#vector[2 * at + 1] = this.#shuffled[half + at] ?? 0;
    }
  }
}

/** Random signs (xorshift; Marsaglia, 2003), each so small that a block keeps its length. */
function fillFactors(factors: Float32Array, blockLength: number): void {
  const size = 1 / Math.sqrt(blockLength);
  let state = SEED;
  for (let at = 0; at < factors.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    factors[at] = state < 0 ? -size : size;
  }
}
