/**
 * An Embedder in front of another one that asks it only for what nobody has asked it before.
 *
 * Promises: one call for each distinct text, whether it comes twice in a batch, in two batches at
 * the same time, or again after a restart. Otherwise it is the embedder behind it, faults and all.
 */
import { orAborted } from "../deadline.ts";
import {
  type Embedder,
  EmbedderError,
  type EmbedOptions,
  type KeepingEmbedder,
  type ServedModels,
} from "../embedder.ts";
import { paced } from "../pace.ts";
import type { EmbeddingCache } from "./cache.ts";
import { embeddingKey } from "./cache_row.ts";

/**
 * Which model's vectors searches used last, by what the cache remembers; `embedderOf` makes that
 * model's embedder at the provider that is set.
 */
export function servedModels(
  today: Pick<Embedder, "model" | "dimensions">,
  embedderOf: (model: Pick<Embedder, "model" | "dimensions">) => Embedder,
  cache: EmbeddingCache,
): ServedModels {
  const { served } = cache;
  const isToday = served?.model === today.model && served.dimensions === today.dimensions;
  return {
    length: isToday ? served?.length : undefined,
    previous: served === undefined || isToday
      ? undefined
      : { embedder: cachedEmbedder(embedderOf(served), cache), length: served.length },
    serve: ({ model, dimensions }, length) => cache.serve({ model, dimensions, length }),
    whenLost: (listener) => cache.whenLost(listener),
    allAsked: () => {
      cache.areAllAsked = true;
    },
    isTooSmall: () => cache.isTooSmall,
  };
}

/** By key. */
type Texts = ReadonlyMap<string, string>;
type Vectors = ReadonlyMap<string, Float32Array>;

export function cachedEmbedder(embedder: Embedder, cache: EmbeddingCache): KeepingEmbedder {
  const { provider, model, dimensions } = embedder;
  const keyOf = (text: string) => embeddingKey(model, dimensions, text);
  const keysOf = (texts: readonly string[]) => paced(texts, keyOf);
  const fetcher = new Fetcher(embedder, cache);
  return {
    provider,
    model,
    dimensions,
    recall: async (texts) => await cache.get(await keysOf(texts)),
    use: async (texts) => await cache.use(await keysOf(texts)),
    ask: (texts, options) => embedder.embed(texts, options),
    async embed(texts, options) {
      const keys = texts.map(keyOf);
      const vectors = await fetcher.fetch(
        new Map(texts.map((text, at) => [keys[at] ?? "", text])),
        options,
      );
      return keys.flatMap((key) => vectors.get(key) ?? []);
    },
  };
}

/** Gets distinct texts' vectors from the cache, from calls under way, or by a call of its own. */
class Fetcher {
  readonly #embedder: Embedder;
  readonly #cache: EmbeddingCache;
  /** By key, the call that fetches it; one that fails settles with what it has: nothing. */
  readonly #underWay = new Map<string, Promise<Vectors>>();

  constructor(embedder: Embedder, cache: EmbeddingCache) {
    this.#embedder = embedder;
    this.#cache = cache;
  }

  async fetch(wanted: Texts, options: EmbedOptions): Promise<Vectors> {
    const found = new Map<string, Float32Array>();
    for (let open = wanted; open.size > 0; open = without(wanted, found)) {
      const others = new Set([...open.keys()].flatMap((key) => this.#underWay.get(key) ?? []));
      const own = without(open, this.#underWay);
      if (own.size > 0) addAll(found, await this.#claim(own, options));
      // What another call failed to fetch is asked for here in the next round.
      for (const other of others) {
        addAll(found, await orAborted(options.signal, () => other, givenUp));
      }
      if (others.size > 0) options.remembered?.();
    }
    const lengths = new Set([...found.values()].map(({ length }) => length));
    // The provider may have changed its vectors' length since the cache was filled.
    return lengths.size > 1 ? await this.#ask(wanted, options) : found;
  }

  /** Takes the keys as its own until they are in the cache, so that nobody else fetches them. */
  async #claim(texts: Texts, options: EmbedOptions): Promise<Vectors> {
    const call = this.#lookUpOrAsk(texts, options);
    const settled = call.catch(() => new Map<string, Float32Array>());
    for (const key of texts.keys()) this.#underWay.set(key, settled);
    try {
      return await call;
    } finally {
      for (const key of texts.keys()) this.#underWay.delete(key);
    }
  }

  async #lookUpOrAsk(texts: Texts, options: EmbedOptions): Promise<Vectors> {
    const keys = [...texts.keys()];
    const known = await this.#cache.get(keys);
    const found = new Map(keys.flatMap((key, at) => {
      const vector = known[at];
      const fits = vector?.length === (options.length ?? vector?.length);
      return vector === undefined || !fits ? [] : [[key, vector] as const];
    }));
    if (found.size > 0) options.remembered?.();
    const missing = without(texts, found);
    if (missing.size > 0) addAll(found, await this.#ask(missing, options));
    return found;
  }

  async #ask(texts: Texts, options: EmbedOptions): Promise<Vectors> {
    const vectors = await this.#embedder.embed([...texts.values()], options);
    const entries = [...texts.keys()].map((key, at) => {
      const vector = vectors[at];
      if (vector === undefined) {
        throw new EmbedderError("retry", "Cannot embed: a vector is missing");
      }
      return { key, vector };
    });
    await this.#cache.put(entries);
    return new Map(entries.map(({ key, vector }) => [key, vector]));
  }
}

function without(texts: Texts, known: ReadonlyMap<string, unknown>): Texts {
  return new Map([...texts].filter(([key]) => !known.has(key)));
}

function addAll(to: Map<string, Float32Array>, from: Vectors): void {
  for (const [key, vector] of from) to.set(key, vector);
}

/** Another caller's call is waited for no longer than one's own signal allows. */
function givenUp(): EmbedderError {
  return new EmbedderError("retry", "Cannot embed: the call was given up");
}
