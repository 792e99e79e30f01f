/**
 * Finds what is like a memory: by its own words and its own vectors, never itself. Looking is no
 * reading of it, and what it needs of the memory is bounded, however long that is.
 */
import type { Clock } from "./clock.ts";
import type { Indexer, Serving } from "./indexer.ts";
import type { Memories } from "./memories.ts";
import type { Memory } from "./memory.ts";
import { Pace } from "./pace.ts";
import type { Retrieval } from "./retrieval.ts";
import { isUnreached, resultOf, type SearchResult } from "./search.ts";
import { selectWindow } from "./selection.ts";
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
/** In all: where words are not set apart, each of these begins a word to be looked for. */
const FREQUENT_CHARACTERS = 600;
const LOOKED_AT_ONCE = 256;
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
    const { state, memories, retrieval, indexer, clock } = this.#options;
    const began = clock.now();
    const { memory } = memories.peek(id);
    const { serving } = indexer;
    const { vectorIndex } = serving;
    const own = (await serving.vectorsOf(memory) ?? [])
      .filter(({ length }) => length === vectorIndex.dimensions);
    const vectors = spread(own, MOST_VECTORS);
    const answer = await retrieval.ask({
      questions: [{ text: await gist(memory), vectors }],
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
    const isMissed = vectors.length === 0 && this.#isMissed(id, serving);
    return {
      results: answer.page.map((ranked) => resultOf(ranked, state, now)),
      total: answer.total,
      mode: answer.mode,
      degraded: answer.isPoorer || isUnreached(vectorIndex, state)
        ? "vector_store_unavailable"
        : isMissed
        ? "embeddings_unavailable"
        : null,
      tookMs: Math.max(0, now - began),
    };
  }

  /** Whether a vector cannot be made now, or is not to be had: one that is under way is not missed. */
  #isMissed(id: string, { vectorIndex }: Serving): boolean {
    const { indexer, hasEmbedder } = this.#options;
    const isWell = indexer.status().state === "ok" && indexer.failedReason(id) === undefined;
    return hasEmbedder && (!isWell || vectorIndex.has(id));
  }
}

/** What a memory is about, as a question of bounded length. */
async function gist({ content, tags }: Pick<Memory, "content" | "tags">): Promise<string> {
  const text = content.length <= WHOLE_CHARACTERS
    ? content
    : `${content.slice(0, BEGINNING_CHARACTERS)}\n${(await frequentWords(content)).join(" ")}`;
  return [text, ...tags].join("\n");
}

async function frequentWords(content: string): Promise<string[]> {
  const counts = new Map<string, number>();
  const pace = new Pace();
  let looked = 0;
  for (const [found] of content.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) {
    const word = found.slice(0, LONGEST_WORD).toLowerCase();
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (++looked % LOOKED_AT_ONCE === 0 && pace.due) await pace.breathe();
  }
  const byTimes = ([a, times]: [string, number], [b, others]: [string, number]) =>
    others - times || b.length - a.length;
  const words = await selectWindow([...counts], byTimes, 0, FREQUENT_WORDS, pace);
  let left = FREQUENT_CHARACTERS;
  return words.map(([word]) => word).filter(({ length }) => (left -= length) >= 0);
}

function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return items.filter((_, at) =>
    Math.floor(at * most / items.length) !== Math.floor((at - 1) * most / items.length)
  );
}
