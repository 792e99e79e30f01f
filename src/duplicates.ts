/**
 * Memories that tell much the same: pairs in nearly the same words, and pairs that mean nearly the
 * same, each with how near. Nothing is merged or deleted: which of the two goes is for a person to
 * say.
 *
 * Computed when it is asked for, in slices, one computation at a time for each side; who never asks
 * pays nothing. A side that is away makes the list poorer, never an error.
 */
import type { Clock } from "./clock.ts";
import { type KnownPair, type KnownPairs, SharedResult } from "./duplicates/shared_result.ts";
import { comparePairs, type Pair, wordPairs } from "./duplicates/word_pairs.ts";
import { AppError } from "./errors.ts";
import type { Indexer } from "./indexer.ts";
import type { Entry, Memory } from "./memory.ts";
import { compareAge } from "./same_texts.ts";
import { type Degradation, isUnreached } from "./search.ts";
import { selectWindow } from "./selection.ts";
import type { State } from "./state.ts";
import { VectorIndexUnavailable } from "./vector_index.ts";

export const DUPLICATES_BY = ["any", "keyword", "semantic"] as const;

/** So many of each side: whoever clears up comes again. */
export const MOST_PAIRS = 5_000;

export interface DuplicatesRequest {
  readonly by: (typeof DUPLICATES_BY)[number];
  readonly minSimilarity: number;
  readonly limit: number;
  readonly offset: number;
}

export interface Duplicate {
  /** The older one first. */
  readonly entries: readonly [Entry, Entry];
  /** The higher of the scores. */
  readonly similarity: number;
  /** Null: by this side they are not near enough, or it was not asked. */
  readonly scores: { readonly keyword: number | null; readonly semantic: number | null };
}

export interface DuplicatesPage {
  /** Nearest first; equal ones by the ids of the older and the newer. */
  readonly duplicates: readonly Duplicate[];
  /** How many can be paged through. */
  readonly total: number;
  /** False where there may be more than those. */
  readonly isComplete: boolean;
  readonly degraded: Degradation | null;
}

export interface DuplicatesOptions {
  readonly state: State;
  readonly indexer: Pick<Indexer, "serving" | "status" | "stats">;
  readonly clock: Clock;
  /** Ends what is being computed. */
  readonly stopping: AbortSignal;
}

/** Its score is the higher one. */
interface Near extends Pair {
  readonly scores: Duplicate["scores"];
}

interface SemanticSide extends KnownPairs {
  readonly degraded: Degradation | null;
}

const NOTHING: KnownPairs = { pairs: [], isComplete: true };
const UNREACHED: SemanticSide = {
  pairs: [],
  isComplete: false,
  degraded: "vector_store_unavailable",
};

export class Duplicates {
  readonly #options: DuplicatesOptions;
  readonly #byWords: SharedResult;
  readonly #byMeaning: SharedResult;
  /** Counts what may make other pairs. */
  #changes = 0;

