/**
 * The only hand that writes to the vector index, one write at a time and always by what the state
 * holds at that moment: so an answer that comes late, or two changes that overtake each other,
 * leave the index as the last state wants it.
 *
 * Promises: nothing is written for a memory that is gone or whose text is another by now; a change
 * that the index could not take is kept, by id only, and tried again. An index that another service
 * keeps is told of other fields as well, in the same order.
 */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Memory } from "../memory.ts";
import type { Source, SourceOf, VectorIndex } from "../vector_index.ts";
import { Backoff } from "../backoff.ts";

/** A memory's vectors and what they were made from. */
export interface Sourced {
  readonly id: string;
  readonly source: Source;
  /** One; of a long text, one for each of its chunks, in order. */
  readonly vectors: readonly Float32Array[];
}

export interface IndexWriterOptions {
  readonly vectorIndex: VectorIndex;
  readonly memory: (id: string) => Memory | undefined;
  readonly sourceOf: SourceOf;
  readonly clock: Clock;
  readonly random: () => number;
  /** Length of the provider's vectors, where known: another must not become an empty index's. */
  readonly dimensions: () => number | undefined;
  /** A memory's own vector has another length than the index's. */
  readonly rejected: (entry: Sourced) => void;
  /** The index holds nothing of this memory now, and its text may be wanted. */
  readonly unindexed: (id: string) => void;
  /** The index holds what is wanted of this memory. */
  readonly indexed: (id: string) => void;
  /** What could be written was. */
  readonly settled: () => void;
  readonly log: (message: string) => void;
}

const SLICE = 100;

