/**
 * An Embedder in front of another one that asks it only for what nobody has asked it before.
 *
 * Promises: one call for each distinct text, whether it comes twice in a batch, in two batches at
 * the same time, or again after a restart. Otherwise it is the embedder behind it, faults and all.
 */
import { type Embedder, EmbedderError, type EmbedOptions } from "../embedder.ts";
import { type EmbeddingCache, embeddingKey } from "./cache.ts";

export interface CachedEmbedder extends Embedder {
  /** For each text the vector that is already there, or undefined; asks no provider. */
  recall(texts: readonly string[]): Promise<(Float32Array | undefined)[]>;
}

type Vectors = Map<string, Float32Array>;

export function cachedEmbedder(embedder: Embedder, cache: EmbeddingCache): CachedEmbedder {
  const { provider, model, dimensions } = embedder;
  /** By key, the call that is fetching it; settles, when it fails, with what it has: nothing. */
  const underWay = new Map<string, Promise<Vectors>>();
  const keyOf = (text: string) => embeddingKey(model, dimensions, text);

  async function fetchAll(texts: Map<string, string>, options: EmbedOptions): Promise<Vectors> {
    const vectors = await embedder.embed([...texts.values()], options);
    if (vectors.length !== texts.size) {
      throw new EmbedderError("retry", "Cannot embed: vectors are missing");
    }
    const entries = [...texts.keys()].flatMap((key, at) => {
      const vector = vectors[at];
      return vector === undefined ? [] : [{ key, vector }];
    });
    await cache.put(entries);
    return new Map(entries.map(({ key, vector }) => [key, vector]));
  }

  async function lookUpOrFetch(texts: Map<string, string>, options: EmbedOptions) {
    const keys = [...texts.keys()];
    const found: Vectors = new Map();
    for (const [at, vector] of (await cache.get(keys)).entries()) {
      const key = keys[at];
      if (key !== undefined && vector !== undefined) found.set(key, vector);
    }
    const missing = new Map([...texts].filter(([key]) => !found.has(key)));
    if (missing.size === 0) return found;
    return new Map([...found, ...await fetchAll(missing, options)]);
  }

  /** Takes the keys as its own until they are in the cache, so that nobody else fetches them. */
  async function claim(texts: Map<string, string>, options: EmbedOptions): Promise<Vectors> {
    const call = lookUpOrFetch(texts, options);
    const settled = call.catch(() => new Map<string, Float32Array>());
    for (const key of texts.keys()) underWay.set(key, settled);
    try {
      return await call;
    } finally {
      for (const key of texts.keys()) underWay.delete(key);
    }
  }

  async function embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    const keys = texts.map(keyOf);
    const wanted = new Map(texts.map((text, at) => [keys[at] ?? "", text]));
    let found: Vectors = new Map();
    let open = wanted;
    while (open.size > 0) {
      const others = new Set([...open.keys()].flatMap((key) => underWay.get(key) ?? []));
      const own = new Map([...open].filter(([key]) => !underWay.has(key)));
      if (own.size > 0) { for (const entry of await claim(own, options)) found.set(...entry); }
      // What another call failed to fetch is asked for here in the next round.
      for (const other of others) {
        for (const entry of await until(other, options)) found.set(...entry);
      }
      open = new Map([...wanted].filter(([key]) => !found.has(key)));
    }
    // The provider may have changed its vectors' length since the cache was filled.
    if (!sameLength([...wanted.keys()], found)) found = await fetchAll(wanted, options);
    return keys.map((key) => found.get(key) ?? new Float32Array());
  }

  const recall = (texts: readonly string[]) => cache.get(texts.map(keyOf));
  return { provider, model, dimensions, embed, recall };
}

function sameLength(keys: readonly string[], vectors: Vectors): boolean {
  return new Set(keys.map((key) => vectors.get(key)?.length)).size <= 1;
}

/** Waits for another caller's call no longer than one's own signal allows. */
async function until(call: Promise<Vectors>, { signal }: EmbedOptions): Promise<Vectors> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const give = () => reject(new EmbedderError("retry", "Cannot embed: the call was given up"));
  if (signal.aborted) give();
  signal.addEventListener("abort", give);
  try {
    return await Promise.race([call, aborted]);
  } finally {
    signal.removeEventListener("abort", give);
  }
}
