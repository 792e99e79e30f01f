/**
 * The embedding cache: `embeddings.db`, a SQLite file that may be deleted at any time.
 *
 * Stands beside a memory's life, not in it: what was paid for once is not asked for twice, also
 * after a restart. It never fails its caller. A file that is damaged, foreign or locked is moved
 * aside and begun anew, one that was deleted is made again; a row whose checksum is wrong is a
 * miss; a full disk means that nothing more is kept. Only hashes of texts are stored. At the size
 * limit rows go that nobody asked for in this life of the process, then the oldest.
 *
 *   vectors: row | key (SHA-256 over model, dimensions and text, hex) | vector (float32, LE) | crc
 *   served:  the model whose vectors searches use | dimensions asked for | length
 */
import { Pace, paced } from "../pace.ts";
import {
  type CacheFile,
  closeCacheFile,
  isInPlace,
  openCacheFile,
  pragma,
  setAside,
} from "./cache_file.ts";
import { bytesOf, type CacheEntry, type Served, vectorIn } from "./cache_row.ts";
import { CacheTrim } from "./cache_trim.ts";

export interface EmbeddingCacheOptions {
  readonly path: string;
  /** Where a file that cannot be used is moved to; only the last one is kept. */
  readonly quarantineFolder: string;
  readonly maxBytes: number;
  readonly now?: (() => Date) | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

/** One transaction: a few milliseconds. */
const SLICE = { rows: 25, bytes: 192 * 1024 } as const;
/** Above this the journal beside the file is folded back into it, and begins anew. */
const CHECKPOINT_BYTES = 2 * 1024 * 1024;
/** A file that keeps going bad is the disk's fault: then the process goes on without. */
const MAX_REBUILDS = 3;
/** So often in a life of the process is it said that vectors are lost: they are paid for again. */
const MAX_LOSSES = 10;
/** So often, at most, does it look whether the file is still there. */
const LOOK_AGAIN_MS = 1_000;
const SQLITE_FULL = 13;

export class EmbeddingCache {
  /** Whether all that is in use was asked for in this life of the process: before, none may go. */
  areAllAsked = false;
  readonly #options: EmbeddingCacheOptions;
  #file: CacheFile | undefined;
  #rebuilds = 0;
  #unfoldedBytes = 0;
  #lastPut: Promise<void> = Promise.resolve();
  #folding = false;
  #closed = false;
  #saidFull = false;
  #isTooSmall = false;
  #trim: CacheTrim;
  #lookedAt = -Infinity;
  #losses = 0;
  #lost: () => void = () => {};

  constructor(options: EmbeddingCacheOptions) {
    this.#options = options;
    this.#trim = this.#newTrim();
    this.#reopen();
  }

  /** False where it stores nothing any more. */
  get working(): boolean {
    return this.#file !== undefined;
  }

  /** Whether vectors that are in use had to go in this life of the process. */
  get isTooSmall(): boolean {
    return this.#isTooSmall;
  }

  /** Size of the file. */
  get bytes(): number {
    return this.#guard(({ db }) => pragma(db, "page_count") * pragma(db, "page_size"), 0);
  }

  /** Undefined where nothing is remembered. */
  get served(): Served | undefined {
    return this.#guard(({ served }) => {
      const { model, dimensions, length } = served.get() ?? {};
      if (typeof model !== "string" || typeof length !== "number") return undefined;
      return { model, dimensions: typeof dimensions === "number" ? dimensions : undefined, length };
    }, undefined);
  }

  serve({ model, dimensions, length }: Served): void {
    // In turn: nothing may be written while the journal is folded.
    this.#lastPut = this.#lastPut.then(() => {
      this.#guard(({ serve }) => serve.run(model, dimensions ?? null, length), undefined);
    });
  }

  /** Calls after rows were lost, where new ones can be kept. */
  whenLost(listener: () => void): void {
    this.#lost = listener;
  }

  /** For each key its vector, or undefined; in order. */
  async get(keys: readonly string[]): Promise<(Float32Array | undefined)[]> {
    this.#look();
    return await paced(keys, (key) => this.#getOne(key));
  }

  /** Says that these are in use, as if they were asked for. */
  async use(keys: readonly string[]): Promise<void> {
    await paced(keys, (key) => this.#guard((file) => this.#trim.useKey(file, key), undefined));
  }

  /** Keeps the vectors, after all that were put before; the oldest give way at the size limit. */
  put(entries: readonly CacheEntry[]): Promise<void> {
    return this.#lastPut = this.#lastPut.then(() => this.#putAll(entries));
  }

  async #putAll(entries: readonly CacheEntry[]): Promise<void> {
    this.#look();
    const pace = new Pace();
    for (let start = 0; start < entries.length;) {
      start = this.#putSlice(entries, start);
      if (pace.due) await pace.breathe();
      while (this.#trimStep()) if (pace.due) await pace.breathe();
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
      const found = select.get(key);
      if (found === undefined) return undefined;
      const vector = vectorIn(key, found["vector"], found["crc"]);
      if (vector !== undefined) {
        this.#trim.use(found["row"]);
        return vector;
      }
      if (!this.#folding) forget.run(key);
      this.#say("a row of the embedding cache had a wrong checksum and was dropped");
      this.#noteLoss();
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
      for (const entry of entries.slice(start, end)) {
        const { blob, crc } = bytesOf(entry);
        this.#trim.use(insert.run(entry.key, blob, crc).lastInsertRowid);
      }
      db.exec("COMMIT");
      this.#unfoldedBytes += bytes;
    }, undefined);
    return end;
  }

  /** What SQLite does at a checkpoint, but with both syncs off this thread, where they take tens of
   * milliseconds. Safe since nothing is written until the second one is over: until then the
   * journal, synced before, still holds all that goes into the file. */
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

  #newTrim(): CacheTrim {
    return new CacheTrim(this.#options.maxBytes, () => {
      if (!this.#isTooSmall) this.#say("the embedding cache is too small for what is in use");
      this.#isTooSmall = true;
    });
  }

  #trimStep(): boolean {
    return this.areAllAsked && this.#guard((file) => this.#trim.step(file), false);
  }

  /** Now and then: a file that was taken away can still be written, but no restart would find it. */
  #look(): void {
    const { path, now = () => new Date() } = this.#options;
    const at = now().getTime();
    if (this.#file === undefined || Math.abs(at - this.#lookedAt) < LOOK_AGAIN_MS) return;
    this.#lookedAt = at;
    if (isInPlace(path, this.#file)) return;
    this.#say("the embedding cache was taken away: it is begun anew");
    this.#rebuilds++;
    this.#release();
    this.#reopen();
    this.#noteLoss();
  }

  #noteLoss(): void {
    if (this.#closed || !this.working || ++this.#losses > MAX_LOSSES) return;
    // Not in the middle of what found it.
    queueMicrotask(() => this.#lost());
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
    if (this.#closed) return;
    this.#reopen();
    this.#noteLoss();
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
        this.#trim = this.#newTrim();
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
