/**
 * The indexer: brings every memory's meaning into the vector index, after its write was answered
 * and never in its way.
 *
 * Promises: what the state holds is indexed as soon as the provider allows, each text once, newest
 * first, whatever fails in between; a late answer for an edited or deleted memory is dropped; a
 * text that the provider will not take costs only itself. Queues hold ids, and texts are read
 * from the state when they are sent, so nothing here outgrows the state. Nothing thrown by the
 * provider or the index leaves the worker: it shows in `stats()` and `status()`.
 *
 * Where another model is set, the vectors of the one before serve until the new ones are complete:
 * two generations side by side, both told of every change, the new one alone filling up.
 */
import { EmbedderError } from "./embedder.ts";
import { converge, useAdopted, vectorStoreOf } from "./indexer/elsewhere.ts";
import { Generation } from "./indexer/generation.ts";
import type { GenerationOptions } from "./indexer/generation_options.ts";
import type { FailedReason } from "./indexer/given_up.ts";
import type { IndexerOptions } from "./indexer/indexer_options.ts";
import { newestFirst } from "./indexer/newest_first.ts";
import { type IndexerStats, type IndexerStatus, statsOf, statusOf } from "./indexer/progress.ts";
import type { Serving } from "./indexer/serving.ts";
import { inSlices, memoriesOf } from "./indexer/slices.ts";
import type { Memory } from "./memory.ts";

