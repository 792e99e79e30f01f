/** An `embeddings.db` with the vectors of all stored notes, as if the provider had been asked. */
import { join } from "node:path";
import { EmbeddingCache } from "../../../src/embedder/cache.ts";
import { type CacheEntry, embeddingKey } from "../../../src/embedder/cache_row.ts";
import { chunksOf } from "../../../src/indexer/chunks.ts";
import { storedNote } from "../notes.ts";
import { ProvidedVectors } from "./provided_vectors.ts";

const AT_ONCE = 250;

/** Returns how many vectors there are: of a long note each chunk has its own. */
export async function keepVectors(
  folder: string,
  notes: number,
  { model, dimensions }: { readonly model: string; readonly dimensions: number },
): Promise<number> {
  const provided = new ProvidedVectors(dimensions);
  const cache = new EmbeddingCache({
    path: join(folder, "embeddings.db"),
    quarantineFolder: join(folder, "quarantine"),
    maxBytes: Infinity,
  });
  cache.serve({ model, dimensions, length: dimensions });
  let vectors = 0;
  let entries: CacheEntry[] = [];
  for (let number = 0; number < notes; number++) {
    for (const text of chunksOf(storedNote(number, false).memory.content)) {
      entries.push({ key: embeddingKey(model, dimensions, text), vector: provided.of(text) });
      vectors++;
    }
    if (entries.length < AT_ONCE && number < notes - 1) continue;
    await cache.put(entries);
    entries = [];
  }
  cache.close();
  return vectors;
}
