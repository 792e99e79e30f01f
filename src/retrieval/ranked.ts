/** Hits joined with the state and weighed, in slices: a question may find every memory. */
import type { Clock } from "../clock.ts";
import type { FusedHit } from "../fusion.ts";
import { Pace } from "../pace.ts";
import { weigh } from "../ranking.ts";
import type { State } from "../state.ts";
import type { Asked, Ranked } from "./asked.ts";

const RANKED_AT_ONCE = 256;

export interface RankOptions {
  readonly weights: Asked["weights"];
  readonly state: State;
  readonly clock: Clock;
}

/** In the order of the hits; none scores above `most`, and what scores less than `least` is left out. */
export type Rank = (
  hits: Iterable<FusedHit>,
  bounds?: { readonly most?: number; readonly least?: number },
) => Promise<Ranked[]>;

export function ranker({ weights, state, clock }: RankOptions): Rank {
  return async (hits, { most = 1, least = 0 } = {}) => {
    const now = clock.now();
    const pace = new Pace();
    const ranked: Ranked[] = [];
    let n = 0;
    for (const hit of hits) {
      if (++n % RANKED_AT_ONCE === 0 && pace.due) await pace.breathe();
      const memory = state.get(hit.id);
      if (memory === undefined) continue; // Deleted since: the state is the truth.
      const score = Math.min(most, weigh(hit.relevance, memory, weights, now));
      if (score >= least) ranked.push({ hit, memory, score });
    }
    return ranked;
  };
}
