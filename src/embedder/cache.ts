/**
 * The embedding cache: `embeddings.db`, a SQLite file that may be deleted at any time.
 *
 * Stands beside a memory's life, not in it: what was paid for once is not asked for twice, also
 * after a restart. It never fails its caller. A file that is damaged, foreign or locked is moved
 * aside and begun anew; a row whose checksum is wrong is a miss; a full disk means that nothing
 * more is kept. Only hashes of texts are stored.
 *
 *   row | key (SHA-256 over model, dimensions and text, hex) | vector (float32, LE) | crc (CRC-32)
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Pace } from "../pace.ts";
import { type CacheFile, closeCacheFile, openCacheFile, pragma, setAside } from "./cache_file.ts";

export interface EmbeddingCacheOptions {
  readonly path: string;
  /** Where a file that cannot be used is moved to; only the last one is kept. */
  readonly quarantineFolder: string;
  readonly maxBytes?: number | undefined;
  readonly now?: (() => Date) | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

export interface CacheEntry {
  readonly key: string;
  readonly vector: Float32Array;
}

const MAX_BYTES = 1024 * 1024 * 1024;
/** One transaction: a few milliseconds. */
const SLICE = { rows: 25, bytes: 192 * 1024 } as const;
/** Above this the journal beside the file is folded back into it, and begins anew. */
const CHECKPOINT_BYTES = 2 * 1024 * 1024;
/** A file that keeps going bad is the disk's fault: then the process goes on without. */
const MAX_REBUILDS = 3;
const SQLITE_FULL = 13;

/** The key of a text's vector; a lone surrogate is escaped by JSON, so no two texts share a key. */
export function embeddingKey(model: string, dimensions: number | undefined, text: string): string {
  const hash = createHash("sha256");
  return hash.update(JSON.stringify([model, dimensions ?? 0, text])).digest("hex");
}

export class EmbeddingCache {
  readonly #options: EmbeddingCacheOptions;
  #file: CacheFile | undefined;
  #rebuilds = 0;
  #unfoldedBytes = 0;
  #lastPut: Promise<void> = Promise.resolve();
  #folding = false;
  #closed = false;
  #saidFull = false;

  constructor(options: EmbeddingCacheOptions) {
    this.#options = options;
    this.#reopen();
  }

  /** False where it stores nothing any more. */
  get working(): boolean {
    return this.#file !== undefined;
  }

  /** Size of the file. */
  get bytes(): number {
    return this.#guard(({ db }) => pragma(db, "page_count") * pragma(db, "page_size"), 0);
  }

  /** For each key its vector, or undefined; in order. */
  async get(keys: readonly string[]): Promise<(Float32Array | undefined)[]> {
    const pace = new Pace();
    const vectors: (Float32Array | undefined)[] = [];
    for (const key of keys) {
      if (pace.due) await pace.breathe();
      vectors.push(this.#getOne(key));
    }
    return vectors;
  }

  /** Keeps the vectors, the oldest ones giving way at the size limit. */
  put(entries: readonly CacheEntry[]): Promise<void> {
    return this.#lastPut = this.#lastPut.then(() => this.#putAll(entries));
  }

  async #putAll(entries: readonly CacheEntry[]): Promise<void> {
    const pace = new Pace();
    for (let start = 0; start < entries.length;) {
      start = this.#putSlice(entries, start);
      if (pace.due) await pace.breathe();
      while (this.#trimSlice()) if (pace.due) await pace.breathe();
      if (this.#unfoldedBytes >= CHECKPOINT_BYTES) await this.#fold();
    }
  }

  close(): void {
    this.#closed = true;
    this.#guard(({ db, main }) => {
      // A fold that is under way may not have synced it yet, and SQLite would not know.
      main.syncDataSync();
      db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    }, undefined);
    this.#release();
  }

