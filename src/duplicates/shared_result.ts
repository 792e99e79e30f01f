/**
 * A long computation that all who ask at once share. Its result serves until what it was computed
 * from has changed; whoever cannot wait for a new one gets the last one, and is told so.
 */
import type { Clock } from "../clock.ts";
import type { FoundPairs } from "./word_pairs.ts";

interface Result extends FoundPairs {
  readonly minScore: number;
  /** Of what it was computed from. */
  readonly version: string;
}

export interface SharedResultOptions {
  readonly compute: (minScore: number) => Promise<FoundPairs>;
  /** Another one as soon as a new computation may find something else. */
  readonly version: () => string;
  readonly clock: Clock;
}

/** Longer than it takes with a hundred thousand memories, shorter than most callers wait. */
const WAIT_MS = 20_000;

export class SharedResult {
  readonly #options: SharedResultOptions;
  #last: Result | undefined;
  #running: Promise<Result> | undefined;

  constructor(options: SharedResultOptions) {
    this.#options = options;
  }

  /** All pairs of at least this score. Throws what the computation throws. */
  async get(minScore: number): Promise<FoundPairs> {
    const late = Promise.withResolvers<"late">();
    const timer = this.#options.clock.after(WAIT_MS, () => late.resolve("late"));
    try {
      for (;;) {
        if (this.#isFresh(minScore)) return cut(this.#last, minScore);
        const joined = this.#running;
        const result = await Promise.race([joined ?? this.#run(minScore), late.promise]);
        if (result === "late") return { ...cut(this.#last, minScore), isComplete: false };
        // What others began earlier may be of another time, or leave out too much.
        if (joined === undefined) return cut(result, minScore);
      }
    } finally {
      timer.cancel();
    }
  }

  #isFresh(minScore: number): boolean {
    const last = this.#last;
    return last !== undefined && last.version === this.#options.version() &&
      (last.minScore === minScore || (last.minScore < minScore && last.isComplete));
  }

  async #run(minScore: number): Promise<Result> {
    const version = this.#options.version();
    const computing = this.#options.compute(minScore);
    this.#running = computing.then((found) => ({ ...found, minScore, version }));
    try {
      return this.#last = await this.#running;
    } finally {
      this.#running = undefined;
    }
  }
}

function cut(result: Result | undefined, minScore: number): FoundPairs {
  if (result === undefined) return { pairs: [], isComplete: false };
  const pairs = result.pairs.filter(({ score }) => score >= minScore);
  return { pairs, isComplete: result.isComplete };
}
