/** Lives of a process over one state and one embedding cache, each with a model that is set. */
import assert from "node:assert/strict";
import type { Embedder, ServedModels } from "../../src/embedder.ts";
import type { EmbeddingCache } from "../../src/embedder/cache.ts";
import { cachedEmbedder, servedModels } from "../../src/embedder/cached.ts";
import { Indexer } from "../../src/indexer.ts";
import { chunksOf } from "../../src/indexer/chunks.ts";
import type { Memory } from "../../src/memory.ts";
import { Place } from "./cache_place.ts";
import { FakeClock, FakeEmbedder, MapVectorIndex, memoryOf, vectorOf } from "./indexing.ts";

/** Lengths of the vectors of the models that the provider has. */
export const MODELS = { old: 4, new: 6, twin: 4 } as const;
export type Model = keyof typeof MODELS;

export class Lives {
  readonly state = new Map<string, Memory>();
  readonly clock = new FakeClock();
  readonly place = new Place();
  readonly providers: Readonly<Record<Model, FakeEmbedder>> = {
    old: provider("old"),
    new: provider("new"),
    twin: provider("twin"),
  };
  /** Searches that were refused for good: after each, the former model may be looked for. */
  refusedSearches = 0;
  #cache: EmbeddingCache | undefined;
  #indexer: Indexer | undefined;
  #indexes: MapVectorIndex[] = [];
  /** What a former model was asked for once more, to see whether it is there still. */
  readonly #probes = new Map<string, string[]>();
  /** Lives that began with a former model. */
  #changes = 0;

  /** `pause`: how long a write to an index takes. */
  constructor(readonly pause: () => Promise<void> = () => Promise.resolve()) {}

  get indexer(): Indexer {
    return this.#indexer ?? assert.fail("nobody lives");
  }

  get cache(): EmbeddingCache {
    return this.#cache ?? assert.fail("nobody lives");
  }

  get indexes(): readonly MapVectorIndex[] {
    return this.#indexes;
  }

  /** Ends the life before, and begins one; its start is over, what follows from it is not. */
  async begin(model: Model, random: () => number = () => 1): Promise<Indexer> {
    await this.end();
    const cache = this.#cache = this.place.open({ now: () => new Date(this.clock.now()) });
    const embedder = cachedEmbedder(this.providers[model], cache);
    const embedderOf = ({ model }: Pick<Embedder, "model">): Embedder =>
      Object.entries(this.providers).find(([name]) => name === model)?.[1] ??
        assert.fail("an unknown model");
    const indexer = this.#indexer = new Indexer({
      embedder,
      models: this.#watched(servedModels(embedder, embedderOf, cache)),
      newVectorIndex: () => this.#newIndex(),
      memory: (id) => this.state.get(id),
      clock: this.clock,
      random,
    });
    const starting = indexer.start([...this.state.values()]);
    // It gives way to others by the real clock, and writes to the index by the other.
    for (let isOver = false; !isOver;) {
      isOver = await Promise.race([starting.then(() => true), this.clock.advance(50)]) === true;
    }
    return indexer;
  }

  #watched({ previous, ...models }: ServedModels): ServedModels {
    if (previous === undefined) return { ...models, previous };
    this.#changes++;
    const { embedder } = previous;
    const ask: Embedder["embed"] = async (texts, options) => {
      const vectors = await embedder.ask(texts, options);
      this.#probes.set(embedder.model, [...this.#probes.get(embedder.model) ?? [], ...texts]);
      return vectors;
    };
    return { ...models, previous: { ...previous, embedder: { ...embedder, ask } } };
  }

  async end(): Promise<void> {
    if (this.#indexer !== undefined) await this.clock.until(this.#indexer.stop());
    this.#indexer = undefined;
    this.#indexes = [];
  }

  #newIndex(): MapVectorIndex {
    const index = new MapVectorIndex();
    index.pause = this.pause;
    this.#indexes.push(index);
    return index;
  }

  put(id: string, content: string, more: Partial<Memory> = {}): void {
    const memory = memoryOf(id, content, more);
    this.state.set(id, memory);
    this.#indexer?.put(memory);
  }

  delete(id: string): void {
    this.state.delete(id);
    this.#indexer?.delete(id);
  }

  async idle(): Promise<void> {
    await this.clock.until(this.indexer.idle());
  }

  /** What searches look at. */
  served(): ReadonlyMap<string, readonly Float32Array[]> {
    const { vectorIndex } = this.indexer.serving;
    return this.#indexes.find((index) => index === vectorIndex)?.vectors ?? new Map();
  }

  /** What they should find where all is done by this model. */
  wanted(model: Model): Map<string, readonly Float32Array[]> {
    return new Map(
      [...this.state.values()].map(({ id, content, embedding }) => [
        id,
        embedding?.length === MODELS[model] ? [embedding] : saysOf(model, content),
      ]),
    );
  }

  /** No text was paid for twice but those by which a former model was looked for: one at the
   * beginning of a life that has one, and one after a search that was refused for good. */
  checkPayments(model: Model): void {
    const paid = [...this.providers[model].answered];
    for (const text of this.#probes.get(model) ?? []) {
      paid.splice(paid.indexOf(text), 1);
      assert.ok(paid.includes(text), `${model} was looked for by what it was never paid for`);
    }
    const twice = paid.filter((text, at) => paid.indexOf(text) !== at);
    assert.deepEqual(twice, [], `${model} was paid twice`);
    const looks = [...this.#probes.values()].flat().length;
    assert.ok(looks <= this.#changes + this.refusedSearches, `it was looked for ${looks} times`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    this.place[Symbol.dispose]();
  }
}

/** The model's vectors of a text's chunks. */
export function saysOf(model: Model, text: string): Float32Array[] {
  return chunksOf(text).map((chunk) => vectorOf(`${model}: ${chunk}`, MODELS[model]));
}

function provider(model: Model): FakeEmbedder {
  return Object.assign(new FakeEmbedder(), {
    model,
    length: MODELS[model],
    accent: `${model}: `,
  });
}
