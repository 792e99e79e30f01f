/**
 * Finds memories: turns a question or several into vectors where that can be done, has them
 * answered, and says what it really used. A provider or an index that is away makes a search
 * poorer, never an error.
 */
import type { Clock } from "./clock.ts";
import { EmbedderError } from "./embedder.ts";
import { AppError } from "./errors.ts";
import type { Indexer, Serving } from "./indexer.ts";
import { requireLength } from "./memories.ts";
import type { Entry, Memory, MemoryFilter } from "./memory.ts";
import { Pace } from "./pace.ts";
import { type RankingWeights, type ScoreParts, scoreParts } from "./ranking.ts";
import type { Answer, Question, Ranked, Retrieval, UsedMode } from "./retrieval.ts";
import type { State } from "./state.ts";
import type { Highlight, TextIndex } from "./text_index.ts";
import type { VectorIndex } from "./vector_index.ts";

export const SEARCH_MODES = ["auto", "keyword", "semantic", "hybrid"] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

export const DEGRADATIONS = ["embeddings_unavailable", "vector_store_unavailable"] as const;
export type Degradation = (typeof DEGRADATIONS)[number];

export interface SearchRequest {
  /** None where an embedding is searched for alone; several are asked at once. */
  readonly queries: readonly string[];
  /** Stands for the meaning of the one query, or of none. */
  readonly embedding?: Float32Array | undefined;
  readonly mode: SearchMode;
  readonly filter: MemoryFilter;
  /** What must hold beside the filter: quickly, as thousands are tested in one piece. */
  readonly matches?: ((memory: Memory) => boolean) | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly minScore: number;
  readonly weights: RankingWeights;
  readonly highlight: boolean;
}

export interface Result extends Entry {
  readonly score: number;
  readonly scores: ScoreParts;
  /** Only where asked for. */
  readonly highlight?: Highlight;
}

export interface SearchResult {
  readonly results: readonly Result[];
  /** How many can be paged through. */
  readonly total: number;
  readonly mode: UsedMode;
  readonly degraded: Degradation | null;
  readonly tookMs: number;
}

export interface SearchOptions {
  readonly state: State;
  readonly textIndex: TextIndex;
  readonly retrieval: Retrieval;
  readonly indexer: Indexer;
  /** False where nothing can turn a query into a vector. */
  readonly hasEmbedder: boolean;
  readonly clock: Clock;
}

export class Search {
  readonly #options: SearchOptions;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** Throws `invalid` where meaning is asked for and nothing can give it. */
  async run(request: SearchRequest): Promise<SearchResult> {
    const { clock, indexer, retrieval } = this.#options;
    const began = clock.now();
    const { serving } = indexer;
    this.#check(request, serving);
    const { vectors, degraded } = await this.#vectorsOf(request, serving);
    const mode = request.mode === "auto" ? "hybrid" : request.mode;
    const answer = await retrieval.ask({
      ...request,
      questions: questionsOf(request, vectors),
      // What has no vector is asked by its words, also where meaning alone was wanted.
      mode: vectors === undefined ? "keyword" : mode,
      vectorIndex: serving.vectorIndex,
    });
    return {
      results: await this.#results(answer, request),
      total: answer.total,
      mode: answer.mode,
      degraded: answer.isPoorer ? "vector_store_unavailable" : degraded,
      tookMs: Math.max(0, clock.now() - began),
    };
  }

  #check(request: SearchRequest, { vectorIndex }: Serving): void {
    const { mode, queries, embedding } = request;
    if (queries.length === 0 && (mode === "keyword" || embedding === undefined)) {
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

  /** One for each question; undefined where meaning is left out. */
  async #vectorsOf(
    { mode, queries, embedding }: SearchRequest,
    { vectorIndex, embedQuery }: Serving,
  ): Promise<{ vectors?: Float32Array[]; degraded: Degradation | null }> {
    const { hasEmbedder, indexer, state } = this.#options;
    if (mode === "keyword") return { degraded: null };
    if (embedding !== undefined) return { vectors: [embedding], degraded: null };
    if (!hasEmbedder) return { degraded: null };
    // Nothing is indexed by meaning yet: a vector of the query would find nothing.
    if (mode === "auto" && vectorIndex.size === 0) {
      if (isUnreached(vectorIndex, state)) return { degraded: "vector_store_unavailable" };
      const isWell = indexer.status().state === "ok";
      return { degraded: isWell ? null : "embeddings_unavailable" };
    }
    try {
      const vectors = await Promise.all(queries.map((query) => embedQuery(query)));
      return { vectors, degraded: null };
    } catch (error) {
      if (error instanceof EmbedderError) return { degraded: "embeddings_unavailable" };
      throw error;
    }
  }

  async #results({ page }: Answer, { queries, highlight }: SearchRequest): Promise<Result[]> {
    const { state, textIndex, clock } = this.#options;
    const now = clock.now();
    const show = highlight ? textIndex.highlighter(queries.join("\n")) : undefined;
    const pace = new Pace();
    const results: Result[] = [];
    for (const ranked of page) {
      const result = resultOf(ranked, state, now);
      results.push(show === undefined ? result : { ...result, highlight: show(ranked.memory) });
      if (pace.due) await pace.breathe();
    }
    return results;
  }
}

/** Whether it is not even known what another service keeps. */
export function isUnreached({ size, elsewhere }: VectorIndex, state: State): boolean {
  return size === 0 && state.size > 0 && elsewhere?.status.state === "unavailable";
}

export function resultOf({ hit, memory, score }: Ranked, state: State, nowMs: number): Result {
  const scores = scoreParts(hit, memory, nowMs);
  return { memory, access: state.access(memory.id), score, scores };
}

function questionsOf(
  { queries }: SearchRequest,
  vectors: readonly Float32Array[] | undefined,
): Question[] {
  if (queries.length === 0) return [{ vectors: vectors ?? [] }];
  return queries.map((text, at) => {
    const vector = vectors?.[at];
    return { text, vectors: vector === undefined ? [] : [vector] };
  });
}

function invalid(path: string, message: string): AppError {
  return new AppError("invalid", `Cannot search: ${path.slice(1)} ${message}`, {
    errors: [{ path, message }],
  });
}