export type { IndexerOptions } from "./indexer/indexer_options.ts";
export type { Serving } from "./indexer/serving.ts";

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #stopping = new AbortController();
  #serving: Generation;
  /** What is to serve once it is complete. */
  #next: Generation | undefined;
  /** Generations that are let go. */
  readonly #leaving = new Set<Promise<void>>();
  #idleWaiters: (() => void)[] = [];
  #feeds = 0;
  /** The provider does not make the vectors that serve any more. */
  #isGone = false;
  #isAsking = false;
  #areLost = false;
  #recorded: string | undefined;
  #comparing: Promise<void> | undefined;

  constructor(options: IndexerOptions) {
    const { embedder, models } = options;
    this.#options = options;
    const today = { embedder, length: models?.length };
    const previous = embedder && models?.previous;
    if (previous === undefined) this.#serving = this.#generation(today);
    else {
      this.#serving = this.#generation({ ...previous, isFormer: true });
      this.#next = this.#generation(today);
    }
    models?.whenLost(() => {
      this.#areLost = true;
      this.#recorded = undefined;
      this.#settle();
    });
  }

  #generation(
    kind: Pick<GenerationOptions, "embedder" | "length" | "isSettled" | "isFormer">,
  ): Generation {
    const { newVectorIndex, memory, clock, random, log = () => {} } = this.#options;
    const generation = new Generation({
      ...kind,
      newVectorIndex,
      memory,
      clock,
      random,
      stopping: this.#stopping.signal,
      outgrown: (...what) => this.#outgrown(generation, ...what),
      indexed: (id) => this.#indexed(id, generation),
      settled: () => this.#settle(),
      log,
    });
    return generation;
  }

  /** The one that serves first. */
  get #generations(): readonly Generation[] {
    return this.#next === undefined ? [this.#serving] : [this.#serving, this.#next];
  }

  /** Of the model that is set. */
  get #newest(): Generation {
    return this.#next ?? this.#serving;
  }

  /** To be called after every durable put. */
  put(memory: Memory): void {
    for (const generation of this.#generations) generation.put(memory);
    this.#indexed(memory.id); // Where its text was changed and changed back, nothing is written.
  }

  #indexed(id: string, generation = this.#serving): void {
    if (generation === this.#serving && this.isIndexed(id)) this.#options.indexed?.(id);
  }

  /** Whether the index that serves holds the vectors of a memory as it is now. */
  isIndexed(id: string): boolean {
    return this.#serving.isCurrent(id);
  }

  /** To be called after every durable delete. */
  delete(id: string): void {
    for (const generation of this.#generations) generation.delete(id);
  }

  /** Indexes what needs no call, in slices, and queues the rest, newest first. Never rejects. */
  async start(memories: Iterable<Memory>): Promise<void> {
    await this.#feed(memories);
    if (this.#next !== undefined) void this.#askForServing();
    const { signal } = this.#stopping;
    await useAdopted(this.#generations, (ids) => this.#memories(ids), signal);
    if (!signal.aborted) this.#options.models?.allAsked();
  }

  async #feed(memories: Iterable<Memory>): Promise<void> {
    const rest: Memory[] = [];
    await this.#busily(async () => {
      await inSlices(memories, this.#stopping.signal, async (slice) => {
        // What the former model has no vectors of, it is not asked for.
        if (this.#next !== undefined) await this.#serving.take(slice);
        let generation: Generation, open: readonly Memory[];
        // Another may take its place meanwhile.
        do {
          generation = this.#newest;
          open = await generation.take(slice);
        } while (generation !== this.#newest && !this.#stopping.signal.aborted);
        rest.push(...open);
      });
      for await (const some of newestFirst(rest)) {
        // What was deleted meanwhile is not to be counted.
        const ids = some.map(({ id }) => id).filter((id) => this.#options.memory(id) !== undefined);
        this.#newest.addBacklog(ids);
        if (this.#stopping.signal.aborted) return;
      }
    });
    this.#settle();
  }

  /** Until it is over, the indexer is not idle. */
  async #busily(work: () => Promise<void>): Promise<void> {
    this.#feeds++;
    try {
      await work();
    } finally {
      this.#feeds--;
    }
  }

  /** Resolves when nothing is left to do, or what is left stands still until the operator acts. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      this.#settle();
    });
  }

  stats(): IndexerStats {
    return statsOf(this.#serving, this.#next, this.#options.models?.isTooSmall() ?? false);
  }

  status(): IndexerStatus {
    return statusOf(this.#newest);
  }

  /** How the service is that keeps the vectors, if one does. */
  vectorStore() {
    return vectorStoreOf(this.#generations);
  }

  get serving(): Serving {
    const generation = this.#serving;
    return {
      vectorIndex: generation.vectorIndex,
      embedQuery: (text) => this.#embedQuery(generation, text),
      vectorsOf: (memory) => generation.vectorsOf(memory),
    };
  }

  /** Why a memory was given up and is not found by meaning; undefined if it was not. */
  failedReason(id: string): FailedReason | undefined {
    return this.#serving.failedReason(id);
  }

  async #embedQuery(generation: Generation, text: string): Promise<Float32Array> {
    try {
      return await generation.embedQuery(text);
    } catch (error) {
      const isFinal = error instanceof EmbedderError && error.fault !== "retry";
      if (isFinal && generation === this.#serving) void this.#askForServing();
      throw error;
    }
  }

  /** Takes up at once what was given up, and what waits for a better time. */
  retryFailed(): void {
    for (const generation of this.#generations) generation.retryFailed();
  }

  /** That, and what another service keeps is compared with the state: once for all who ask
   * meanwhile. Throws `not_ready` where that service is out of reach. */
  reindex(): Promise<void> {
    this.retryFailed();
    return this.#comparing ??= converge(this.#generations)
      .finally(() => this.#comparing = undefined);
  }

  /** Gives up what is under way; what is not indexed then is found again at the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const stopped = this.#generations.map((generation) => generation.stop());
    await Promise.all([...stopped, ...this.#leaving]);
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** The index was begun with vectors of another length: own ones, or those of a former model that
   * had the same name. What serves of those can be asked for nothing any more. */
  #outgrown(generation: Generation, length: number, isSettled: boolean): void {
    // Of an answer that came too late: nobody would ever stop what is begun now.
    if (this.#stopping.signal.aborted) return;
    if (generation !== this.#newest) {
      if (generation === this.#serving) this.#promote();
      return;
    }
    const fresh = this.#generation({ embedder: this.#options.embedder, length, isSettled });
    if (this.#next === undefined) this.#serving = fresh;
    else this.#next = fresh;
    this.#leave(generation);
    void this.#feed(this.#memories(new Set(generation.ids())));
  }

  #memories(ids: Iterable<string>): Iterable<Memory> {
    return memoriesOf(ids, this.#options.memory);
  }

  /** Looks whether the former model can still be asked. */
  async #askForServing(): Promise<void> {
    const generation = this.#serving;
    if (this.#next === undefined || this.#isAsking) return;
    this.#isAsking = true;
    const isStillMade = await generation.isStillMade();
    this.#isAsking = false;
    if (!isStillMade && generation === this.#serving) this.#isGone = true;
    this.#settle();
  }

  #promote(): void {
    if (this.#next === undefined) return;
    this.#leave(this.#serving);
    this.#serving = this.#next;
    this.#next = undefined;
    this.#isGone = false;
    this.#options.log?.("the vectors of the model that is set are in use");
    this.#options.indexChanged?.();
  }

  #leave(generation: Generation): void {
    const leaving = generation.stop().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #settle(): void {
    if (this.#feeds > 0 || this.#stopping.signal.aborted) return;
    if (this.#areLost) return void this.#keepAgain();
    const next = this.#next;
    // With a wrong key no model is to be had: that says nothing of the former one.
    if (next?.pending === 0 || (this.#isGone && next?.isProven)) this.#promote();
    this.#record();
    if (!this.#serving.idle || this.#next?.idle === false) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** What was remembered is lost, and what is indexed is but an outline of it. */
  async #keepAgain(): Promise<void> {
    this.#areLost = false;
    const newest = this.#newest;
    const memories = this.#memories([...newest.ids()]);
    const { signal } = this.#stopping;
    await this.#busily(() => inSlices(memories, signal, (slice) => newest.keepAgain(slice)));
    this.#settle();
  }

  #record(): void {
    const { embedder, length, indexed } = this.#serving;
    if (embedder === undefined || length === undefined || indexed === 0) return;
    const served = JSON.stringify([embedder.model, embedder.dimensions, length]);
    if (served === this.#recorded) return;
    this.#recorded = served;
    this.#options.models?.serve(embedder, length);
  }
}
