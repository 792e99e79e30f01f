/**
 * The nearest memories, joined with what is held: points that are another version's or nobody's
 * drop out, as does what the caller does not accept, and the page is filled from further ones.
 */
import { clampCosine } from "../../cosine.ts";
import { Pace } from "../../pace.ts";
import { compareKeys } from "../../selection.ts";
import type { VectorHit } from "../../vector_index.ts";
import type { Held } from "./held.ts";
import type { NearPoint, NearQuery, Points } from "./points.ts";

/** What is asked for beyond the page: a tie at its end, a few that drop out. */
const MARGIN = { least: 10, share: 1 / 8 } as const;
/** In one request; and where more than that have one score, which are settled by id. */
const MOST_AT_ONCE = 2_000;
const MOST_TIED = 4_000;
const GROWTH = 4;
/** So many points are looked at for a page, at most: long memories have many. */
const MOST_POINTS = { each: 20, more: 10_000 } as const;

export interface NearestOptions extends Pick<NearQuery, "vector" | "filter" | "except"> {
  readonly points: Points;
  readonly held: Held;
  readonly accept?: ((id: string) => boolean) | undefined;
  readonly limit: number;
  /** To be told of every answer. */
  readonly answered: () => void;
}

/** How many requests a page takes if nothing drops out. */
export function requestsFor(limit: number): number {
  return Math.max(1, Math.ceil((limit + margin(limit)) / MOST_AT_ONCE));
}

function margin(limit: number): number {
  return Math.max(MARGIN.least, Math.ceil(limit * MARGIN.share));
}

export class NearestSearch {
  readonly #options: NearestOptions;
  readonly #best = new Map<string, NearPoint>();
  /** In the order of coming, which is that of the scores. */
  readonly #scores: number[] = [];
  readonly #pace = new Pace();
  readonly #strange = new Set<string>();

  constructor(options: NearestOptions) {
    this.#options = options;
  }

  /** Returns whether there are no others than are found then. Throws what `Points` throws. */
  async run(signal: AbortSignal): Promise<boolean> {
    const { points, vector, filter, except, limit, answered } = this.#options;
    const most = limit * MOST_POINTS.each + MOST_POINTS.more;
    let isAll = false;
    let wanted = Math.min(limit + margin(limit), MOST_AT_ONCE);
    for (let offset = 0, looked = 0; !isAll && looked < most;) {
      const page = await points.nearest({ vector, filter, except, limit: wanted, offset }, signal);
      answered();
      for (const point of page) {
        this.#take(point);
        if (this.#pace.due) await this.#pace.breathe();
      }
      isAll = page.length < wanted;
      looked += page.length;
      const below = page.at(-1)?.score ?? -Infinity;
      if (this.#isSettled(below)) break;
      // Of equal scores a page has any, and a page behind it not just the others: so the next one
      // begins with the first of them, and is larger where they are all that this one has.
      const tied = page.findIndex(({ score }) => score === below);
      const isStuck = tied <= 0 && wanted >= MOST_TIED;
      offset += isStuck ? page.length : Math.max(tied, 0);
      wanted = Math.min(GROWTH * wanted, tied > 0 ? MOST_AT_ONCE : MOST_TIED);
    }
    return isAll;
  }

  /** Whether no point that scores at most `below` can belong on the page. */
  #isSettled(below: number): boolean {
    const { limit } = this.#options;
    return (limit === 0 ? Infinity : this.#scores[limit - 1] ?? -Infinity) > below;
  }

  /** A memory is as near as the nearest of its vectors, which comes first. */
  #take(point: NearPoint): void {
    const { memoryId, score } = point;
    if (this.#best.has(memoryId) || !this.#isIn(point)) return;
    this.#best.set(memoryId, point);
    this.#scores.push(score);
  }

  #isIn({ memoryId, contentHash }: NearPoint): boolean {
    const { held, accept } = this.#options;
    const memory = held.get(memoryId);
    if (memory !== undefined && memory.contentHash !== contentHash) this.#strange.add(memoryId);
    return memory?.contentHash === contentHash && accept?.(memoryId) !== false;
  }

  /** Memories that are held, and were found in another version. */
  get strange(): readonly string[] {
    return [...this.#strange];
  }

  /** Best first; equal scores by id. What changed since it was looked at is left out. */
  hits(): VectorHit[] {
    const points = [...this.#best.values()].filter((point) => this.#isIn(point));
    const hits = points.map(({ memoryId, score }) => ({ id: memoryId, score: clampCosine(score) }));
    // All but sorted, so that this takes no time to speak of.
    hits.sort((a, b) => b.score - a.score || compareKeys(a.id, b.id));
    return hits.slice(0, this.#options.limit);
  }
}
