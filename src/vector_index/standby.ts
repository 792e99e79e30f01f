/**
 * Stands in for an index elsewhere while that is out of reach: the vectors are read from where
 * they are kept in full, quantised, and searched in this process. Pairs are looked for in the same
 * way at any time, as another service has no quick means for them.
 *
 * Promises: no vector is here before it is wanted, never more than fits a fixed room, and none for
 * long after the index elsewhere is well again; long enough, though, that one that comes and goes
 * is not read for each time. Where it does not fit, or is not read yet, a search is told that the
 * index is out of reach, at once.
 */
import type { Clock, Timer } from "../clock.ts";
import { orAborted } from "../deadline.ts";
import {
  type NearPairs,
  type NearPairsQuery,
  type VectorEntry,
  type VectorIndex,
  VectorIndexUnavailable,
  type VectorQuery,
  type VectorResult,
  type VectorsElsewhere,
} from "../vector_index.ts";
import { LocalCopy, type LocalCopyOptions, type RemoteVectorIndex } from "./standby/local_copy.ts";

/** For some 38,000 vectors of 1,536 numbers. */
const MAX_BYTES = 64 * 2 ** 20;
/** So often is it asked whether the copy is still of use, and so often in a row must it not be. */
const LOOK_MS = 15_000, LOOKS = 4;
/** So long nothing is read for searches after it did not fit. */
const UNFIT_MS = 10 * 60_000;

export interface StandbyOptions extends Pick<LocalCopyOptions, "remote" | "vectors" | "quantised"> {
  readonly clock: Clock;
  readonly log: (message: string) => void;
  readonly maxBytes?: number | undefined;
}

export class StandbyVectorIndex implements RemoteVectorIndex {
  readonly elsewhere: VectorsElsewhere;
  readonly #options: StandbyOptions;
  readonly #remote: RemoteVectorIndex;
  readonly #maxBytes: number;
  readonly #lost: ((ids: readonly string[]) => void)[] = [];
  /** By id, the last upsert that is under way: a delete that comes meanwhile has the last word. */
  readonly #upserts = new Map<string, readonly VectorEntry[]>();
  #copy: LocalCopy | undefined;
  #look: Timer | undefined;
  /** Looks in a row at a copy that was of no use. */
  #idleLooks = 0;
  /** Runs while it is known that not all fits. */
  #unfit: Timer | undefined;
  /** How many wait for pairs. */
  #pairing = 0;
  #isClosed = false;

  constructor(options: StandbyOptions) {
    this.#options = options;
    this.#remote = options.remote;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.elsewhere = this.#around(options.remote.elsewhere);
    options.remote.elsewhere.whenLost((ids) => {
      void this.#copy?.delete(ids);
      for (const listener of this.#lost) listener(ids);
    });
  }

  get kind(): VectorIndex["kind"] {
    return this.#remote.kind;
  }

  get dimensions(): number | undefined {
    return this.#remote.dimensions;
  }

  get size(): number {
    return this.#remote.size;
  }

  get bytes(): number {
    return this.#remote.bytes + (this.#copy?.index.bytes ?? 0);
  }

  has(id: string): boolean {
    return this.#remote.has(id);
  }

  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    for (const { id } of entries) this.#upserts.set(id, entries);
    const isLast = ({ id }: VectorEntry) => this.#upserts.get(id) === entries;
    try {
      await this.#remote.upsert(entries);
      // It takes nothing of a memory that is not there any more.
      const isTaken = (entry: VectorEntry) => isLast(entry) && this.has(entry.id);
      await this.#copy?.upsert(entries.filter(isTaken));
    } finally {
      for (const entry of entries) if (isLast(entry)) this.#upserts.delete(entry.id);
    }
  }

  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#upserts.delete(id);
    await Promise.all([this.#remote.delete(ids), this.#copy?.delete(ids)]);
  }

  async search(query: VectorQuery): Promise<VectorResult> {
    try {
      return await this.#remote.search(query);
    } catch (error) {
      if (!(error instanceof VectorIndexUnavailable)) throw error;
      const copy = this.#standing();
      if (copy === undefined) throw error;
      return { ...await copy.index.search(query), isPoorer: true };
    }
  }

  async nearPairs(query: NearPairsQuery): Promise<NearPairs> {
    query.signal?.throwIfAborted();
    this.#pairing++;
    try {
      const copy = await orAborted(query.signal, () => this.#filled());
      const { pairs, isComplete } = await copy.index.nearPairs(query);
      return { pairs, isComplete: isComplete && copy.index.size >= this.size };
    } finally {
      this.#pairing--;
    }
  }

  get #isAway(): boolean {
    return this.#remote.elsewhere.status.state === "unavailable";
  }

  /** What a search may be answered from; where there is nothing yet, it is begun. */
  #standing(): LocalCopy | undefined {
    const copy = this.#copy;
    if (copy?.isWhole) {
      this.#idleLooks = 0;
      // Of nothing at all it cannot be told whether there is nothing.
      return copy.index.size === 0 ? undefined : copy;
    }
    if (!copy?.isFilling && this.#isAway && this.#mayFit()) void this.#prepare();
    return undefined;
  }

  /** By the least that the vectors take: what long memories take more is seen on the way. */
  #mayFit(): boolean {
    const leastBytes = this.size * (this.dimensions ?? 0) * 9 / 8;
    return this.#unfit === undefined && this.size > 0 && leastBytes <= this.#maxBytes;
  }

