/**
 * The vectors and questions of a run, in files that every process reads, and for each question the
 * ten that really are nearest: by a plain scan of float32, summed in double precision.
 */
import { join } from "node:path";
import { ClusteredVectors } from "./clustered_vectors.ts";
import { VectorFile } from "./vector_file.ts";

export const FOUND = 10;
const SEED = 20_261_122;
const BLOCK = 256;

export interface VectorData {
  readonly dimensions: number;
  readonly vectors: string;
  readonly questions: string;
  readonly asked: number;
  /** For a number of vectors, counted from the first: for each question the nearest, best first. */
  readonly nearest: ReadonlyMap<number, readonly (readonly number[])[]>;
}

interface Wanted {
  readonly folder: string;
  readonly dimensions: number;
  /** Smallest first. */
  readonly sizes: readonly number[];
  readonly asked: number;
  /** Further vectors, to be added to a full index. */
  readonly more: number;
}

export function makeVectorData({ folder, dimensions, sizes, asked, more }: Wanted): VectorData {
  const made = new ClusteredVectors({ dimensions, seed: SEED });
  const most = sizes.at(-1) ?? 0;
  const vectors = join(folder, `vectors-${dimensions}`);
  const questions = join(folder, `questions-${dimensions}`);
  writeVectors(vectors, most + more, (number) => made.vector(number));
  // About the vectors that every size has.
  const about = sizes[0] ?? 0;
  writeVectors(questions, asked, (number) => made.question(number, about));
  const nearest = scan({ vectors, questions, dimensions, asked }, sizes);
  return { dimensions, vectors, questions, asked, nearest };
}

/** The share of the nearest that were found, over all questions that were asked. */
export function recall(
  found: readonly (readonly number[])[],
  nearest: readonly (readonly number[])[],
): number {
  let hits = 0, wanted = 0;
  found.forEach((numbers, question) => {
    const known = new Set(numbers);
    const best = nearest[question] ?? [];
    wanted += best.length;
    hits += best.filter((number) => known.has(number)).length;
  });
  return hits / wanted;
}

function writeVectors(path: string, count: number, vector: (number: number) => Float32Array): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  for (let number = 0; number < count; number++) {
    const { buffer, byteOffset, byteLength } = vector(number);
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let written = 0; written < byteLength;) {
      written += file.writeSync(bytes.subarray(written));
    }
  }
}

/** Blocks of vectors stay in the processor's cache while every question is compared with them. */
function scan(
  { vectors, questions, dimensions, asked }: Omit<VectorData, "nearest">,
  sizes: readonly number[],
): Map<number, number[][]> {
  const file = new VectorFile(vectors, dimensions);
  const asking = new VectorFile(questions, dimensions);
  const queries = Array.from({ length: asked }, (_, number) => asking.vector(number));
  const best = queries.map(() => new Nearest());
  const nearest = new Map<number, number[][]>();
  let from = 0;
  for (const size of sizes) {
    while (from < size) {
      const to = Math.min(from + BLOCK, size);
      const rows = Array.from({ length: to - from }, (_, at) => file.vector(from + at));
      queries.forEach((query, question) =>
        rows.forEach((row, at) => best[question]?.offer(from + at, dot(row, query)))
      );
      from = to;
    }
    nearest.set(size, best.map(({ numbers }) => numbers));
  }
  file.close();
  asking.close();
  return nearest;
}

function dot(a: Float32Array, b: Float32Array): number {
  let even = 0, odd = 0;
  for (let i = 0; i < a.length; i += 2) {
    even += (a[i] ?? 0) * (b[i] ?? 0);
    odd += (a[i + 1] ?? 0) * (b[i + 1] ?? 0);
  }
  return even + odd;
}

/** The ten with the highest score. */
class Nearest {
  readonly #best: { readonly number: number; readonly score: number }[] = [];

  offer(number: number, score: number): void {
    const worst = this.#best.at(-1);
    if (this.#best.length === FOUND && worst !== undefined && score <= worst.score) return;
    const at = this.#best.findIndex((other) => other.score < score);
    this.#best.splice(at < 0 ? this.#best.length : at, 0, { number, score });
    this.#best.length = Math.min(this.#best.length, FOUND);
  }

  get numbers(): number[] {
    return this.#best.map(({ number }) => number);
  }
}
