/**
 * An index elsewhere that has no place there: it knows which memories it was given, and keeps no
 * vectors. For those of a former model, where the one collection has a new model's by now: a
 * standby around it answers, as far as it fits.
 */
import type { NearPairs, VectorEntry, VectorResult, VectorsElsewhere } from "../../vector_index.ts";
import { VectorIndexUnavailable } from "../../vector_index.ts";
import { measure } from "../measure.ts";
import type { RemoteVectorIndex } from "./local_copy.ts";

export class UnstoredVectorIndex implements RemoteVectorIndex {
  readonly kind = "qdrant";
  readonly bytes = 0;
  readonly elsewhere: VectorsElsewhere;
  readonly #ids = new Set<string>();
  #dimensions: number | undefined;

  constructor() {
    this.elsewhere = {
      status: {
        state: "unavailable",
        detail: "The collection has the vectors of another model",
        pending: 0,
      },
      ids: () => this.#ids.values(),
      adopt: () => Promise.resolve(new Set()),
      refresh: () => Promise.resolve(),
      converge: unavailable,
      whenLost: () => {},
      whenFound: () => {},
      close: () => Promise.resolve(),
    };
  }

  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  get size(): number {
    return this.#ids.size;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  // deno-lint-ignore require-await -- a refusal is a rejected promise
  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const filled = entries.filter(({ vectors }) => vectors.length > 0);
    const dimensions = this.#dimensions ?? filled[0]?.vectors[0]?.length;
    if (dimensions === undefined) return;
    for (const vector of filled.flatMap(({ vectors }) => vectors)) {
      measure(vector, dimensions, "index a vector");
    }
    for (const { id } of filled) this.#ids.add(id);
    this.#dimensions = dimensions;
  }

  // deno-lint-ignore require-await -- see upsert
  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#ids.delete(id);
    if (this.size === 0) this.#dimensions = undefined;
  }

  search(): Promise<VectorResult> {
    return unavailable();
  }

  nearPairs(): Promise<NearPairs> {
    return unavailable();
  }
}

function unavailable(): Promise<never> {
  const why = "Cannot search: the collection has the vectors of another model";
  return Promise.reject(new VectorIndexUnavailable(why));
}
