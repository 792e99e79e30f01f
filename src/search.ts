/**
 * Finds memories: asks the words, the meanings or both, tips the order by importance and recency,
 * and says what it really used. A provider or an index that is away makes a search poorer, never
 * an error.
 */
import type { Clock } from "./clock.ts";
import { EmbedderError } from "./embedder.ts";
import { AppError } from "./errors.ts";
import type { Indexer, Serving } from "./indexer.ts";
import { requireLength } from "./memories.ts";
import { type Entry, matcher, type MemoryFilter } from "./memory.ts";
import {
  compareRanked,
  fuse,
  FUSED_CANDIDATES,
  type FusedHit,
  type RankingWeights,
  type ScoreParts,
  scoreParts,
  weigh,
} from "./ranking.ts";
import type { State } from "./state.ts";
import type { TextIndex } from "./text_index.ts";
import { VectorIndexUnavailable } from "./vector_index.ts";

export const SEARCH_MODES = ["auto", "keyword", "semantic", "hybrid"] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];
export type UsedMode = Exclude<SearchMode, "auto">;

export const DEGRADATIONS = ["embeddings_unavailable", "vector_store_unavailable"] as const;
export type Degradation = (typeof DEGRADATIONS)[number];

export interface SearchRequest {
  readonly query?: string | undefined;
  readonly embedding?: Float32Array | undefined;
  readonly mode: SearchMode;
  readonly filter: MemoryFilter;
  readonly limit: number;
  readonly offset: number;
  readonly minScore: number;
  readonly weights: RankingWeights;
}

export interface SearchResult {
  readonly results: readonly (Entry & { readonly score: number; readonly scores: ScoreParts })[];
  /** How many can be paged through. */
  readonly total: number;
  readonly mode: UsedMode;
  readonly degraded: Degradation | null;
  readonly tookMs: number;
}

export interface SearchOptions {
  readonly state: State;
  readonly textIndex: TextIndex;
  /** Until then some memories would not be found by their words. */
  readonly wordsReady: Promise<void>;
  readonly indexer: Indexer;
  /** False where nothing can turn a query into a vector. */
  readonly hasEmbedder: boolean;
  readonly clock: Clock;
}

/** The question as a vector, and where such vectors are looked for. */
interface Meaning {
  readonly vector: Float32Array;
  readonly serving: Serving;
}

interface Ranked {
  readonly hit: FusedHit;
  readonly memory: Entry["memory"];
  readonly score: number;
}

/** What one side finds, best first, and how many there are in all. */
type Finder = (limit: number) => Promise<{ hits: readonly FusedHit[]; total: number }>;

/** How many hits are looked at first. Vectors lie in crowds of nearly the same relevance, among
 * which the weights decide, and a second look at all of them costs more than a long list. */
const FIRST_WINDOW = { words: 200, meanings: 2_000 } as const;

