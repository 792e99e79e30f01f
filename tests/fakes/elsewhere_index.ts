/** The port whose vectors a service of its own keeps, as the simplest thing that keeps its word. */
import type { Memory } from "../../src/memory.ts";
import {
  type Source,
  type VectorEntry,
  VectorIndexUnavailable,
  type VectorsElsewhere,
  type VectorsKind,
  type VectorStoreStatus,
} from "../../src/vector_index.ts";
import { MapVectorIndex } from "./indexing.ts";

interface Stored {
  readonly source: Source;
  readonly memory: Memory;
}

/** The service, which outlives the program. */
export class FakeVectorStore {
  readonly stored = new Map<string, Stored>();
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  away = false;
  /** How long an answer takes. */
  pause: () => Promise<void> = () => Promise.resolve();

  get status(): VectorStoreStatus {
    return this.away
      ? { state: "unavailable", detail: "Cannot reach the vector store: away", pending: 1 }
      : { state: "ok", detail: null, pending: 0 };
  }

  /** What the service has of each memory, beside the vectors. */
  get tags(): Record<string, readonly string[]> {
    return Object.fromEntries([...this.stored].map(([id, { memory }]) => [id, memory.tags]));
  }
}

export class ElsewhereIndex extends MapVectorIndex {
  readonly store: FakeVectorStore;
  readonly elsewhere: VectorsElsewhere;
  readonly #kind: VectorsKind;
  #lost: (ids: readonly string[]) => void = () => {};
  #found: (ids: readonly string[]) => void = () => {};

  constructor(store: FakeVectorStore, kind: VectorsKind) {
    super();
    this.store = store;
    this.#kind = kind;
    this.elsewhere = this.#elsewhere();
  }

  override async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const stored = entries.flatMap(({ id }) => this.#now(id));
    await super.upsert(entries);
    this.store.calls.push(`upsert ${entries.map(({ id }) => id)}`);
    await this.store.pause();
    for (const one of stored) if (!this.store.away) this.store.stored.set(one.memory.id, one);
  }

  override async delete(ids: readonly string[]): Promise<void> {
    await super.delete(ids);
    this.store.calls.push(`delete ${ids}`);
    for (const id of ids) if (!this.store.away) this.store.stored.delete(id);
  }

  /** The service has lost them, and says so. */
  lose(ids: readonly string[]): void {
    for (const id of ids) {
      this.store.stored.delete(id);
      this.vectors.delete(id);
    }
    this.#lost(ids);
  }

  /** It can be asked what it has from before. */
  find(ids: readonly string[]): void {
    this.#found(ids);
  }

  #elsewhere(): VectorsElsewhere {
    const { store } = this;
    return {
      get status() {
        return store.status;
      },
      ids: () => this.vectors.keys(),
      adopt: async (memories) => {
        this.store.calls.push(`adopt ${memories.map(({ id }) => id)}`);
        await this.store.pause();
        const known = memories.filter((memory) =>
          !this.store.away && isSame(this.store.stored.get(memory.id), this.#kind.sourceOf(memory))
        );
        for (const memory of known) {
          const source = this.#kind.sourceOf(memory);
          this.store.stored.set(memory.id, { source, memory });
          this.vectors.set(memory.id, []);
        }
        return new Set(known.map(({ id }) => id));
      },
      refresh: (ids) => {
        this.store.calls.push(`refresh ${ids}`);
        for (const one of ids.flatMap((id) => this.#now(id))) {
          if (!this.store.away) this.store.stored.set(one.memory.id, one);
        }
        return Promise.resolve();
      },
      converge: () => {
        this.store.calls.push("converge");
        if (this.store.away) return Promise.reject(new VectorIndexUnavailable("away"));
        return this.store.pause();
      },
      whenLost: (listener) => this.#lost = listener,
      whenFound: (listener) => this.#found = listener,
      close: () => {
        this.store.calls.push("close");
        return Promise.resolve();
      },
    };
  }

  /** What the state says of a memory. */
  #now(id: string): Stored[] {
    const memory = this.#kind.memory(id);
    return memory === undefined ? [] : [{ source: this.#kind.sourceOf(memory), memory }];
  }
}

function isSame(stored: Stored | undefined, source: Source): boolean {
  return stored !== undefined && String(stored.source) === String(source);
}
