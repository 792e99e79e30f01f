/**
 * A long computation that all who ask at once share. Its result serves until what it was computed
 * from has changed; whoever cannot wait for a new one gets the last one, and is told so.
 */
import type { Clock } from "../clock.ts";

/** Two memories by their ids: what they say is not held here. */
export interface KnownPair {
  readonly older: string;
  readonly newer: string;
  /** 0 to 1. */
  readonly score: number;
}

export interface KnownPairs {
  /** In no order. */
  readonly pairs: readonly KnownPair[];
  /** False where there may be more. */
  readonly isComplete: boolean;
}

interface Result extends KnownPairs {
  readonly minScore: number;
  /** Of what it was computed from. */
  readonly version: string;
  /** Whose the pairs are, and which of them say something else now. */
  readonly ids: ReadonlySet<string>;
  readonly changed: Set<string>;
}

export interface SharedResultOptions {
  readonly compute: (minScore: number) => Promise<KnownPairs>;
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
  /** What changed while it is being computed. */
  #changed = new Set<string>();

  constructor(options: SharedResultOptions) {
    this.#options = options;
  }

  /** All pairs of at least this score. Throws what the computation throws. */
  async get(minScore: number): Promise<KnownPairs> {
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

  /** A memory says something else now: no pair of it holds that was computed before. */
  drop(id: string): void {
    if (this.#running !== undefined) this.#changed.add(id);
    if (this.#last?.ids.has(id)) this.#last.changed.add(id);
  }

  #isFresh(minScore: number): boolean {
    const last = this.#last;
    return last !== undefined && last.version === this.#options.version() &&
      (last.minScore === minScore || (last.minScore < minScore && last.isComplete));
  }

  async #run(minScore: number): Promise<Result> {
    const version = this.#options.version();
    const changed = this.#changed = new Set();
    const computing = this.#options.compute(minScore);
    this.#running = computing.then((found) => (
      { ...found, minScore, version, ids: idsOf(found.pairs), changed }
    ));
    try {
      return this.#last = await this.#running;
    } finally {
      this.#running = undefined;
    }
  }
}

function idsOf(pairs: readonly KnownPair[]): Set<string> {
  return new Set(pairs.flatMap(({ older, newer }) => [older, newer]));
}

function cut(result: Result | undefined, minScore: number): KnownPairs {
  if (result === undefined) return { pairs: [], isComplete: false };
  const { changed } = result;
  const pairs = result.pairs.filter(({ older, newer, score }) =>
    score >= minScore && !changed.has(older) && !changed.has(newer)
  );
  return { pairs, isComplete: result.isComplete };
}
