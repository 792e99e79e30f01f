/** Pairs of memories that mean much the same: found by their rows, scored as a whole. */
import { Best } from "../ranking.ts";
import { compareKeys } from "../selection.ts";
import type { NearPairs, VectorPair } from "../vector_index.ts";
import { clampCosine, dotProduct, inverseLength } from "../cosine.ts";
import { rounding } from "./finalists.ts";
import type { Holding } from "./holding.ts";
import { RowPairs } from "./row_pairs.ts";
import type { Steps } from "./scan.ts";

/** So many pairs are kept while more are looked for, if no more are asked for. */
const LEAST_KEPT = 20_000;
/** Chunks of the one times chunks of the other: pairs of longer memories keep the score that they
 * have by their quantised vectors. */
const MOST_CHUNK_PAIRS = 256;

type Vectors = readonly Float32Array[];

export class NearPairSearch {
  readonly #holding: Holding;
  readonly #minScore: number;
  readonly #limit: number;
  #pairs: VectorPair[] = [];
  #isComplete = true;

  constructor(holding: Holding, minScore: number, limit: number) {
    this.#holding = holding;
    this.#minScore = minScore;
    this.#limit = limit;
  }

  /** Finds the pairs and scores them by their quantised vectors. */
  *steps(): Steps {
    const minScore = this.#minScore - rounding(this.#holding.quantiser.length);
    const rowPairs = new RowPairs(this.#holding, {
      minScore,
      most: Math.max(LEAST_KEPT, 4 * this.#limit),
    });
    yield* rowPairs.steps();
    const best = new Best<VectorPair>(2 * this.#limit, compare);
    for (const [a, b] of rowPairs.found) {
      const score = yield* this.#score(a, b);
      // NaN where one of the two has gone.
      if (!(score >= minScore)) continue;
      if (best.worst !== undefined) this.#isComplete = false;
      best.offer({ a, b, score });
    }
    if (!rowPairs.isComplete) this.#isComplete = false;
    this.#pairs = best.items();
  }

  /** Those that may be among the result, in no order. */
  get pairs(): readonly VectorPair[] {
    return this.#pairs;
  }

  /** Puts the scores right of some of the pairs, from the given one on, by their vectors. */
  rescore(from: number, count: number, vectors: ReadonlyMap<string, Vectors | undefined>): void {
    for (const [at, pair] of this.#pairs.slice(from, from + count).entries()) {
      const score = exactScore(vectors.get(pair.a) ?? [], vectors.get(pair.b) ?? []);
      if (score !== undefined) this.#pairs[from + at] = { ...pair, score };
    }
  }

  result(): NearPairs {
    const { members } = this.#holding;
    const isIn = (id: string) => members.slotOf(id) !== undefined;
    const near = this.#pairs
      .filter(({ a, b, score }) => score >= this.#minScore && isIn(a) && isIn(b))
      .sort(compare);
    return {
      pairs: near.slice(0, this.#limit),
      isComplete: this.#isComplete && near.length <= this.#limit,
    };
  }

  *#score(a: string, b: string): Generator<void, number, void> {
    const [ofA, ofB] = [this.#rowsOf(a), this.#rowsOf(b)];
    const cosines: number[][] = [];
    const into = new Float64Array(ofB.length);
    for (const row of ofA) {
      const { rows } = this.#holding;
      rows.cosines(rows.asQuery(row), ofB, into);
      cosines.push([...into]);
    }
    yield;
    return pairScore(cosines);
  }

  #rowsOf(id: string): Uint32Array {
    const slot = this.#holding.members.slotOf(id);
    return Uint32Array.from(slot === undefined ? [] : this.#holding.members.rowsAt(slot)).sort();
  }
}

function compare(one: VectorPair, other: VectorPair): number {
  return other.score - one.score || compareKeys(one.a, other.a) || compareKeys(one.b, other.b);
}

function exactScore(a: Vectors, b: Vectors): number | undefined {
  const chunkPairs = a.length * b.length;
  if (chunkPairs === 0 || chunkPairs > MOST_CHUNK_PAIRS) return undefined;
  const inverses = b.map(inverseLength);
  const cosines = a.map((vector) => {
    const inverse = inverseLength(vector);
    return b.map((other, at) => (
      other.length === vector.length
        ? clampCosine(dotProduct(vector, 0, other) * inverse * (inverses[at] ?? NaN))
        : NaN
    ));
  });
  const score = pairScore(cosines);
  return Number.isNaN(score) ? undefined : score;
}

/** The mean over the chunks of the memory that is matched worse, each by its best match. */
function pairScore(cosines: readonly (readonly number[])[]): number {
  const mean = (numbers: readonly number[]) => (
    numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  );
  const ofA = cosines.map((row) => Math.max(...row));
  const ofB = (cosines[0] ?? []).map((_, at) => Math.max(...cosines.map((row) => row[at] ?? -1)));
  return Math.min(mean(ofA), mean(ofB));
}
