/**
 * One brain: the services over one store and its indexes, and the order in which they start and
 * stop. Whoever opens one brings the adapters; serving it over HTTP is another matter.
 */
import { Accesses } from "./accesses.ts";
import { type BackupPlan, Backups } from "./backups.ts";
import type { Clock } from "./clock.ts";
import { Contexts } from "./context.ts";
import { Duplicates } from "./duplicates.ts";
import { Embedded } from "./embedded.ts";
import type { AnyEmbedder, ServedModels } from "./embedder.ts";
import { AppError } from "./errors.ts";
import { type EventFeed, Events } from "./events.ts";
import type { ExportFolder } from "./export_folder.ts";
import { Exports } from "./exports.ts";
import { Idempotency } from "./idempotency.ts";
import { Imports } from "./imports.ts";
import { Indexer } from "./indexer.ts";
import { Listing } from "./listing.ts";
import { Locks } from "./locks.ts";
import { Memories } from "./memories.ts";
import { Projection } from "./projection.ts";
import { Quota, type QuotaLimits } from "./quota.ts";
import { Reindexing } from "./reindexing.ts";
import { Related } from "./related.ts";
import { Retrieval } from "./retrieval.ts";
import { SameTexts } from "./same_texts.ts";
import { Search } from "./search.ts";
import { State } from "./state.ts";
import { Stats } from "./stats.ts";
import type { Recovery, Store } from "./store.ts";
import type { TextIndex } from "./text_index.ts";
import type { VectorIndex, VectorsKind } from "./vector_index.ts";
import { Walks } from "./walks.ts";

export interface BrainOptions {
  readonly store: Store;
  readonly textIndex: TextIndex;
  /** One for each generation of vectors; what it does not hold in full it may ask for. */
  readonly newVectorIndex: (kind: VectorsKind) => VectorIndex;
  readonly exportFolder: ExportFolder;
  /** Left out: nothing turns texts into vectors. */
  readonly embedder?: AnyEmbedder | undefined;
  /** Left out: another model's vectors do not outlive the setting. */
  readonly models?: ServedModels | undefined;
  readonly embeddingsBytes: () => number;
  readonly limits: QuotaLimits;
  /** Left out: no automatic backups. */
  readonly backupPlan?: BackupPlan | undefined;
  /** What is left of the process's memory: `isShort` ends imports, `isFull` whatever grows. */
  readonly heap: { readonly isShort: boolean; readonly isFull: boolean };
  readonly clock: Clock;
  readonly newId: () => string;
  /** A name of its own for each run of the program, without dots. */
  readonly run: string;
  readonly random: () => number;
  readonly version: string;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

export class Brain {
  readonly memories: Memories;
  readonly listing: Listing;
  readonly search: Search;
  readonly related: Related;
  readonly contexts: Contexts;
  readonly imports: Imports;
  readonly exports: Exports;
  readonly backups: Backups;
  readonly duplicates: Duplicates;
  readonly stats: Stats;
  readonly indexer: Indexer;
  readonly reindexing: Reindexing;
  readonly #events: Events;
  readonly #embedded: Embedded;
  readonly #state: State;
  readonly #store: Store;
  readonly #projection: Projection;
  readonly #accesses: Accesses;
  readonly #words = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  /** What goes over all memories after the start, and ends soon after a stop. */
  #deriving: Promise<unknown> = Promise.resolve();
  #phase: "loading" | "ready" | "stopping" = "loading";