  /** For searches to come. */
  async #prepare(): Promise<void> {
    try {
      const copy = await this.#filled();
      if (copy.isWhole || !copy.isFull) return;
    } catch (error) {
      if (this.#isClosed) return;
      const why = error instanceof Error ? error.name : "unknown";
      this.#options.log(`vectors could not be read to search without the vector store: ${why}`);
    }
    this.#unfit = this.#options.clock.after(UNFIT_MS, () => this.#unfit = undefined);
    if (this.#pairing === 0) this.#drop();
  }

  /** The copy with all that fits, or as much as was wanted. */
  async #filled(): Promise<LocalCopy> {
    const copy = this.#copy ??= this.#newCopy();
    this.#idleLooks = 0;
    if (!copy.isWhole) await copy.fill();
    if (this.#isClosed) throw new VectorIndexUnavailable("Cannot search: the index is closed");
    return copy;
  }

  #newCopy(): LocalCopy {
    const { remote, vectors, quantised } = this.#options;
    this.#lookLater();
    return new LocalCopy({
      remote,
      vectors,
      quantised,
      maxBytes: this.#maxBytes,
      isWanted: () => !this.#isClosed && (this.#pairing > 0 || this.#isAway),
    });
  }

  #lookLater(): void {
    this.#look = this.#options.clock.after(LOOK_MS, () => {
      const copy = this.#copy;
      const isOfUse = this.#pairing > 0 || copy?.isFilling || copy?.isWhole && this.#isAway;
      this.#idleLooks = isOfUse ? 0 : this.#idleLooks + 1;
      if (this.#idleLooks >= LOOKS) this.#drop();
      else this.#lookLater();
    });
  }

  #drop(): void {
    this.#look?.cancel();
    this.#idleLooks = 0;
    this.#copy = undefined;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#unfit?.cancel();
    const filling = this.#copy?.isFilling ? this.#copy.fill() : undefined;
    this.#drop();
    // Whoever waits for it is told how it ended.
    await filling?.catch(() => undefined);
    await this.#remote.elsewhere.close();
  }

  #around(elsewhere: VectorsElsewhere): VectorsElsewhere {
    return {
      get status() {
        return elsewhere.status;
      },
      ids: () => elsewhere.ids(),
      adopt: async (memories) => {
        const adopted = await elsewhere.adopt(memories);
        const isHere = (id: string) => this.#copy?.index.has(id) !== false;
        if (![...adopted].every(isHere)) this.#copy?.miss();
        return adopted;
      },
      refresh: (ids) => elsewhere.refresh(ids),
      converge: () => elsewhere.converge(),
      whenLost: (listener) => void this.#lost.push(listener),
      whenFound: (listener) => elsewhere.whenFound(listener),
      close: () => this.#close(),
    };
  }
}
