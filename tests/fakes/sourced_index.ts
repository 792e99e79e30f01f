/** The quantised index beside the vectors that it was given, as the state and the cache keep them. */
import type { VectorEntry } from "../../src/vector_index.ts";
import { type QuantisedOptions, QuantisedVectorIndex } from "../../src/vector_index/quantised.ts";

export class SourcedVectorIndex extends QuantisedVectorIndex {
  readonly source: Map<string, readonly Float32Array[]>;
  /** The ids of each question for full vectors. */
  readonly asked: (readonly string[])[];

  constructor(options: QuantisedOptions = {}) {
    const source = new Map<string, readonly Float32Array[]>();
    const asked: (readonly string[])[] = [];
    const fullVectors = (ids: readonly string[]) => {
      asked.push(ids);
      return Promise.resolve(ids.map((id) => source.get(id)?.map((v) => v.slice())));
    };
    super({ fullVectors, ...options });
    this.source = source;
    this.asked = asked;
  }

  override async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const kept = entries.map(({ id, vectors }) => ({ id, vectors: vectors.map((v) => v.slice()) }));
    await super.upsert(entries);
    for (const { id, vectors } of kept) this.source.set(id, vectors);
  }

  override async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.source.delete(id);
    await super.delete(ids);
  }
}
