/** The float scan as an index elsewhere, which comes and goes as the test says; and the place where
 * its vectors are kept in full. */
import {
  type FullVectors,
  type NearPairs,
  type NearPairsQuery,
  type VectorEntry,
  VectorIndexUnavailable,
  type VectorQuery,
  type VectorResult,
  type VectorsElsewhere,
} from "../../src/vector_index.ts";
import type { RemoteVectorIndex } from "../../src/vector_index/standby/local_copy.ts";
import { FloatScan } from "./float_scan.ts";

export class FarVectorIndex extends FloatScan implements RemoteVectorIndex {
  isAway = false;
  /** Fails, but is not known to be out of reach. */
  isFailing = false;
  isClosed = false;
  /** How long a write takes. */
  pause: () => Promise<void> = () => Promise.resolve();
  readonly kept = new Map<string, readonly Float32Array[]>();
  /** What each look at what is kept asked for. */
  readonly asked: (readonly string[])[] = [];
  /** How long a look takes. */
  read: () => Promise<void> = () => Promise.resolve();
  readonly elsewhere: VectorsElsewhere;
  /** Memories that the state does not have: it takes no vectors of theirs. */
  readonly unknown = new Set<string>();
  /** What it holds from before. */
  readonly before = new Map<string, readonly Float32Array[]>();
  #listener: (ids: readonly string[]) => void = () => {};

  constructor() {
    super();
    const state = () => this.isAway ? "unavailable" : "ok";
    this.elsewhere = {
      get status() {
        return { state: state(), detail: null, pending: 0 } as const;
      },
      ids: () => [...this.kept.keys()],
      adopt: async (memories) => {
        const ids = memories.map(({ id }) => id).filter((id) => this.before.has(id));
        await this.upsert(ids.map((id) => ({ id, vectors: this.before.get(id) ?? [] })));
        return new Set(ids);
      },
      refresh: () => Promise.resolve(),
      converge: () => Promise.resolve(),
      whenLost: (listener) => {
        this.#listener = listener;
      },
      whenFound: () => {},
      close: () => {
        this.isClosed = true;
        return Promise.resolve();
      },
    };
  }

  /** Of its own process. */
  override get bytes(): number {
    return 0;
  }

  /** Vectors as they are when they are asked for. */
  readonly vectors: FullVectors = async (ids) => {
    this.asked.push(ids);
    const found = ids.map((id) => this.kept.get(id));
    await this.read();
    return found;
  };

  async lose(ids: readonly string[]): Promise<void> {
    await this.delete(ids);
    this.#listener(ids);
  }

  override async upsert(all: readonly VectorEntry[]): Promise<void> {
    const entries = all.filter(({ id }) => !this.unknown.has(id));
    await super.upsert(entries);
    for (const { id, vectors } of entries) this.kept.set(id, vectors.map((v) => v.slice()));
    await this.pause();
  }

  override async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.kept.delete(id);
    await super.delete(ids);
    await this.pause();
  }

  override async search(query: VectorQuery): Promise<VectorResult> {
    query.signal?.throwIfAborted();
    if (!this.isAway && !this.isFailing) return await super.search(query);
    throw new VectorIndexUnavailable("Cannot search: it is away");
  }

  /** What it would say if it were not away. */
  truth(query: VectorQuery): Promise<VectorResult> {
    return super.search(query);
  }

  pairs(query: NearPairsQuery): Promise<NearPairs> {
    return super.nearPairs(query);
  }

  override nearPairs(): Promise<never> {
    return Promise.reject(new Error("another service is not asked for pairs"));
  }
}
