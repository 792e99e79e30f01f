/**
 * The one list out of several halves: a head, in which the best few hundred of each are fused, and
 * a tail, in which the rest follow by how near to the head they come. Every page is cut from the
 * same list: the head does not depend on the page, and no score of the tail is above it.
 */
import { fuse, FUSED_CANDIDATES, type FusedHit, type HalfHit, join } from "../fusion.ts";
import { Pace } from "../pace.ts";
import { compareRanked } from "../ranking.ts";
import type { Asked, Page, Ranked } from "./asked.ts";
import type { Found, Half } from "./half.ts";

export interface FusedListOptions {
  readonly asked: Asked;
  /** At least two. */
  readonly halves: readonly Half[];
  /** Joins with the state and weighs, best first. */
  readonly rank: (hits: readonly FusedHit[]) => Ranked[];
  /** How many memories were found beside those that every meaning counts, once asked. */
  readonly extra: () => number;
}

/** A half, and what the head took of it. */
interface Asking {
  readonly half: Half;
  readonly head: Found;
}

interface Head {
  readonly ranked: readonly Ranked[];
  readonly asking: readonly Asking[];
  readonly ids: ReadonlySet<string>;
  /** The least relevance in it, from which the tail goes on. */
  readonly relevance: number;
  /** Its least score, which nothing of the tail may reach. */
  readonly score: number;
}

/** A hair less, so that no equal scores stand on both sides of the seam, each in its own order. */
const BELOW = 1 - 1e-9;

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
    const tail = isDeeper ? await this.#tail(head, Math.max(0, wanted - kept.length)) : [];
    const ranked = [...kept, ...tail];
    const total = minScore > 0 ? ranked.length : this.#total(head, ranked.length);
    return { page: ranked.slice(offset, wanted), total };
  }

  async #head(): Promise<Head> {
    const { asked, halves, rank } = this.#options;
    const pace = new Pace();
    const asking: Asking[] = [];
    for (const half of halves) {
      asking.push({ half, head: await half.find(FUSED_CANDIDATES) });
      if (pace.due) await pace.breathe();
    }
    const fused = join(asked.questions.map((_, question) => {
      const of = (side: Half["side"]): readonly HalfHit[] =>
        asking.find(({ half }) => half.question === question && half.side === side)?.head.hits ??
          [];
      return fuse(of("words"), of("meanings"));
    }));
    // What is worth nothing belongs to the end of all, where every nothing is in one order.
    const worth = fused.filter(({ relevance }) => relevance > 0);
    const ranked = rank(worth);
    return {
      ranked,
      asking,
      ids: new Set(worth.map(({ id }) => id)),
      relevance: worth.reduce((least, hit) => Math.min(least, hit.relevance), 1),
      score: ranked.at(-1)?.score ?? 1,
    };
  }

  /** The best `wanted` of the rest; with a least score, all that reach it. */
  async #tail(head: Head, wanted: number): Promise<Ranked[]> {
    const { asked: { minScore }, rank } = this.#options;
    const most = head.score * BELOW;
    for (let window = 2 * (FUSED_CANDIDATES + wanted);; window *= 4) {
      const { hits, bound, isAll } = await this.#rest(head, window);
      const ranked = rank(hits)
        .map((each) => ({ ...each, score: Math.min(each.score, most) }))
        .filter(({ score }) => score >= minScore)
        .sort(compareRanked);
      const settled = minScore > 0 ? bound < minScore : (ranked[wanted - 1]?.score ?? 0) > bound;
      if (isAll || settled) return ranked;
    }
  }

  /** What each half finds below the head, and what anything that was not seen has at most. */
  async #rest({ asking, ids, relevance }: Head, window: number) {
    const rest = new Map<string, FusedHit>();
    const pace = new Pace();
    let bound = 0;
    let isAll = true;
    for (const { half, head } of asking) {
      const end = head.hits.at(-1)?.score ?? 0;
      // A short head is all there is; and what is no nearer than at right angles comes last.
      if (head.hits.length < FUSED_CANDIDATES) continue;
      const shareOf = (score: number) => end > 0 ? relevance * Math.max(0, score) / end : 0;
      const { hits } = await half.find(window);
      for (const { id, score } of hits) {
        if (!ids.has(id)) rest.set(id, better(rest.get(id), half.side, id, score, shareOf(score)));
      }
      if (hits.length >= window) {
        isAll = false;
        bound = Math.max(bound, shareOf(hits.at(-1)?.score ?? 0));
      }
      if (pace.due) await pace.breathe();
    }
    return { hits: [...rest.values()], bound, isAll };
  }

  /** Every memory with a vector has some nearness to a meaning; the others are counted apart. */
  #total({ asking, ranked }: Head, seen: number): number {
    const meanings = asking.filter(({ half }) => half.side === "meanings");
    const isAll = asking.every(({ head }) => head.hits.length < FUSED_CANDIDATES);
    if (isAll) return ranked.length;
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
