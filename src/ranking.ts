/**
 * What comes first: the best few of many, and how far a memory's importance and age may tip the
 * order. Pure: time is passed in.
 */
import { compareKeys } from "./selection.ts";

/** Below 0 where `a` comes first. */
export type Order<T> = (a: T, b: T) => number;

/** The best few of many, in a heap with the worst on top, so that nothing else is sorted. */
export class Best<T> {
  readonly #heap: T[] = [];
  readonly #limit: number;
  readonly #order: Order<T>;

  constructor(limit: number, order: Order<T>) {
    this.#limit = limit;
    this.#order = order;
  }

  /** The first that would have to go, once there are as many as wanted. */
  get worst(): T | undefined {
    return this.#heap.length < this.#limit ? undefined : this.#heap[0];
  }

  offer(candidate: T): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(candidate);
      this.#rise(heap.length - 1);
    } else if (heap[0] !== undefined && this.#order(candidate, heap[0]) < 0) {
      heap[0] = candidate;
      this.#sink();
    }
  }

  /** In no order. */
  items(): T[] {
    return [...this.#heap];
  }

  /** Best first. */
  sorted(): T[] {
    return [...this.#heap].sort(this.#order);
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfWorse(at, parent)) return;
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const worse = this.#isWorse(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfWorse(worse, at)) return;
      at = worse;
    }
  }

  #isWorse(at: number, than: number): boolean {
    const a = this.#heap[at];
    const b = this.#heap[than];
    return a !== undefined && b !== undefined && this.#order(a, b) > 0;
  }

  #swapIfWorse(at: number, than: number): boolean {
    const a = this.#heap[at];
    const b = this.#heap[than];
    if (a === undefined || b === undefined || this.#order(a, b) <= 0) return false;
    this.#heap[at] = b;
    this.#heap[than] = a;
    return true;
  }
}

/** How far from a memory's own relevance its importance and its age may take it; 0 is off. */
export interface RankingWeights {
  readonly importance: number;
  readonly recency: number;
}

/** Where nothing else is asked for, whoever asks. */
export const DEFAULT_WEIGHTS: RankingWeights = { importance: 0.1, recency: 0.1 };

/** What of a memory bears on its rank beside the question. */
export interface Weighable {
  readonly importance_score: number;
  /** RFC 3339. */
  readonly updated_at: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const HALF_LIFE_DAYS = 30;

/** 1 for a memory that was changed just now, a half after 30 days, a quarter after 60; 0 where its
 * time is none. */
export function recencyOf({ updated_at }: Pick<Weighable, "updated_at">, nowMs: number): number {
  const ageMs = Math.max(0, nowMs - Date.parse(updated_at));
  if (Number.isNaN(ageMs)) return 0;
  return 2 ** (-ageMs / DAY_MS / HALF_LIFE_DAYS);
}

/**
 * The relevance tipped by importance and recency: a factor, not a sum, so that what answers
 * nothing stays at nothing, as Park et al., "Generative Agents" (2023), add them and lose by it.
 * Divided by the most the factor can be: the result is never above the relevance.
 */
export function weigh(
  relevance: number,
  memory: Weighable,
  weights: RankingWeights,
  nowMs: number,
): number {
  const recency = 1 + weights.recency * recencyOf(memory, nowMs);
  const importance = 1 + weights.importance * (memory.importance_score - 0.5);
  const most = (1 + weights.recency) * (1 + weights.importance * 0.5);
  return relevance * Math.min(1, recency * importance / most);
}

/** What a memory is ordered by. */
interface Scored {
  readonly score: number;
  readonly memory: { readonly id: string; readonly created_at: string };
}

/** Best first; equal ones newest first, then by id: a total order, so that pages are stable. */
export function compareRanked(a: Scored, b: Scored): number {
  return b.score - a.score || compareKeys(b.memory.created_at, a.memory.created_at) ||
    compareKeys(a.memory.id, b.memory.id);
}

/** What a score is made of, as a reply shows it. */
export interface ScoreParts {
  readonly semantic: number | null;
  readonly keyword: number | null;
  readonly importance: number;
  readonly recency: number;
}

export function scoreParts(
  hit: { readonly keyword: number | null; readonly cosine: number | null },
  memory: Weighable,
  nowMs: number,
): ScoreParts {
  return {
    semantic: hit.cosine === null ? null : Math.max(0, hit.cosine),
    keyword: hit.keyword,
    importance: memory.importance_score,
    recency: recencyOf(memory, nowMs),
  };
}
