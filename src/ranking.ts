/**
 * What comes first: the best few of many, the two halves of a search made one, and how far a
 * memory's importance and age may tip the order. Pure: time is passed in.
 */

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

/** A hit of one half: the text index's score, or a cosine. Best first. */
export interface HalfHit {
  readonly id: string;
  readonly score: number;
}

/** A memory that at least one half found; a half that did not see it says null. */
export interface FusedHit {
  readonly id: string;
  /** 0 to 1. */
  readonly relevance: number;
  readonly keyword: number | null;
  /** The cosine as it was, also below 0. */
  readonly cosine: number | null;
}

/** How many of each half are fused: ask each for so many. A half's mean and spread are theirs. */
export const FUSED_CANDIDATES = 100;
/** Not a half: a small embedding model knows conversations much worse than their words do, and
 * would pull a good list down; a large one loses little by it. */
const SEMANTIC_WEIGHT = 0.4;
/** What a half's scores are taken to spread at least, so that scores which hardly differ are not
 * blown up, and one lone hit stands no further out than its own score says. */
const LEAST_SPREAD = { keyword: 0.025, cosine: 0.02 } as const;

/**
 * One list out of two: each score in units of its half's spread (z-score), then their weighted
 * mean, counted from what a memory would get that neither half found, and put back on the scale
 * of the halves: a question that nothing answers well does not get a brilliant best.
 *
 * A memory that one half did not find keeps its place by the other half alone. With one half
 * empty, the other one's own scores are the answer.
 */
export function fuse(keyword: readonly HalfHit[], semantic: readonly HalfHit[]): FusedHit[] {
  const words = scoresById(keyword);
  const cosines = scoresById(semantic);
  const ids = [...new Set([...words.keys(), ...cosines.keys()])];
  const relevance = relevanceOf(words, cosines, ids.length);
  return ids.map((id) => {
    const hit = { keyword: words.get(id) ?? null, cosine: cosines.get(id) ?? null };
    return { id, relevance: relevance(hit.keyword, hit.cosine), ...hit };
  });
}

type Scores = ReadonlyMap<string, number>;
type Relevance = (keyword: number | null, cosine: number | null) => number;

function relevanceOf(words: Scores, cosines: Scores, found: number): Relevance {
  if (cosines.size === 0) return (keyword) => keyword ?? 0;
  if (words.size === 0) return (_, cosine) => Math.max(0, cosine ?? 0);
  const word = keywordScale(words, found);
  const meaning = cosineScale(cosines);
  const plain = scaleOf([...words.values()].slice(0, FUSED_CANDIDATES), LEAST_SPREAD.cosine, 0);
  const spread = (plain.spread + meaning.spread) / 2;
  const fused = (keyword: number | null, cosine: number | null) => {
    const byWords = zScore(keyword === null ? null : odds(keyword), word);
    const byMeaning = zScore(cosine, meaning);
    return (1 - SEMANTIC_WEIGHT) * byWords + SEMANTIC_WEIGHT * byMeaning;
  };
  const nothing = fused(null, null);
  return (keyword, cosine) => softened(spread * (fused(keyword, cosine) - nothing));
}

interface Scale {
  readonly mean: number;
  readonly spread: number;
  /** What a memory counts as that this half did not find. */
  readonly missing: number;
}

/** A short list is all there is: every other memory has none of the words, and counts so. */
function keywordScale(words: Scores, found: number): Scale {
  const best = [...words.values()].slice(0, FUSED_CANDIDATES).map(odds);
  const isAll = words.size < FUSED_CANDIDATES;
  while (best.length < Math.min(found, FUSED_CANDIDATES)) best.push(0);
  return scaleOf(best, LEAST_SPREAD.keyword, isAll ? 0 : Math.min(...best));
}

/** A short list lacks only memories that are not embedded yet: they are taken for average. */
function cosineScale(cosines: Scores): Scale {
  const best = [...cosines.values()].slice(0, FUSED_CANDIDATES);
  const isAll = cosines.size < FUSED_CANDIDATES;
  return scaleOf(best, LEAST_SPREAD.cosine, isAll ? meanOf(best) : Math.min(...best));
}

function scaleOf(scores: readonly number[], leastSpread: number, missing: number): Scale {
  const mean = meanOf(scores);
  const spread = Math.sqrt(meanOf(scores.map((score) => (score - mean) ** 2)));
  return { mean, spread: Math.max(spread, leastSpread), missing };
}

function zScore(score: number | null, { mean, spread, missing }: Scale): number {
  return ((score ?? missing) - mean) / spread;
}

/** A score between 0 and 1 drawn out again: where the best of the words stand far above the rest,
 * squeezing them below 1 has hidden by how much. */
function odds(score: number): number {
  return score / (1 - score);
}

/** Where the straight line gives way to a curve that never reaches 0 or 1. */
const SOFT_END = 0.1;

/** Itself in the middle, bent at the ends into 0 to 1; always rising. */
function softened(value: number): number {
  if (value < SOFT_END) return SOFT_END * Math.exp(value / SOFT_END - 1);
  if (value > 1 - SOFT_END) return 1 - softened(1 - value);
  return value;
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function scoresById(hits: readonly HalfHit[]): Map<string, number> {
  return new Map(hits.map(({ id, score }) => [id, score]));
}

/** What a ranked memory is ordered by. */
export interface Ranked {
  readonly score: number;
  readonly memory: { readonly id: string; readonly created_at: string };
}

/** Best first; equal ones newest first, then by id: a total order, so that pages are stable. */
export function compareRanked(a: Ranked, b: Ranked): number {
  return b.score - a.score || compareText(b.memory.created_at, a.memory.created_at) ||
    compareText(a.memory.id, b.memory.id);
}

/** By code unit: the same on every machine and in every language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a score is made of, as a reply shows it. */
export interface ScoreParts {
  readonly semantic: number | null;
  readonly keyword: number | null;
  readonly importance: number;
  readonly recency: number;
}

export function scoreParts(
  hit: Pick<FusedHit, "keyword" | "cosine">,
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
