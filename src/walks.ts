/**
 * Keeps the order of a paged listing still while its memories change. Sorted by something that
 * changes (the last update, the importance, how often it was read), a memory could slip from the
 * pages to come to those already seen, and be missed. So a walk remembers, for each memory that
 * moved since it began, where that one stood then.
 *
 * A listing by creation needs none of this: its cursor alone says where to go on.
 */
import type { Clock } from "./clock.ts";
import type { Access, Entry, Memory } from "./memory.ts";

export const SORTS = ["created_at", "updated_at", "importance_score", "access_count"] as const;
export type Sort = (typeof SORTS)[number];
export type SortKey = string | number;

const MOST_WALKS = 32;
const MOST_MOVED = 20_000;
const IDLE_MS = 10 * 60_000;

interface Walk {
  readonly sort: Sort;
  readonly stoodAt: Map<string, SortKey>;
  usedAt: number;
}

export class Walks {
  readonly #clock: Clock;
  readonly #newId: () => string;
  /** The one used longest ago first. */
  readonly #walks = new Map<string, Walk>();

  constructor(clock: Clock, newId: () => string) {
    this.#clock = clock;
    this.#newId = newId;
  }

  /** Begins to remember; undefined for a sort that stands still by itself. */
  begin(sort: Sort): string | undefined {
    if (sort === "created_at") return undefined;
    for (const [id, { usedAt }] of this.#walks) {
      if (this.#walks.size < MOST_WALKS && usedAt > this.#clock.now() - IDLE_MS) break;
      this.#walks.delete(id);
    }
    const id = this.#newId();
    this.#walks.set(id, { sort, stoodAt: new Map(), usedAt: this.#clock.now() });
    return id;
  }

  /** By id, the memories that moved since the walk began, and where they stood then; undefined
   * where the walk is no longer remembered. */
  resume(id: string): ReadonlyMap<string, SortKey> | undefined {
    const walk = this.#walks.get(id);
    if (walk === undefined) return undefined;
    walk.usedAt = this.#clock.now();
    this.#walks.delete(id);
    this.#walks.set(id, walk);
    return walk.stoodAt;
  }

  end(id: string): void {
    this.#walks.delete(id);
  }

  /** To be called before a memory changes. */
  moving(entry: Entry): void {
    const { id } = entry.memory;
    for (const [walkId, { sort, stoodAt }] of this.#walks) {
      if (stoodAt.has(id)) continue;
      stoodAt.set(id, sortKey(sort, entry.memory, () => entry.access));
      if (stoodAt.size > MOST_MOVED) this.#walks.delete(walkId);
    }
  }
}

/** `accessOf` is asked only where the order needs it. */
export function sortKey(sort: Sort, memory: Memory, accessOf: (id: string) => Access): SortKey {
  return sort === "access_count" ? accessOf(memory.id).access_count : memory[sort];
}
