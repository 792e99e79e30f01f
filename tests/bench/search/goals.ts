/** What the search is meant to reach, and whether this run saw it. */
import { table } from "../tables.ts";

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
