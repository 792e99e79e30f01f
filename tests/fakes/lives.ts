/** Lives of a process over one state and one embedding cache, each with a model that is set. */
import assert from "node:assert/strict";
import type { Embedder } from "../../src/embedder.ts";
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
  /** Its calls are the searches'. */
  #cache: EmbeddingCache | undefined;
  #indexer: Indexer | undefined;
  #indexes: MapVectorIndex[] = [];
  #begun = 0;

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
    this.#begun++;
    const cache = this.#cache = this.place.open({ now: () => new Date(this.clock.now()) });
    const embedder = cachedEmbedder(this.providers[model], cache);
    const embedderOf = ({ model }: Pick<Embedder, "model">): Embedder =>
      Object.entries(this.providers).find(([name]) => name === model)?.[1] ??
        assert.fail("an unknown model");
    const indexer = this.#indexer = new Indexer({
      embedder,
      models: servedModels(embedder, embedderOf, cache),
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

  /** The model was not paid twice for a text; but once in each life it may be asked for one that
   * it is known to have answered, to see whether it is there still. */
  checkPayments(model: Model): void {
    const { answered } = this.providers[model];
    const twice = answered.length - new Set(answered).size;
    assert.ok(twice < this.#begun, `${model} was paid twice for ${twice} texts`);
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
