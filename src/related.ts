/**
 * Finds what is like a memory: by its own words and its own vectors, never itself. Looking is no
 * reading of it, and what it needs of the memory is bounded, however long that is.
 */
import type { Clock } from "./clock.ts";
import type { Indexer } from "./indexer.ts";
import type { Memories } from "./memories.ts";
import type { Memory } from "./memory.ts";
import type { Retrieval } from "./retrieval.ts";
import { resultOf, type SearchResult } from "./search.ts";
import type { State } from "./state.ts";

export interface RelatedRequest {
  readonly id: string;
  readonly limit: number;
  readonly offset: number;
  readonly minScore: number;
}

export interface RelatedOptions {
  readonly state: State;
  readonly memories: Memories;
  readonly retrieval: Retrieval;
  readonly indexer: Indexer;
  /** False where nothing can turn a text into a vector. */
  readonly hasEmbedder: boolean;
  readonly clock: Clock;
}

/** A text up to this long is asked for as it is; of a longer one, its beginning and its words. */
const WHOLE_CHARACTERS = 1_000;
const BEGINNING_CHARACTERS = 400;
/** The words that it says most often: those that every text says are left out by the index. */
const FREQUENT_WORDS = 60;
const LONGEST_WORD = 40;
/** Each vector is a search of its own: of a memory of many chunks some are taken, evenly. */
const MOST_VECTORS = 8;
/** Likeness alone: how important or old another memory is makes it no more or less like. */
const NO_WEIGHTS = { importance: 0, recency: 0 };

export class Related {
  readonly #options: RelatedOptions;

  constructor(options: RelatedOptions) {
    this.#options = options;
  }

  /** Throws `not_found`. */
  async run({ id, limit, offset, minScore }: RelatedRequest): Promise<SearchResult> {
    const { state, memories, retrieval, indexer, hasEmbedder, clock } = this.#options;
    const began = clock.now();
    const { memory } = memories.peek(id);
    const { vectorIndex } = indexer.serving;
    // Another model may have taken its place between, with vectors of another kind.
    const own = (await indexer.vectorsOf(memory) ?? [])
      .filter(({ length }) => length === vectorIndex.dimensions);
    const vectors = spread(own, MOST_VECTORS);
    const answer = await retrieval.ask({
      questions: [{ text: gist(memory), vectors }],
      mode: "hybrid",
      vectorIndex,
      filter: {},
      except: id,
      limit,
      offset,
      minScore,
      weights: NO_WEIGHTS,
    });
    const now = clock.now();
    const isUnembedded = hasEmbedder && vectors.length === 0;
    return {
      results: answer.page.map((ranked) => resultOf(ranked, state, now)),
      total: answer.total,
      mode: answer.mode,
      degraded: answer.isPoorer
        ? "vector_store_unavailable"
        : isUnembedded
        ? "embeddings_unavailable"
        : null,
      tookMs: Math.max(0, now - began),
    };
  }
}

/** What a memory is about, as a question of bounded length. */
function gist({ content, tags }: Pick<Memory, "content" | "tags">): string {
  const text = content.length <= WHOLE_CHARACTERS
    ? content
    : `${content.slice(0, BEGINNING_CHARACTERS)}\n${frequentWords(content).join(" ")}`;
  return [text, ...tags].join("\n");
}

function frequentWords(content: string): string[] {
  const counts = new Map<string, number>();
  for (const [found] of content.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) {
    const word = found.slice(0, LONGEST_WORD).toLowerCase();
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([a, times], [b, others]) => others - times || b.length - a.length)
    .slice(0, FREQUENT_WORDS).map(([word]) => word);
}

function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return items.filter((_, at) =>
    Math.floor(at * most / items.length) !== Math.floor((at - 1) * most / items.length)
  );
}
