/**
 * The indexer: brings every memory's meaning into the vector index, after its write was answered
 * and never in its way.
 *
 * Promises: what the state holds is indexed as soon as the provider allows, each text once, newest
 * first, whatever fails in between; a late answer for an edited or deleted memory is dropped; a
 * text that the provider will not take costs only itself. Queues hold ids, and texts are read
 * from the state when they are sent, so nothing here outgrows the state. Nothing thrown by the
 * provider or the index leaves the worker: it shows in `stats()` and `status()`.
 */
import type { Clock } from "./clock.ts";
import { type Embedder, EmbedderError } from "./embedder.ts";
import { EmbedWorker } from "./indexer/embed_worker.ts";
import { IndexWriter } from "./indexer/index_writer.ts";
import { QueryVectors, type Recall } from "./indexer/query_vectors.ts";
import { embeddingText, type Source, sourceOf } from "./indexer/source.ts";
import type { Memory } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { VectorIndex } from "./vector_index.ts";

export { embeddingText } from "./indexer/source.ts";

export interface IndexerOptions {
  /** Left out: only vectors that clients send are indexed. */
  readonly embedder?: Embedder | undefined;
  /** The vectors that are to be had without a call. */
  readonly recall?: Recall | undefined;
  readonly vectorIndex: VectorIndex;
  /** The state's memory of an id, now. */
  readonly memory: (id: string) => Memory | undefined;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly log?: ((message: string) => void) | undefined;
}

export interface IndexerStats {
  readonly provider: string | null;
  readonly model: string | null;
  readonly dimensions: number | null;
  readonly indexed: number;
  readonly pending: number;
  readonly failed: number;
}

/**
 * - `refused`: the provider will not take this text.
 * - `dimensions`: the memory's own vector has another length than the index's.
 */
export type FailedReason = "refused" | "dimensions";

/** What searches go to: an index, and what turns a question into a vector of the same kind. Whoever
 * asked it for the one must ask the very same for the other: another may take its place between. */
export interface Serving {
  readonly vectorIndex: VectorIndex;
  /** Within 1.5 seconds. Throws `EmbedderError`. */
  embedQuery(text: string): Promise<Float32Array>;
}

export interface IndexerStatus {
  /** `waiting`: tries again by itself; `misconfigured`: in vain until the operator acts. */
  readonly state: "off" | "ok" | "waiting" | "misconfigured";
  /** Why, in words fit to be shown; null where all is well. */
  readonly detail: string | null;
}