  constructor(options: BrainOptions) {
    const { store, clock, newId, textIndex, newVectorIndex, embedder, exportFolder } = options;
    const { version, embeddingsBytes, heap, backupPlan: plan, log } = options;
    const state = this.#state = new State();
    this.#store = store;
    this.#events = new Events({ store, log });
    const walks = new Walks(options.run);
    this.indexer = new Indexer({
      embedder,
      models: options.models,
      newVectorIndex,
      memory: (id) => state.get(id),
      indexed: (id) => this.#embedded.indexed(id),
      indexChanged: () => this.#embedded.indexChanged(),
      clock,
      random: options.random,
      log: (message) => log("indexer", { message }),
    });
    const sameTexts = new SameTexts({ memories: () => state.memories(), random: options.random });
    const { indexer } = this;
    this.reindexing = new Reindexing({ indexer, clock });
    const stopping = this.#stopping.signal;
    const duplicates = this.duplicates = new Duplicates({ state, indexer, clock, stopping });
    const derived = { textIndex, indexer, walks, texts: [sameTexts, duplicates] };
    const projection = new Projection({ state, ...derived, log });
    const quota = this.#quota(options);
    const locks = new Locks();
    const isIndexed = (id: string) => indexer.isIndexed(id);
    this.#embedded = new Embedded({ state, store, locks, isIndexed, clock });
    const idempotency = new Idempotency(state, clock);
    const accesses = new Accesses(state, store, projection, clock);
    const shared = { state, store, quota, locks, idempotency, clock, newId };
    this.#projection = projection;
    this.#accesses = accesses;
    const dimensions = embedder?.dimensions;
    this.memories = new Memories({ ...shared, accesses, indexer, dimensions, sameTexts });
    this.listing = new Listing(state, walks);
    const hasEmbedder = embedder !== undefined;
    const { memories } = this;
    const retrieval = new Retrieval({ state, textIndex, wordsReady: this.wordsReady, clock });
    const asked = { state, retrieval, indexer, hasEmbedder, clock };
    this.search = new Search({ ...asked, textIndex });
    this.related = new Related({ ...asked, memories });
    this.contexts = new Contexts({ search: this.search, textIndex, clock });
    const folder = exportFolder;
    const exports = this.exports = new Exports({ ...shared, indexer, folder, version });
    const backups = this.backups = new Backups({ ...shared, plan, exports, folder, log });
    const memoryShort = () => heap.isShort;
    this.imports = new Imports({ ...shared, projection, memories, backups, memoryShort });
    this.stats = new Stats({
      ...shared,
      indexer,
      exportFolder,
      backups,
      embeddingsBytes,
      version,
    });
  }

  #quota({ limits, store, heap, clock }: BrainOptions): Quota {
    return new Quota(limits, {
      memories: () => this.#state.size,
      bytes: () => this.stats.storedBytes,
      requireGrowth: () => store.requireGrowth(),
      isHeapFull: () => heap.isFull,
    }, {
      clock,
      worthIt: () => store.status().journalBytes > 0,
      run: () => store.compact(),
      makeRoom: (...wanted) => this.backups.makeRoom(...wanted),
    });
  }

  /** What happens to the memories. */
  get events(): EventFeed {
    return this.#events;
  }

  get phase(): "loading" | "ready" | "stopping" {
    return this.#phase;
  }

  /**
   * Replays history. What is derived from it follows in the background: a search by words waits
   * for the words, a search by meaning finds what is there already.
   */
  async open(): Promise<Recovery> {
    const recovery = await this.#store.open(this.#projection, this.#events);
    this.#projection.goLive();
    if (this.#phase === "loading") this.#phase = "ready";
    const words = this.#projection.indexWords(this.#stopping.signal);
    this.#words.resolve(words);
    this.#deriving = Promise.allSettled([words, this.indexer.start(this.#state.memories())]);
    return recovery;
  }

  /** Resolves when every memory is found by its words. */
  get wordsReady(): Promise<void> {
    return this.#words.promise;
  }

  /** Says that a person has seen what is damaged; returns what is left, which is nothing. */
  async acknowledgeDamage() {
    await this.#store.acknowledgeDamage();
    return this.stats.integrity();
  }

  /** Says that no new work is taken, also to who listens; what runs goes on. */
  stopTaking(): void {
    this.#phase = "stopping";
    this.#events.stop();
  }

  /** Makes everything durable and lets go of the data folder. */
  async close(): Promise<void> {
    this.stopTaking();
    this.#stopping.abort();
    await this.indexer.stop();
    await this.#embedded.stop();
    await this.#deriving;
    await this.backups.stop();
    try {
      await this.#accesses.flush();
    } catch (error) {
      // The disk says no: counts of the last seconds are lost, no memory is.
      if (!(error instanceof AppError)) throw error;
    } finally {
      await this.#store.close();
    }
  }
}