export class IndexWriter {
  /** What each memory's vectors were made from. The texts are the state's own, not copies. */
  readonly #indexed = new Map<string, Source>();
  readonly #options: IndexWriterOptions;
  readonly #backoff: Backoff;
  /** Ids whose entry may no longer be what the state wants. */
  readonly #dirty = new Set<string>();
  /** Those of them that are being looked at. */
  #underWay: readonly string[] = [];
  #aligning: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: IndexWriterOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.clock, options.random, () => this.#pump());
  }

  get idle(): boolean {
    return this.#dirty.size === 0 && this.#aligning === undefined;
  }

  /** Every memory that is indexed, or is not yet as the state wants it. */
  *ids(): Generator<string> {
    yield* this.#indexed.keys();
    yield* this.#dirty;
    yield* this.#underWay;
  }

  /** Memories whose entry may not be as the state wants it. */
  get unaligned(): readonly string[] {
    return [...this.#dirty];
  }

  /** How many memories have their vectors in the index. */
  get size(): number {
    return this.#indexed.size;
  }

  /** Memories whose own vector is not in the index yet. */
  get pending(): number {
    let count = 0;
    for (const id of this.#dirty) {
      if (this.#wanted(id) instanceof Float32Array && !this.isCurrent(id)) count++;
    }
    return count;
  }

  /** What a memory's vectors are to be made from, as it is now. */
  #wanted(id: string): Source | undefined {
    const memory = this.#options.memory(id);
    return memory && this.#options.sourceOf(memory);
  }

  /** Whether the id's vectors in the index were made from this. */
  isIndexed(id: string, source: Source): boolean {
    if (this.#indexed.get(id) !== source) return false;
    // The newer of two equal texts is the one that the state keeps.
    this.#indexed.set(id, source);
    return true;
  }

  /** Whether the index holds what the state wants of this memory. */
  isCurrent(id: string): boolean {
    const wanted = this.#wanted(id);
    return wanted !== undefined && this.#indexed.get(id) === wanted;
  }

  /** Brings one entry in line with the state: a memory's own vector in, a stale or gone one out,
   * other fields to where they are kept beside the vectors. */
  align(id: string): void {
    this.#dirty.add(id);
    this.#pump();
  }

  /**
   * Writes those of the vectors that are still wanted, and returns those whose length the index
   * does not take. Throws where the index cannot be reached.
   */
  upsert(entries: readonly Sourced[]): Promise<Sourced[]> {
    return this.#inTurn(() => this.#upsertNow(entries));
  }

  /** Takes over what an index that another service keeps has of these memories from before. */
  adopt(memories: readonly Memory[]): Promise<void> {
    return this.#inTurn(() => this.#adoptNow(memories));
  }

  /** The index has lost them. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#indexed.delete(id);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#backoff.stop();
    await this.#last;
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(write);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #pump(): void {
    if (this.#aligning !== undefined || this.#stopped || this.#backoff.waiting) return;
    if (this.#dirty.size === 0) return;
    this.#aligning = this.#alignAll().finally(() => {
      this.#aligning = undefined;
      this.#pump();
      this.#options.settled();
    });
  }

  async #alignAll(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#stopped) {
      const ids = [...this.#dirty.values().take(SLICE)];
      // Before the write, so that a change that comes during it is seen again after it.
      for (const id of ids) this.#dirty.delete(id);
      this.#underWay = ids;
      try {
        await this.#inTurn(() => this.#alignNow(ids));
        this.#backoff.reset();
      } catch {
        if (this.#stopped) return;
        for (const id of ids) this.#dirty.add(id);
        this.#options.log("the vector index took no change and will be asked again");
        this.#backoff.failed();
        return;
      }
    }
  }

  async #alignNow(ids: readonly string[]): Promise<void> {
    const kept: string[] = [];
    const stale: string[] = [];
    const own: Sourced[] = [];
    for (const id of ids) {
      const source = this.#wanted(id);
      if (source !== undefined && this.#indexed.get(id) === source) {
        kept.push(id);
        continue;
      }
      if (source instanceof Float32Array && this.#fits(source)) {
        own.push({ id, source, vectors: [source] });
        continue;
      }
      stale.push(id);
      if (source instanceof Float32Array) {
        this.#options.rejected({ id, source, vectors: [source] });
      }
    }
    if (kept.length > 0) await this.#options.vectorIndex.elsewhere?.refresh(kept);
    await this.#deleteNow(stale);
    const refused = await this.#upsertNow(own);
    // Its former vector, if any, is not this memory's any more.
    await this.#deleteNow(refused.map(({ id }) => id));
    if (refused.some(({ vectors: [vector] }) => vector?.length === this.#options.dimensions())) {
      throw new Error("Cannot index: a vector that came too early is not gone yet");
    }
    for (const entry of refused) this.#options.rejected(entry);
    // Also what is made from another source since the beginning of this.
    for (const id of ids) if (!this.isCurrent(id)) this.#options.unindexed(id);
  }

  async #deleteNow(ids: readonly string[]): Promise<void> {
    // Before the write: a put that comes during it must not take the old vector for its own.
    for (const id of ids) this.#indexed.delete(id);
    if (ids.length > 0) await this.#options.vectorIndex.delete(ids);
  }

  #fits(vector: Float32Array): boolean {
    const dimensions = this.#options.dimensions() ?? this.#options.vectorIndex.dimensions;
    return dimensions === undefined || vector.length === dimensions;
  }

  async #upsertNow(entries: readonly Sourced[]): Promise<Sourced[]> {
    const wanted = entries.filter(({ id, source }) => this.#wanted(id) === source);
    if (wanted.length === 0) return [];
    const memories = wanted.map(({ id }) => this.#options.memory(id));
    try {
      await this.#options.vectorIndex.upsert(
        wanted.map(({ id, vectors }) => ({ id, vectors })),
      );
      wanted.forEach(({ id, source }, at) => this.#written(id, source, memories[at]));
      return [];
    } catch (error) {
      if (!(error instanceof AppError && error.code === "invalid")) throw error;
      if (wanted.length === 1) return wanted;
    }
    // One of them has another length; the others must not suffer for it.
    const rejected: Sourced[] = [];
    for (const entry of wanted) rejected.push(...await this.#upsertNow([entry]));
    return rejected;
  }

  async #adoptNow(memories: readonly Memory[]): Promise<void> {
    const wanted = memories.flatMap(({ id }) =>
      this.#indexed.has(id) ? [] : this.#options.memory(id) ?? []
    );
    if (wanted.length === 0 || this.#stopped) return;
    const sources = wanted.map((memory) => this.#options.sourceOf(memory));
    const adopted = await this.#options.vectorIndex.elsewhere?.adopt(wanted);
    wanted.forEach((memory, at) => {
      const source = sources[at];
      if (source === undefined || adopted?.has(memory.id) !== true) return;
      this.#written(memory.id, source, memory);
    });
  }

  /** The index holds what was made of this source, and of `memory`'s fields. */
  #written(id: string, source: Source, memory: Memory | undefined): void {
    this.#indexed.set(id, source);
    // Edited or deleted meanwhile: then it must not stay.
    if (!this.isCurrent(id) || this.#keepsFields && this.#options.memory(id) !== memory) {
      this.align(id);
    }
    if (this.isCurrent(id)) this.#options.indexed(id);
  }

  get #keepsFields(): boolean {
    return this.#options.vectorIndex.elsewhere !== undefined;
  }
}
