/**
 * The one list out of several halves, or out of meanings that weights reorder: a head, in which the best
 * few hundred of each are fused, and a tail, in which the rest follow by how near to the head they
 * come. Every page is cut from the same list: the head does not depend on the page, and no score of
 * the tail is above it. So weights tip the order among the best, and a search looks no further: to
 * be certain about the whole brain it would have to weigh most of it.
 */
import { fuse, FUSED_CANDIDATES, type FusedHit, type HalfHit, join } from "../fusion.ts";
import { Pace } from "../pace.ts";
import { compareRanked } from "../ranking.ts";
import { selectWindow } from "../selection.ts";
import type { Asked, Page, Ranked } from "./asked.ts";
import { eachOf, type Found, type Half, isElsewhere } from "./half.ts";
import type { Rank } from "./ranked.ts";
import { isSettled, nextWindow } from "./window.ts";

export interface FusedListOptions {
  readonly asked: Asked;
  /** At least one. */
  readonly halves: readonly Half[];
  readonly rank: Rank;
  /** How many memories were found beside those that every meaning counts, once asked. */
  readonly extra: () => number;
}

/** A half, and what the head took of it. */
interface Asking {
  readonly half: Half;
  readonly head: Found;
}

interface Head {
  /** What is worth something, best first. */
  readonly ranked: readonly Ranked[];
  /** How many were found with what is worth nothing. */
  readonly found: number;
  readonly asking: readonly Asking[];
  readonly ids: ReadonlySet<string>;
  /** The least relevance in it, from which the tail goes on. */
  readonly relevance: number;
  /** Its least score, which nothing of the tail may reach. */
  readonly score: number;
}

/** A hair less, so that no equal scores stand on both sides of the seam, each in its own order. */
const BELOW = 1 - 1e-9;
const NO_TAIL: Page = { page: [], total: 0 };
const GATHERED_AT_ONCE = 256;

export class FusedList {
  readonly #options: FusedListOptions;

  constructor(options: FusedListOptions) {
    this.#options = options;
  }

  async page(): Promise<Page> {
    const { offset, limit, minScore } = this.#options.asked;
    const wanted = offset + limit;
    const head = await this.#head();
    const kept = head.ranked.filter(({ score }) => score >= minScore);
    const isDeeper = minScore > 0 ? kept.length === head.ranked.length : kept.length < wanted;
    const tail = isDeeper ? await this.#tail(head, kept.length) : NO_TAIL;
    const seen = kept.length + tail.total;
    const page = [...kept.slice(offset, wanted), ...tail.page];
    return { page, total: minScore > 0 ? seen : this.#total(head, seen) };
  }

  async #head(): Promise<Head> {
    const { asked, halves, rank } = this.#options;
    const pace = new Pace();
    const isTogether = isElsewhere(asked.vectorIndex);
    const ask = async (half: Half) => {
      if (pace.due) await pace.breathe();
      return { half, head: await half.find(FUSED_CANDIDATES) };
    };
    const asking = await eachOf(halves, ask, isTogether);
    const lists: FusedHit[][] = [];
    for (const question of asked.questions.keys()) {
      const of = (side: Half["side"]): readonly HalfHit[] =>
        asking.find(({ half }) => half.question === question && half.side === side)?.head.hits ??
          [];
      lists.push(fuse(of("words"), of("meanings")));
      if (pace.due) await pace.breathe();
    }
    const found = await rank(join(lists));
    // What is worth nothing belongs to the end of all, where every nothing is in one order.
    const ranked = found.filter(({ hit }) => hit.relevance > 0).sort(compareRanked);
    return {
      ranked,
      found: found.length,
      asking,
      ids: new Set(ranked.map(({ hit }) => hit.id)),
      relevance: ranked.reduce((least, { hit }) => Math.min(least, hit.relevance), 1),
      score: ranked.at(-1)?.score ?? 1,
    };
  }

  /** What of the page is beyond so many of the head, and how many there are at least; with a least
   * score, all that reach it. */
  async #tail(head: Head, before: number): Promise<Page> {
    const { asked, rank } = this.#options;
    const { offset, limit, minScore } = asked;
    const from = Math.max(0, offset - before), to = Math.max(0, offset + limit - before);
    const most = head.score * BELOW;
    let window = 2 * (FUSED_CANDIDATES + to);
    for (let looks = 1;; looks++) {
      const { hits, bound, isAll, total } = await this.#rest(head, window);
      const ranked = await rank(hits, { most, least: minScore });
      const found = ranked.length;
      const page = await selectWindow(ranked, compareRanked, from, to);
      if (isAll || isSettled(page, bound, { minScore, limit: to - from })) {
        return { page, total: found };
      }
      window = nextWindow(window, looks, total);
    }
  }

  /** What each half finds below the head, and what anything that was not seen has at most. */
  async #rest({ asking, ids, relevance }: Head, window: number) {
    const rest = new Map<string, FusedHit>();
    const pace = new Pace();
    let bound = 0, total = 0, isAll = true;
    for (const { half, head } of asking) {
      const end = head.hits.at(-1)?.score ?? 0;
      // What is no nearer than at right angles comes last.
      const shareOf = (score: number) => end > 0 ? relevance * Math.max(0, score) / end : 0;
      // A short head is all there is.
      const isShort = head.hits.length < FUSED_CANDIDATES;
      const found = isShort ? head : await half.find(window);
      for (const [n, { id, score }] of found.hits.entries()) {
        if (!ids.has(id)) rest.set(id, better(rest.get(id), half.side, id, score, shareOf(score)));
        if (n % GATHERED_AT_ONCE === 0 && pace.due) await pace.breathe();
      }
      total = Math.max(total, found.total);
      if (!isShort && found.hits.length >= window) {
        isAll = false;
        bound = Math.max(bound, shareOf(found.hits.at(-1)?.score ?? 0));
      }
    }
    return { hits: rest.values(), bound, isAll, total };
  }

  /** Every memory with a vector has some nearness to a meaning; the others are counted apart. */
  #total({ asking, found }: Head, seen: number): number {
    const meanings = asking.filter(({ half }) => half.side === "meanings");
    const isAll = asking.every(({ head }) => head.hits.length < FUSED_CANDIDATES);
    if (isAll) return found;
    const [only, ...others] = asking;
    if (only !== undefined && others.length === 0) return Math.max(seen, only.head.total);
    const embedded = meanings.reduce((most, { head }) => Math.max(most, head.total), 0);
    return Math.max(seen, embedded + this.#options.extra());
  }
}

function better(
  known: FusedHit | undefined,
  side: Half["side"],
  id: string,
  score: number,
  relevance: number,
): FusedHit {
  return {
    id,
    relevance: Math.max(relevance, known?.relevance ?? 0),
    keyword: side === "words" ? Math.max(score, known?.keyword ?? 0) : known?.keyword ?? null,
    cosine: side === "meanings" ? Math.max(score, known?.cosine ?? -1) : known?.cosine ?? null,
  };
}
