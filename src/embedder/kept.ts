/** The provider that is set, with what was paid for kept in the data folder. */
import type { KeepingEmbedder, ServedModels } from "../embedder.ts";
import { EmbeddingCache } from "./cache.ts";
import { cachedEmbedder, servedModels } from "./cached.ts";
import { openAiEmbedder, type OpenAiOptions } from "./openai.ts";

export interface KeptOptions {
  readonly provider: OpenAiOptions;
  /** The data folder. */
  readonly folder: string;
  /** For all that is in it; 0 is no limit. */
  readonly quotaBytes: number;
  readonly log: (message: string) => void;
}

export interface KeptEmbeddings {
  readonly cache: EmbeddingCache;
  readonly embedder: KeepingEmbedder;
  readonly models: ServedModels;
}

/** For some 600,000 vectors of 1,536 numbers. */
const MAX_BYTES = 4 * 1024 ** 3;
/** What can be made again must not crowd out what cannot: it takes at most this share. */
const QUOTA_SHARE = 0.5;

export function openKept({ provider, folder, quotaBytes, log }: KeptOptions): KeptEmbeddings {
  const cache = new EmbeddingCache({
    path: `${folder}/embeddings.db`,
    quarantineFolder: `${folder}/quarantine`,
    maxBytes: quotaBytes === 0 ? MAX_BYTES : Math.min(MAX_BYTES, quotaBytes * QUOTA_SHARE),
    log,
  });
  const embedder = cachedEmbedder(openAiEmbedder(provider), cache);
  const embedderOf = (model: Pick<OpenAiOptions, "model" | "dimensions">) =>
    openAiEmbedder({ ...provider, model: model.model, dimensions: model.dimensions });
  return { cache, embedder, models: servedModels(embedder, embedderOf, cache) };
}
