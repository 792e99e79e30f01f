/**
 * Vectors as language models make them, nearly enough to compare indexes on: all share a direction
 * (real embeddings are anisotropic), they lie in clusters of very different size and tightness,
 * few directions hold most of the variance, and a few coordinates are far larger than the others.
 * Vector number n of a seed is the same on every machine, whatever was made before it.
 */
import { random } from "../../random.ts";

type Random = () => number;

export interface ClusteredOptions {
  readonly dimensions: number;
  readonly seed: number;
  readonly clusters?: number;
}

const CLUSTERS = 2_000;
/** Lengths of the parts that a vector is the sum of; a cluster's own spread comes on top. */
const MEAN = 0.6, CENTRE = 1;
const SPREAD = { least: 0.15, most: 1.1 } as const;
/** How far a question lies from what it is about, as a share of that cluster's spread. */
const PARAPHRASE = 0.7;
const OUTLIERS = 3, OUTLIER = 6;
const QUANTILES = 1 << 14;

export class ClusteredVectors {
  readonly dimensions: number;
  readonly #seed: number;
  readonly #clusters: number;
  readonly #spectrum: Float32Array;
  readonly #signs: Float32Array;
  readonly #mean: Float32Array;
  readonly #centres = new Map<number, Float32Array>();

  constructor({ dimensions, seed, clusters = CLUSTERS }: ClusteredOptions) {
    this.dimensions = dimensions;
    this.#seed = seed;
    this.#clusters = clusters;
    // The variance falls as 1 over the rank: some dozens of directions tell most.
    const falling = Float32Array.from({ length: dimensions }, (_, rank) => (1 + rank) ** -0.5);
    this.#spectrum = scaled(falling, 1);
    const chance = this.#chance(0, 0);
    this.#signs = Float32Array.from({ length: dimensions }, () => chance() < 0.5 ? -1 : 1);
    this.#mean = scaled(this.#direction(chance), MEAN);
    for (let i = 0; i < OUTLIERS; i++) {
      const at = Math.floor(chance() * dimensions);
      this.#mean[at] = (this.#mean[at] ?? 0) + OUTLIER * MEAN / Math.sqrt(dimensions);
    }
  }

  /** Of length 1. */
  vector(number: number): Float32Array {
    return scaled(this.#point(number), 1);
  }

  /** By turns something said in other words, and something between two things. */
  question(number: number, stored: number): Float32Array {
    const chance = this.#chance(2, number);
    const about = () => Math.floor(chance() * stored);
    const near = about();
    const point = this.#point(near);
    const noise = this.#direction(chance);
    const other = number % 2 === 0 ? undefined : this.#point(about());
    const spread = PARAPHRASE * this.#spread(this.#clusterOf(this.#chance(1, near)));
    for (let i = 0; i < point.length; i++) {
      const here = point[i] ?? 0;
      const middle = other === undefined ? here : (here + (other[i] ?? 0)) / 2;
      point[i] = middle + spread * (noise[i] ?? 0);
    }
    return scaled(point, 1);
  }

  #point(number: number): Float32Array {
    const chance = this.#chance(1, number);
    const cluster = this.#clusterOf(chance);
    const centre = this.#centre(cluster);
    const spread = this.#spread(cluster);
    const point = this.#direction(chance);
    for (let i = 0; i < point.length; i++) {
      point[i] = (this.#mean[i] ?? 0) + CENTRE * (centre[i] ?? 0) + spread * (point[i] ?? 0);
    }
    return point;
  }

  /** A few clusters are large and most are small. */
  #clusterOf(chance: Random): number {
    return Math.floor(this.#clusters * chance() ** 2);
  }

  #spread(cluster: number): number {
    const { least, most } = SPREAD;
    return least + (most - least) * this.#chance(3, cluster)();
  }

  #centre(cluster: number): Float32Array {
    const known = this.#centres.get(cluster);
    if (known !== undefined) return known;
    const centre = this.#direction(this.#chance(4, cluster));
    this.#centres.set(cluster, centre);
    return centre;
  }

  /** Near length 1, after the spectrum, turned so that no coordinate stands for one direction. */
  #direction(chance: Random): Float32Array {
    const numbers = new Float32Array(this.dimensions);
    for (let i = 0; i < numbers.length; i++) {
      const normal = normals[Math.floor(chance() * QUANTILES)] ?? 0;
      numbers[i] = normal * (this.#spectrum[i] ?? 0);
    }
    this.#turn(numbers);
    return numbers;
  }

  /** Signs and then a fast Walsh-Hadamard transform over blocks: keeps lengths and angles. */
  #turn(numbers: Float32Array): void {
    const { length } = numbers;
    const block = length & -length;
    const blocks = length / block;
    // Neighbours go to different blocks, so that each block has its share of what varies most.
    const mixed = numbers.map((_, i) =>
      (numbers[(i % block) * blocks + Math.floor(i / block)] ?? 0) * (this.#signs[i] ?? 0)
    );
    for (let half = 1; half < block; half *= 2) {
      for (let i = 0; i < length; i++) {
        if ((i & half) !== 0) continue;
        const a = mixed[i] ?? 0, b = mixed[i + half] ?? 0;
        mixed[i] = a + b;
        mixed[i + half] = a - b;
      }
    }
    const scale = 1 / Math.sqrt(block);
    for (let i = 0; i < length; i++) numbers[i] = (mixed[i] ?? 0) * scale;
  }

  #chance(stream: number, number: number): Random {
    const chance = random(Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(stream + 1, this.#seed));
    chance(); // Neighbouring seeds begin alike.
    return chance;
  }
}

/** The same direction with another length. */
function scaled(vector: Float32Array, length: number): Float32Array {
  let squares = 0;
  for (const x of vector) squares += x * x;
  const factor = length / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) * factor;
  return vector;
}

/** Normal numbers, evenly over their distribution: drawing one is a look into a table. */
const normals = Float32Array.from(
  { length: QUANTILES },
  (_, at) => normalQuantile((at + 0.5) / QUANTILES),
);

/** By halving, over the logistic approximation of the normal distribution (Bowling et al., 2009). */
function normalQuantile(share: number): number {
  let low = -6, high = 6;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    const below = 1 / (1 + Math.exp(-1.5976 * middle - 0.07056 * middle ** 3));
    if (below < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
