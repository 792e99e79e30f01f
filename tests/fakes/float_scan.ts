/** The vector index as the obvious slow thing: every vector, every cosine, in float64. The oracle
 * of the one that the program runs. */
import { AppError } from "../../src/errors.ts";
import type {
  NearPairs,
  NearPairsQuery,
  VectorEntry,
  VectorHit,
  VectorIndex,
  VectorPair,
  VectorQuery,
  VectorResult,
} from "../../src/vector_index.ts";

/** From here on two vectors are the very same, but for rounding. */
const ALIKE = 1 - 1e-9;

type Vectors = readonly Float32Array[];

export class FloatScan implements VectorIndex {
  readonly kind = "memory";
  readonly #vectors = new Map<string, Vectors>();

  get dimensions(): number | undefined {
    return this.#vectors.values().next().value?.[0]?.length;
  }

  get size(): number {
    return this.#vectors.size;
  }

  get bytes(): number {
    return [...this.#vectors.values()].flat().reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  has(id: string): boolean {
    return this.#vectors.has(id);
  }

  // deno-lint-ignore require-await -- a refusal is a rejected promise
  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const dimensions = this.dimensions ?? entries[0]?.vectors[0]?.length ?? 0;
    for (const vector of entries.flatMap(({ vectors }) => vectors)) check(vector, dimensions);
    for (const { id, vectors } of entries) {
      this.#vectors.set(id, vectors.map((vector) => vector.slice()));
    }
  }

  // deno-lint-ignore require-await -- see upsert
  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#vectors.delete(id);
  }

  // deno-lint-ignore require-await -- see upsert
  async search({ vector, limit, accept, signal }: VectorQuery): Promise<VectorResult> {
    signal?.throwIfAborted();
    check(vector, this.dimensions ?? vector.length);
    const hits: VectorHit[] = [];
    for (const [id, vectors] of this.#vectors) {
      if (accept?.(id) === false) continue;
      hits.push({ id, score: Math.max(...vectors.map((other) => cosine(vector, other))) });
    }
    hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    return { hits: hits.slice(0, limit), total: hits.length };
  }

  // deno-lint-ignore require-await -- see upsert
  async nearPairs({ minScore, limit }: NearPairsQuery): Promise<NearPairs> {
    const pairs: VectorPair[] = [];
    const entries = [...this.#vectors].map(([id, vectors]) => [id, vectors.map(unit)] as const)
      .sort(([a], [b]) => a < b ? -1 : 1);
    const copies = new Set<string>();
    for (const [at, [a, ofA]] of entries.entries()) {
      if (copies.has(a)) continue;
      for (const [b, ofB] of entries.slice(at + 1)) {
        if (copies.has(b)) continue;
        const score = Math.min(meanOfBest(ofA, ofB), meanOfBest(ofB, ofA));
        if (ofA.length === 1 && ofB.length === 1 && score > ALIKE) copies.add(b);
        if (score >= minScore) pairs.push({ a, b, score });
      }
    }
    pairs.sort((one, other) => other.score - one.score);
    return { pairs: pairs.slice(0, limit), isComplete: pairs.length <= limit };
  }
}

function unit(vector: Float32Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return Float64Array.from(vector, (x) => x / length);
}

/** Of vectors of length 1. */
function meanOfBest(parts: readonly Float64Array[], others: readonly Float64Array[]): number {
  const best = parts.map((part) => Math.max(...others.map((other) => dot(part, other))));
  return best.reduce((sum, score) => sum + score, 0) / best.length;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const score = dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
  return Math.max(-1, Math.min(1, score));
}

function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

function check(vector: Float32Array, dimensions: number): void {
  const { length } = vector;
  if (length === dimensions && vector.every(Number.isFinite) && vector.some(Boolean)) return;
  throw new AppError(
    "invalid",
    `Cannot compare the vector: ${length} numbers, ${dimensions} wanted`,
  );
}
