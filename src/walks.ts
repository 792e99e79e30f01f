/**
 * Keeps the order of a paged listing still while its memories change. A memory whose key changes
 * (it was updated, read, or imported anew) could slip from the pages to come to those already seen,
 * and be missed. So it is noted where each memory stood before it moved, in one list for all walks:
 * a walk is the place in that list where it began, and costs nothing however many there are.
 */
import type { Access, Entry, Memory } from "./memory.ts";

export const SORTS = ["created_at", "updated_at", "importance_score", "access_count"] as const;
export type Sort = (typeof SORTS)[number];
export type SortKey = string | number;

/** A walk that began more moves ago is no longer remembered. */
const MOVES_KEPT = 20_000;

/** Where a memory stood, by every sort, before it moved. */
interface Move
  extends Readonly<Record<Exclude<Sort, "access_count" | "importance_score">, string>> {
  readonly id: string;
  readonly importance_score: number;
  readonly access_count: number;
}

export class Walks {
  /** Numbers of another run of the program mean nothing here. */
  readonly #run: string;
  #moves: Move[] = [];
  /** How many moves were noted before the first that is kept. */
  #forgotten = 0;

  constructor(run: string) {
    this.#run = run;
  }

  /** The walk that begins now. */
  begin(): string {
    return `${this.#run}.${this.#forgotten + this.#moves.length}`;
  }

  /** By id, where memories that moved since the walk began stood then; undefined where that is no
   * longer remembered. */
  resume(walk: string, sort: Sort): ReadonlyMap<string, SortKey> | undefined {
    const [run, began = ""] = walk.split(".");
    const from = Number(began) - this.#forgotten;
    if (run !== this.#run || !(from >= 0 && from <= this.#moves.length)) return undefined;
    const stoodAt = new Map<string, SortKey>();
    for (const move of this.#moves.slice(from)) {
      if (!stoodAt.has(move.id)) stoodAt.set(move.id, move[sort]);
    }
    return stoodAt;
  }

  /** To be called before a memory changes. */
  moving({ memory, access }: Entry): void {
    const { id, created_at, updated_at, importance_score } = memory;
    const { access_count } = access;
    this.#moves.push({ id, created_at, updated_at, importance_score, access_count });
    if (this.#moves.length < 2 * MOVES_KEPT) return;
    this.#forgotten += this.#moves.length - MOVES_KEPT;
    this.#moves = this.#moves.slice(-MOVES_KEPT);
  }
}

/** `accessOf` is asked only where the order needs it. */
export function sortKey(sort: Sort, memory: Memory, accessOf: (id: string) => Access): SortKey {
  return sort === "access_count" ? accessOf(memory.id).access_count : memory[sort];
}
