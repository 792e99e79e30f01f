/** The best of a scan: chosen by their quantised vectors, put right by the vectors themselves. */
import { Best } from "../ranking.ts";
import type { VectorHit, VectorResult } from "../vector_index.ts";
import { clampCosine, dotProduct, inverseLength } from "../cosine.ts";
import type { Measured } from "./holding.ts";
import type { Scan } from "./scan.ts";

/** So many are put right at a time, and half as many of a long list: each may be a read from a
 * file. In a crowd, putting some right may bring others into question. */
const MOST_EXACT = 64;
/** With fewer numbers to a vector rounding moves cosines so far that as many as may be are looked at. */
const FEW_NUMBERS = 128;

/**
 * What rounding to int8 does to a cosine at most, but for one in thousands: four standard
 * deviations, the greatest number of a rotated vector being 3.5 of its own.
 */
export function rounding(length: number): number {
  return 4 * Math.sqrt(1 / 12) * Math.min(1, 3.5 / Math.sqrt(length)) / 127;
}

/** A memory whose score is to be put right. */
export interface Finalist extends VectorHit {
  readonly slot: number;
}

export class Finalists {
  readonly #scan: Scan;
  readonly #query: Measured;
  readonly #limit: number;

  constructor(scan: Scan, query: Measured, limit: number) {
    this.#scan = scan;
    this.#query = query;
    this.#limit = limit;
  }

  result(): VectorResult {
    const hits = this.#best(this.#limit).map(({ id, score }) => ({ id, score }));
    return { hits, total: this.#scan.total };
  }

  /** Those that are to be returned with an exact score, and those that may belong before them;
   * none once all are known. */
  unsure(): Finalist[] {
    const count = Math.min(this.#limit, MOST_EXACT / 2);
    const { length } = this.#scan.holding.quantiser;
    const best = this.#best(length < FEW_NUMBERS ? MOST_EXACT : 2 * count);
    const isUnsure = ({ slot }: Finalist) => !this.#scan.exact.has(slot);
    if (!best.slice(0, count).some(isUnsure)) return [];
    const last = best[count - 1]?.score ?? -1;
    return best.filter(isUnsure).filter(({ score }) => score >= last - 2 * rounding(length));
  }

  /** What changed since the vectors were asked for keeps the score that it will get. */
  rescore(
    asked: readonly Finalist[],
    vectors: readonly (readonly Float32Array[] | undefined)[],
  ): void {
    const { exact, scores, changed } = this.#scan;
    asked.forEach(({ slot }, at) => {
      if (changed.has(slot)) return;
      exact.add(slot);
      const score = cosine(this.#query, vectors[at] ?? []);
      if (score !== undefined) scores.set(slot, score);
    });
  }

  #best(limit: number): Finalist[] {
    const { scores, holding: { members } } = this.#scan;
    const best = new Best<Finalist>(limit, compare);
    for (const slot of scores.slots) {
      const score = scores.get(slot);
      if (score < (best.worst?.score ?? -1)) continue;
      const id = members.idAt(slot);
      if (id !== undefined) best.offer({ id, slot, score });
    }
    return best.sorted();
  }
}

function compare(a: VectorHit, b: VectorHit): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1);
}

/** Of the nearest; undefined where no vector can be compared. */
function cosine(query: Measured, vectors: readonly Float32Array[]): number | undefined {
  const cosines = vectors.filter(({ length }) => length === query.vector.length)
    .map((vector) =>
      dotProduct(vector, 0, query.vector) * query.inverseLength * inverseLength(vector)
    ).filter(Number.isFinite);
  return cosines.length === 0 ? undefined : clampCosine(Math.max(...cosines));
}
