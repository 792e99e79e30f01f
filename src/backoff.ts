/**
 * When to try again: full jitter from one second up to five minutes, or between other bounds, later
 * if the other side named a time, and after the longest wait where only the operator can mend it.
 */
import type { Clock, Timer } from "./clock.ts";

const WAITS = { firstMs: 1_000, lastMs: 5 * 60_000 } as const;
/** So that a run of unlucky small draws does not become a busy loop. */
const LEAST_MS = 50;

/** The most that is waited after the first failure, and after any. */
export interface Waits {
  readonly firstMs: number;
  readonly lastMs: number;
}

export class Backoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #wake: () => void;
  readonly #waits: Waits;
  #failures = 0;
  #until = 0;
  #timer: Timer | undefined;

  /** Calls `wake` whenever a wait is over. */
  constructor(clock: Clock, random: () => number, wake: () => void, waits: Waits = WAITS) {
    this.#clock = clock;
    this.#waits = waits;
    this.#random = random;
    this.#wake = wake;
  }

  get waiting(): boolean {
    return this.#timer !== undefined;
  }

  get failing(): boolean {
    return this.#failures > 0;
  }

  failed(atLeastMs = 0): void {
    const { firstMs, lastMs } = this.#waits;
    const ceiling = Math.min(lastMs, firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 20);
    this.#wait(Math.max(LEAST_MS, this.#random() * ceiling, atLeastMs));
  }

  /** Nothing changes before the operator does something: look in rarely. */
  standStill(): void {
    this.#failures = Math.max(this.#failures, 1);
    this.#wait(this.#waits.lastMs);
  }

  /** Forgets the failures and any wait. */
  reset(): void {
    this.#failures = 0;
    this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    const until = this.#clock.now() + ms;
    // The timer counts, not the time of day, which may jump.
    if (this.#timer !== undefined && this.#until >= until) return;
    this.stop();
    this.#until = until;
    this.#timer = this.#clock.after(ms, () => {
      this.stop();
      this.#wake();
    });
  }
}