export class Search {
  readonly #options: SearchOptions;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** Throws `invalid` where meaning is asked for and nothing can give it. */
  async run(request: SearchRequest): Promise<SearchResult> {
    const { clock } = this.#options;
    const began = clock.now();
    const { serving } = this.#options.indexer;
    this.#check(request, serving);
    const { vector, degraded } = await this.#vectorOf(request, serving);
    const meaning = vector && { vector, serving };
    const found = await this.#find(request, meaning).catch((error) => {
      if (!(error instanceof VectorIndexUnavailable)) throw error;
      return undefined;
    });
    const { page, total, mode } = found ?? await this.#find(request, undefined);
    const now = clock.now();
    return {
      results: page.map(({ hit, memory, score }) => ({
        memory,
        access: this.#options.state.access(memory.id),
        score,
        scores: scoreParts(hit, memory, now),
      })),
      total,
      mode,
      degraded: found === undefined ? "vector_store_unavailable" : degraded,
      tookMs: Math.max(0, clock.now() - began),
    };
  }

  #check({ mode, query, embedding }: SearchRequest, { vectorIndex }: Serving): void {
    if (query === undefined && (mode === "keyword" || embedding === undefined)) {
      throw invalid("/query", "is required where no embedding is searched for");
    }
    const needsVector = mode === "semantic" || mode === "hybrid";
    if (needsVector && embedding === undefined && !this.#options.hasEmbedder) {
      throw invalid(
        "/mode",
        `"${mode}" needs an embedding provider, and none is configured; ` +
          'use "keyword" or "auto", or send an embedding',
      );
    }
    if (mode !== "keyword" && embedding !== undefined) {
      requireLength(embedding, vectorIndex.dimensions);
    }
  }

  async #vectorOf(
    { mode, query, embedding }: SearchRequest,
    { vectorIndex, embedQuery }: Serving,
  ): Promise<{ vector?: Float32Array; degraded: Degradation | null }> {
    const { hasEmbedder, indexer } = this.#options;
    if (mode === "keyword") return { degraded: null };
    if (embedding !== undefined) return { vector: embedding, degraded: null };
    if (query === undefined || !hasEmbedder) return { degraded: null };
    // Nothing is indexed by meaning yet: a vector of the query would find nothing.
    if (mode === "auto" && vectorIndex.size === 0) {
      const isWell = indexer.status().state === "ok";
      return { degraded: isWell ? null : "embeddings_unavailable" };
    }
    try {
      return { vector: await embedQuery(query), degraded: null };
    } catch (error) {
      if (error instanceof EmbedderError) return { degraded: "embeddings_unavailable" };
      throw error;
    }
  }

  async #find(request: SearchRequest, meaning: Meaning | undefined) {
    const { query, mode } = request;
    if (meaning === undefined) {
      const page = query === undefined
        ? nothing
        : await this.#page(request, "words", this.#words(request));
      return { ...page, mode: "keyword" as const };
    }
    if (mode === "semantic" || query === undefined) {
      const page = await this.#page(request, "meanings", this.#meanings(request, meaning));
      return { ...page, mode: "semantic" as const };
    }
    return { ...await this.#fusedPage(request, meaning), mode: "hybrid" as const };
  }

  #words({ query = "", filter }: SearchRequest): Finder {
    const accept = isEmpty(filter) ? undefined : matcher(filter);
    return async (limit) => {
      await this.#options.wordsReady;
      const { hits, total } = this.#options.textIndex.search({ text: query, limit, accept });
      const found = hits.map(({ id, score }) => (
        { id, relevance: score, keyword: score, cosine: null }
      ));
      return { hits: found, total };
    };
  }

  #meanings({ filter }: SearchRequest, { vector, serving: { vectorIndex } }: Meaning): Finder {
    const { state } = this.#options;
    const matches = matcher(filter);
    const isIn = (id: string) => {
      const memory = state.get(id);
      return memory !== undefined && matches(memory);
    };
    // Without a filter nothing is looked up for each vector: ranking drops what was deleted since.
    const accept = isEmpty(filter) ? undefined : isIn;
    return async (limit) => {
      const { hits, total } = await vectorIndex.search({ vector, limit, filter, accept });
      const found = hits.map(({ id, score }) => (
        { id, relevance: Math.max(0, score), keyword: null, cosine: score }
      ));
      return { hits: found, total };
    };
  }

  /**
   * The exact page of one side. Weights only ever lower a score, so once the page's last score is
   * above the relevance of the last hit seen, nothing further down can belong on it.
   */
  async #page(request: SearchRequest, side: keyof typeof FIRST_WINDOW, find: Finder) {
    const { offset, limit, minScore } = request;
    const wanted = offset + limit;
    for (let window = Math.max(FIRST_WINDOW[side], 2 * wanted);; window *= 4) {
      const { hits, total } = await find(window);
      const ranked = this.#rank(hits, request);
      const isAll = hits.length < window;
      const below = hits.at(-1)?.relevance ?? 0;
      const settled = minScore > 0 ? below < minScore : (ranked[wanted - 1]?.score ?? 0) > below;
      if (isAll || settled) {
        const count = minScore > 0 || isAll ? ranked.length : total;
        return { page: ranked.slice(offset, wanted), total: count };
      }
    }
  }

  /** Fuses a fixed number of each side, so that every page is cut from the same list. */
  async #fusedPage(request: SearchRequest, meaning: Meaning) {
    const { hits: words } = await this.#words(request)(FUSED_CANDIDATES);
    const { hits: meanings } = await this.#meanings(request, meaning)(FUSED_CANDIDATES);
    const fused = fuse(
      words.map(({ id, relevance }) => ({ id, score: relevance })),
      meanings.map(({ id, cosine }) => ({ id, score: cosine ?? 0 })),
    );
    const ranked = this.#rank(fused, request);
    const { offset, limit } = request;
    return { page: ranked.slice(offset, offset + limit), total: ranked.length };
  }

  #rank(hits: readonly FusedHit[], { weights, minScore }: SearchRequest): Ranked[] {
    const { state, clock } = this.#options;
    const now = clock.now();
    return hits.flatMap((hit) => {
      const memory = state.get(hit.id);
      if (memory === undefined) return []; // Deleted since: the state is the truth.
      const score = weigh(hit.relevance, memory, weights, now);
      return score >= minScore ? [{ hit, memory, score }] : [];
    }).sort(compareRanked);
  }
}

function isEmpty(filter: MemoryFilter): boolean {
  return Object.values(filter).every((part) => part === undefined);
}

const nothing = { page: [], total: 0 };

function invalid(path: string, message: string): AppError {
  return new AppError("invalid", `Cannot search: ${path.slice(1)} ${message}`, {
    errors: [{ path, message }],
  });
}
