/** What the search is meant to reach, and whether this run saw it. */
import { ms, table, whole } from "../tables.ts";

export const KEYWORD_GOAL = { stored: 50_000, p95Ms: 3 } as const;

interface Goal {
  readonly what: string;
  readonly seen: string;
  readonly isReached: boolean;
}

export class Goals {
  readonly #goals: Goal[] = [];

  add(what: string, seen: string, isReached: boolean): void {
    this.#goals.push({ what, seen, isReached });
  }

  /** Undefined where nothing was measured at the size that a goal speaks of. */
  get text(): string | undefined {
    if (this.#goals.length === 0) return undefined;
    const rows = this.#goals.map(({ what, seen, isReached }) => [
      isReached ? "reached" : "MISSED",
      what,
      seen,
    ]);
    return `Goals\n\n${table(["", "goal", "seen"], rows)}`;
  }
}

export function keywordGoal(goals: Goals, how: string, p95: number): void {
  const { stored, p95Ms } = KEYWORD_GOAL;
  const what = `words: p95 under ${p95Ms} ms among ${whole(stored)}, ${how}`;
  goals.add(what, `${ms(p95)} ms`, p95 < p95Ms);
}