const START_SLICE = 100;

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #writer: IndexWriter;
  readonly #worker: EmbedWorker | undefined;
  readonly #queries: QueryVectors | undefined;
  readonly #stopping = new AbortController();
  readonly #failed = new Map<string, { source: Source; reason: FailedReason }>();
  #idleWaiters: (() => void)[] = [];
  #starting = false;

  constructor(options: IndexerOptions) {
    const { embedder, recall, vectorIndex, memory, clock, random } = options;
    const stopping = this.#stopping.signal;
    const log = options.log ?? (() => {});
    const settled = () => this.#settle();
    this.#options = options;
    this.#writer = new IndexWriter({
      vectorIndex,
      memory,
      clock,
      random,
      dimensions: () => this.#worker?.dimensions,
      rejected: ({ id, source }) => this.#failed.set(id, { source, reason: "dimensions" }),
      settled,
      log,
    });
    if (embedder === undefined) return;
    this.#queries = new QueryVectors(embedder, recall, clock, stopping);
    this.#worker = new EmbedWorker({
      embedder,
      writer: this.#writer,
      memory,
      clock,
      random,
      stopping,
      refused: (id, source) => this.#failed.set(id, { source, reason: "refused" }),
      checkLength: (vector) => this.#checkLength(vector),
      settled,
      log,
    });
  }

  /** To be called after every durable put. */
  put(memory: Memory): void {
    if (!this.#needsText(memory)) return;
    // A vector of another text must not go on being found.
    if (this.#options.vectorIndex.has(memory.id)) this.#writer.align(memory.id);
    this.#worker?.add(memory.id);
  }

  /** To be called after every durable delete. */
  delete(id: string): void {
    this.#worker?.remove(id);
    this.#failed.delete(id);
    this.#writer.align(id);
  }

  /** Indexes what needs no call, in slices, and queues the rest, newest first. Never rejects. */
  async start(memories: Iterable<Memory>): Promise<void> {
    this.#starting = true;
    const pace = new Pace();
    const rest: Memory[] = [];
    let slice: Memory[] = [];
    for (const memory of memories) {
      slice.push(memory);
      if (slice.length < START_SLICE) continue;
      rest.push(...await this.#startSlice(slice));
      slice = [];
      if (pace.due) await pace.breathe();
      if (this.#stopping.signal.aborted) break;
    }
    rest.push(...await this.#startSlice(slice));
    rest.sort((a, b) => a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0);
    this.#worker?.addBacklog(rest.map(({ id }) => id));
    this.#starting = false;
    this.#settle();
  }

  /** Resolves when nothing is left to do, or what is left stands still until the operator acts. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      this.#settle();
    });
  }

  stats(): IndexerStats {
    const { embedder, vectorIndex } = this.#options;
    return {
      provider: embedder?.provider ?? null,
      model: embedder?.model ?? null,
      dimensions: vectorIndex.dimensions ?? this.#worker?.dimensions ?? null,
      indexed: this.#writer.size,
      pending: this.#writer.pending + (this.#worker?.pending ?? 0),
      failed: this.#failed.size,
    };
  }

  status(): IndexerStatus {
    if (this.#worker === undefined) return { state: "off", detail: null };
    const { trouble } = this.#worker;
    if (trouble === undefined) return { state: "ok", detail: null };
    return {
      state: trouble.fault === "config" ? "misconfigured" : "waiting",
      detail: trouble.message,
    };
  }

  get serving(): Serving {
    return { vectorIndex: this.#options.vectorIndex, embedQuery: (text) => this.embedQuery(text) };
  }

  /** Why a memory was given up and is not found by meaning; undefined if it was not. */
  failedReason(id: string): FailedReason | undefined {
    return this.#failed.get(id)?.reason;
  }

  /** The vector of what is searched for, within 1.5 seconds. Throws `EmbedderError`. */
  async embedQuery(text: string): Promise<Float32Array> {
    if (this.#queries === undefined) {
      throw new EmbedderError("config", "Cannot embed: no provider is configured");
    }
    const vector = await this.#queries.get(text);
    this.#checkLength(vector);
    return vector;
  }

  /** Takes up at once what was given up, and what waits for a better time. */
  retryFailed(): void {
    const ids = [...this.#failed.keys()];
    this.#failed.clear();
    for (const id of ids) {
      const memory = this.#options.memory(id);
      if (memory !== undefined) this.put(memory);
    }
    this.#worker?.retryNow();
  }

  /** Gives up what is under way; what is not indexed then is found again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#worker?.stop();
    await this.#writer.stop();
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Has the writer do what it can without a call; true where the text must be embedded. */
  #needsText(memory: Memory): boolean {
    const { id } = memory;
    const source = sourceOf(memory);
    if (this.#failed.get(id)?.source === source) return false;
    this.#failed.delete(id);
    if (this.#writer.isIndexed(id, source)) {
      this.#worker?.remove(id);
      return false;
    }
    if (source instanceof Float32Array) {
      this.#worker?.remove(id);
      this.#writer.align(id);
      return false;
    }
    return true;
  }

  /** Returns the memories whose text must be embedded. */
  async #startSlice(slice: readonly Memory[]): Promise<Memory[]> {
    const open = slice.filter((memory) => this.#needsText(memory));
    const recalled = await this.#options.recall?.(open.map(embeddingText)) ?? [];
    const sourced = open.flatMap((memory, at) => {
      const vector = recalled[at];
      return vector === undefined ? [] : [{ id: memory.id, source: embeddingText(memory), vector }];
    });
    try {
      await this.#writer.upsert(sourced);
    } catch {
      // The worker meets the same index soon, and knows how to wait for it.
    }
    return open.filter(({ id }) => !this.#writer.isCurrent(id));
  }

  #checkLength(vector: Float32Array): void {
    const { dimensions } = this.#options.vectorIndex;
    if (dimensions === undefined || vector.length === dimensions) return;
    throw new EmbedderError(
      "config",
      `Cannot index: the provider's vectors have ${vector.length} numbers, the index's ${dimensions}`,
    );
  }

  #settle(): void {
    if (this.#starting || !this.#writer.idle || this.#worker?.idle === false) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}
