/** A folder for an embedding cache, gone with the test that uses it. */
import { EmbeddingCache, type EmbeddingCacheOptions } from "../../src/embedder/cache.ts";

/** `open` closes the cache that was open before, as a restart would. */
export class Place {
  readonly folder = Deno.makeTempDirSync();
  readonly path = `${this.folder}/embeddings.db`;
  readonly quarantine = `${this.folder}/quarantine`;
  readonly logged: string[] = [];
  #caches: EmbeddingCache[] = [];

  open(options: Partial<EmbeddingCacheOptions> = {}): EmbeddingCache {
    for (const cache of this.#caches) cache.close();
    const cache = new EmbeddingCache({
      path: this.path,
      quarantineFolder: this.quarantine,
      maxBytes: 1024 ** 3,
      log: (message) => this.logged.push(message),
      now: () => new Date("2026-01-02T03:04:05.678Z"),
      ...options,
    });
    this.#caches.push(cache);
    return cache;
  }

  quarantined(): string[] {
    try {
      return [...Deno.readDirSync(this.quarantine)].map(({ name }) => name).sort();
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    for (const cache of this.#caches) cache.close();
    Deno.removeSync(this.folder, { recursive: true });
  }
}
