/** Vectors as models give them: tight clusters, all on one side of the origin, some of their
 * numbers always larger than others. */
import { below } from "./store_kit.ts";

export class ClusteredVectors {
  readonly #random: () => number;
  readonly #mean: Float32Array;
  readonly #centres: readonly Float32Array[];
  readonly #noise: number;

  constructor(random: () => number, dimensions: number, clusters: number, noise = 0.4) {
    this.#random = random;
    this.#noise = noise;
    this.#mean = this.#scattered(dimensions, 0.7).map((x, at) => x * (at % 17 === 0 ? 5 : 1));
    this.#centres = Array.from({ length: clusters }, () => this.#scattered(dimensions, 1));
  }

  next(): Float32Array {
    const centre = this.#centres[below(this.#random, this.#centres.length)] ?? this.#mean;
    const noise = this.#scattered(centre.length, this.#noise);
    return centre.map((x, at) => x + (this.#mean[at] ?? 0) + (noise[at] ?? 0));
  }

  /** Nearly the same vector. */
  beside(vector: Float32Array, noise: number): Float32Array {
    const size = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0) / vector.length);
    return vector.map((x) => x + noise * size * this.#about());
  }

  #scattered(length: number, size: number): Float32Array {
    return Float32Array.from({ length }, () => size * this.#about());
  }

  /** Around 0 with a deviation of 1: the sum of three even numbers is near enough to a bell. */
  #about(): number {
    return 2 * (this.#random() + this.#random() + this.#random() - 1.5);
  }
}