  #getOne(key: string): Float32Array | undefined {
    return this.#guard(({ select, forget }) => {
      const row = select.get(key);
      if (row === undefined) return undefined;
      const { vector, crc } = row;
      if (
        vector instanceof Uint8Array && vector.length % 4 === 0 && checksum(key, vector) === crc
      ) {
        // Copied: the bytes SQLite hands out need not lie where a Float32Array may begin.
        return new Float32Array(vector.slice().buffer);
      }
      if (!this.#folding) forget.run(key);
      this.#say("a row of the embedding cache had a wrong checksum and was dropped");
      return undefined;
    }, undefined);
  }

  /** Writes one transaction from `start` on and returns where the next one begins. */
  #putSlice(entries: readonly CacheEntry[], start: number): number {
    let end = start;
    let bytes = 0;
    while (end < entries.length && end - start < SLICE.rows && bytes < SLICE.bytes) {
      bytes += entries[end]?.vector.byteLength ?? 0;
      end++;
    }
    this.#guard(({ db, insert }) => {
      db.exec("BEGIN IMMEDIATE");
      for (const { key, vector } of entries.slice(start, end)) {
        const blob = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
        insert.run(key, blob, checksum(key, blob));
      }
      db.exec("COMMIT");
      this.#unfoldedBytes += bytes;
    }, undefined);
    return end;
  }

  /**
   * What SQLite does at a checkpoint, but with both syncs off this thread, where they take tens of
   * milliseconds. Safe since nothing is written until the second one is over: until then the
   * journal, synced before, still holds all that goes into the file.
   */
  async #fold(): Promise<void> {
    const file = this.#file;
    this.#unfoldedBytes = 0;
    this.#folding = true;
    try {
      await file?.wal.syncData();
      this.#guard(({ db }) => {
        db.exec("PRAGMA synchronous=OFF");
        db.prepare("PRAGMA wal_checkpoint(PASSIVE)").all();
        db.exec("PRAGMA synchronous=NORMAL");
      }, undefined);
      await file?.main.syncData();
    } catch (error) {
      // Closed or replaced meanwhile, or a disk that fails, which the next write will meet too.
      if (this.#file === file && file !== undefined) this.#failed(error);
    } finally {
      this.#folding = false;
    }
  }

  /** One bounded step towards the size limit; true while more are needed. */
  #trimSlice(): boolean {
    const limit = this.#options.maxBytes ?? MAX_BYTES;
    return this.#guard(({ db, forgetOldest }) => {
      const size = pragma(db, "page_size");
      const used = (pragma(db, "page_count") - pragma(db, "freelist_count")) * size;
      // A margin, so that at the limit new rows go into freed pages and the file stands still.
      if (used > limit * 0.95) return forgetOldest.run().changes > 0;
      if (pragma(db, "page_count") * size <= limit) return false;
      // Gives freed pages back to the disk; `all` since each page is a step of the statement.
      db.prepare("PRAGMA incremental_vacuum(200)").all();
      return pragma(db, "page_count") * size > limit && pragma(db, "freelist_count") > 0;
    }, false);
  }

  #guard<T>(action: (file: CacheFile) => T, otherwise: T): T {
    if (this.#file === undefined) return otherwise;
    try {
      return action(this.#file);
    } catch (error) {
      this.#failed(error);
      return otherwise;
    }
  }

  #failed(error: unknown): void {
    const full = error instanceof Error && "errcode" in error && error.errcode === SQLITE_FULL;
    // A full disk is not the file's fault, and moving it aside would only make it fuller.
    if (full && this.#rolledBack()) return;
    this.#release();
    this.#setAside();
    if (!this.#closed) this.#reopen();
  }

  #rolledBack(): boolean {
    try {
      if (this.#file?.db.isTransaction) this.#file.db.exec("ROLLBACK");
      if (!this.#saidFull) this.#say("the embedding cache cannot grow: the disk is full");
      this.#saidFull = true;
      return true;
    } catch {
      return false;
    }
  }

  #reopen(): void {
    while (this.#file === undefined && this.#rebuilds <= MAX_REBUILDS) {
      try {
        this.#file = openCacheFile(this.#options.path);
      } catch {
        this.#setAside();
      }
    }
    if (this.#file === undefined) this.#say("the embedding cache is off: its file cannot be used");
  }

  #release(): void {
    try {
      if (this.#file !== undefined) closeCacheFile(this.#file);
    } catch {
      // Nothing is lost that could not be asked for again.
    }
    this.#file = undefined;
  }

  #setAside(): void {
    this.#rebuilds++;
    const { path, quarantineFolder, now = () => new Date() } = this.#options;
    try {
      setAside(path, quarantineFolder, now());
      this.#say("the embedding cache could not be used: it is moved aside and begun anew");
    } catch {
      this.#say("the embedding cache could not be moved aside");
    }
  }

  #say(message: string): void {
    this.#options.log?.(message);
  }
}

/** Over key and vector, so that a row under the wrong key is found out too. */
function checksum(key: string, blob: Uint8Array): number {
  return crc32(blob, crc32(key));
}
