/**
 * Asks the words, the meanings or both for what answers a question or several, and cuts pages from
 * the one list that they make. Where the meanings are out of reach, the words answer alone.
 */
import type { Clock } from "./clock.ts";
import type { FusedHit, HalfHit } from "./fusion.ts";
import { compareRanked } from "./ranking.ts";
import type { Asked, Page, UsedMode } from "./retrieval/asked.ts";
import { FusedList } from "./retrieval/fused_list.ts";
import { findMeanings, findWords, type Half } from "./retrieval/half.ts";
import { ranker } from "./retrieval/ranked.ts";
import { isSettled, nextWindow } from "./retrieval/window.ts";
import { selectWindow } from "./selection.ts";
import type { State } from "./state.ts";
import type { TextIndex } from "./text_index.ts";
import { VectorIndexUnavailable } from "./vector_index.ts";

export type { Question, Ranked, UsedMode } from "./retrieval/asked.ts";

/** A page, and what was used for it. */
export interface Answer extends Page {
  readonly mode: UsedMode;
  /** True where the vector index was out of reach, whether something stood in for it or not. */
  readonly isPoorer: boolean;
}

export interface RetrievalOptions {
  readonly state: State;
  readonly textIndex: TextIndex;
  /** Until then some memories would not be found by their words. */
  readonly wordsReady: Promise<void>;
  readonly clock: Clock;
}

/** How many hits are looked at first where weights may bring a lower one up. */
const FIRST_WINDOW = 200;
/** Looked at beside the page where there are no weights: equal scores have an order of their own. */
const SPARE = 10;

export class Retrieval {
  readonly #options: RetrievalOptions;

  constructor(options: RetrievalOptions) {
    this.#options = options;
  }

  async ask(asked: Asked): Promise<Answer> {
    let isPoorer = false;
    const poorer = () => void (isPoorer = true);
    try {
      return { ...await this.#page(asked, poorer), isPoorer };
    } catch (error) {
      if (!(error instanceof VectorIndexUnavailable)) throw error;
      return { ...await this.#page({ ...asked, mode: "keyword" }, poorer), isPoorer: true };
    }
  }

  async #page(asked: Asked, poorer: () => void): Promise<Page & { readonly mode: UsedMode }> {
    const { state, clock } = this.#options;
    const wordsOnly = new WordsOnly(asked, state);
    const halves = this.#halves(asked, wordsOnly, poorer);
    const mode = modeOf(halves);
    const [first] = halves;
    if (first === undefined) return { page: [], total: 0, mode };
    // Meanings lie so close together that weights could bring up any: see `FusedList`.
    const isExact = halves.length === 1 && (first.side === "words" || !isWeighed(asked));
    if (isExact) return { ...await this.#pageOfOne(asked, first), mode };
    const rank = ranker({ ...asked, state, clock });
    const list = new FusedList({ asked, halves, rank, extra: () => wordsOnly.count });
    return { ...await list.page(), mode };
  }

  #halves(asked: Asked, wordsOnly: WordsOnly, poorer: () => void): Half[] {
    const { questions, mode, vectorIndex } = asked;
    const { state, textIndex, wordsReady } = this.#options;
    const narrowing = { filter: asked.filter, matches: asked.matches, except: asked.except };
    return questions.flatMap(({ text, vectors }, question) => {
      const halves: Half[] = [];
      if (text !== undefined && mode !== "semantic") {
        const { note } = wordsOnly;
        const find = findWords({ textIndex, wordsReady, text, narrowing, note });
        halves.push({ side: "words", question, find });
      }
      if (vectors.length > 0 && mode !== "keyword") {
        const find = findMeanings({ vectorIndex, state, vectors, narrowing, poorer });
        halves.push({ side: "meanings", question, find });
      }
      return halves;
    });
  }

  /**
   * The exact page of one side. Weights only ever lower a score, so once the page's last score is
   * above the relevance of the last hit seen, nothing further down can belong on it.
   */
  async #pageOfOne(asked: Asked, { side, find }: Half): Promise<Page> {
    const { offset, limit, minScore } = asked;
    const { state, clock } = this.#options;
    const rank = ranker({ ...asked, state, clock });
    const wanted = offset + limit;
    const first = isWeighed(asked) ? Math.max(FIRST_WINDOW, 2 * wanted) : wanted + SPARE;
    for (let window = first, looks = 1;; looks++) {
      const { hits, total } = await find(window);
      const ranked = await rank(hits.values().map((hit) => plainHit(side, hit)), {
        least: minScore,
      });
      const count = ranked.length;
      const page = await selectWindow(ranked, compareRanked, offset, wanted);
      const isAll = hits.length < window;
      const below = Math.max(0, hits.at(-1)?.score ?? 0);
      if (isAll || isSettled(page, below, asked)) {
        return { page, total: minScore > 0 || isAll ? count : total };
      }
      window = nextWindow(window, looks, total);
    }
  }
}

/**
 * Counts the memories that only words find, as a total must: with meanings asked, too, those are
 * the ones that are not embedded yet, as every other one has some nearness.
 */
class WordsOnly {
  readonly #ids = new Set<string>();
  /** Undefined where there is nothing to count, and so nothing to look at. */
  readonly note: ((id: string) => void) | undefined;

  constructor({ questions, mode, vectorIndex }: Asked, state: State) {
    const byMeaning = mode !== "keyword" && questions.some(({ vectors }) => vectors.length > 0);
    const isOne = questions.length === 1 && !byMeaning;
    if (isOne || mode === "semantic" || byMeaning && vectorIndex.size >= state.size) return;
    this.note = (id) => {
      if (!byMeaning || !vectorIndex.has(id)) this.#ids.add(id);
    };
  }

  get count(): number {
    return this.#ids.size;
  }
}

function isWeighed({ weights }: Asked): boolean {
  return weights.importance > 0 || weights.recency > 0;
}

function modeOf(halves: readonly Half[]): UsedMode {
  const hasMeanings = halves.some(({ side }) => side === "meanings");
  if (!hasMeanings) return "keyword";
  return halves.some(({ side }) => side === "words") ? "hybrid" : "semantic";
}

function plainHit(side: Half["side"], { id, score }: HalfHit): FusedHit {
  return side === "words"
    ? { id, relevance: score, keyword: score, cosine: null }
    : { id, relevance: Math.max(0, score), keyword: null, cosine: score };
}