  constructor(options: DuplicatesOptions) {
    const { clock } = options;
    this.#options = options;
    this.#byWords = new SharedResult({
      compute: (minScore) => this.#wordPairs(minScore),
      version: () => String(this.#changes),
      clock,
    });
    this.#byMeaning = new SharedResult({
      compute: (minScore) => this.#meaningPairs(minScore),
      version: () => this.#meaningsVersion(),
      clock,
    });
  }

  /** To be called after every change: what a memory was, what it is; undefined where it is none. */
  changed(before: Memory | undefined, after: Memory | undefined): void {
    if (before !== undefined && after !== undefined && isAlike(before, after)) return;
    this.#changes++;
    if (before === undefined) return;
    this.#byWords.drop(before.id);
    this.#byMeaning.drop(before.id);
  }

  async list(request: DuplicatesRequest): Promise<DuplicatesPage> {
    const { by, minSimilarity, limit, offset } = request;
    const [words, meanings] = await Promise.all([
      by === "semantic" ? NOTHING : this.#byWords.get(minSimilarity),
      by === "keyword" ? { ...NOTHING, degraded: null } : this.#meanings(request),
    ]).catch((error) => this.#refuseStopping(error));
    const near = merged(this.#standing(words.pairs), this.#standing(meanings.pairs));
    const entryOf = (memory: Memory) => ({ memory, access: this.#options.state.access(memory.id) });
    const total = near.length;
    const page = await selectWindow(near, comparePairs, offset, offset + limit);
    return {
      duplicates: page.map((pair) => ({
        entries: [entryOf(pair.older), entryOf(pair.newer)],
        similarity: pair.score,
        scores: pair.scores,
      })),
      total,
      isComplete: words.isComplete && meanings.isComplete,
      degraded: meanings.degraded,
    };
  }

  #refuseStopping(error: unknown): never {
    if (!this.#options.stopping.aborted) throw error;
    throw new AppError("not_ready", "Cannot look for duplicates: the service is stopping", {
      retryAfterS: 1,
    });
  }

  /** The pairs with their memories, as they are now. */
  #standing(pairs: readonly KnownPair[]): Pair[] {
    const { state } = this.#options;
    return pairs.flatMap(({ older, newer, score }) => {
      const one = state.get(older), other = state.get(newer);
      return one === undefined || other === undefined ? [] : [{ older: one, newer: other, score }];
    });
  }

  async #wordPairs(minScore: number): Promise<KnownPairs> {
    const { state, stopping: signal } = this.#options;
    const { memories } = state.held();
    const { pairs, isComplete } = await wordPairs({
      memories,
      minScore,
      limit: MOST_PAIRS,
      signal,
    });
    const known = pairs.map(({ older, newer, score }) => (
      { older: older.id, newer: newer.id, score }
    ));
    return { pairs: known, isComplete };
  }

  async #meanings({ by, minSimilarity }: DuplicatesRequest): Promise<SemanticSide> {
    const { indexer, state } = this.#options;
    const { vectorIndex } = indexer.serving;
    const { size } = vectorIndex;
    const provider = indexer.status().state;
    // Where there is none by choice, and no vector, "any" means words only.
    if (by === "any" && provider === "off" && size === 0) return { ...NOTHING, degraded: null };
    if (isUnreached(vectorIndex, state)) return UNREACHED;
    const isWhole = size >= state.size;
    const degraded = isWhole || provider === "ok" ? null : "embeddings_unavailable";
    try {
      const { pairs, isComplete } = size === 0 ? NOTHING : await this.#byMeaning.get(minSimilarity);
      return { pairs, isComplete: isComplete && isWhole, degraded };
    } catch (error) {
      if (!(error instanceof VectorIndexUnavailable)) throw error;
      return UNREACHED;
    }
  }

  async #meaningPairs(minScore: number): Promise<KnownPairs> {
    const { state, indexer, stopping: signal } = this.#options;
    const { vectorIndex } = indexer.serving;
    const found = await vectorIndex.nearPairs({ minScore, limit: MOST_PAIRS, signal });
    const pairs = found.pairs.flatMap(({ a, b, score }) => {
      const one = state.get(a), other = state.get(b);
      if (one === undefined || other === undefined) return [];
      const [older, newer] = compareAge(one, other) < 0 ? [a, b] : [b, a];
      return [{ older, newer, score: Math.min(1, score) }];
    });
    return { pairs, isComplete: found.isComplete };
  }

  /** A vector comes some time after its text: that it came shows in what is still to be done. */
  #meaningsVersion(): string {
    const { indexed, pending, failed, model, dimensions } = this.#options.indexer.stats();
    return JSON.stringify([this.#changes, indexed, pending, failed, model, dimensions]);
  }
}

/** Whether two states of a memory make the same pairs. */
function isAlike(a: Memory, b: Memory): boolean {
  return a.content === b.content && a.created_at === b.created_at && a.embedding === b.embedding;
}

/**
 * The pairs of both sides; each once, with the scores that it has. What has the very same words as
 * an older memory is paired with that one alone, by its meaning too.
 */
function merged(words: readonly Pair[], meanings: readonly Pair[]): Near[] {
  const near = new Map<string, Near>();
  const copies = new Map<string, string>();
  for (const { older, newer, score } of words) {
    if (score === 1) copies.set(newer.id, older.id);
    const scores = { keyword: score, semantic: null };
    near.set(older.id + newer.id, { older, newer, score, scores });
  }
  for (const { older, newer, score: semantic } of meanings) {
    const original = copies.get(newer.id) ?? older.id;
    if (original !== older.id || copies.has(older.id)) continue;
    const key = older.id + newer.id;
    const keyword = near.get(key)?.scores.keyword ?? null;
    const score = Math.max(semantic, keyword ?? 0);
    near.set(key, { older, newer, score, scores: { keyword, semantic } });
  }
  return [...near.values()];
}
