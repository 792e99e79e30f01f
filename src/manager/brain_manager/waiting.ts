/** Waiting for operations to end, for callers who asked to; not for too many at the same time. */
import type { Clock } from "../../clock.ts";

const MOST_WAITERS = 200;
/** Whoever else may carry it out, its end is seen in the register. */
const LOOK_MS = 1_000;

export class Waiting {
  readonly #clock: Clock;
  #waiters = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Looks until `look` says that it is over, or the time is up, or the signal aborts. Too many wait
   * already: not at all. `nudge`: worth looking at once when that is settled.
   */
  async until(
    look: () => Promise<boolean>,
    { waitMs, nudge, signal }: {
      readonly waitMs: number;
      readonly nudge: Promise<void>;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<boolean> {
    if (await look()) return true;
    if (waitMs <= 0 || this.#waiters >= MOST_WAITERS) return false;
    this.#waiters++;
    try {
      const end = this.#clock.now() + waitMs;
      let isNudged = false;
      const nudged = nudge.finally(() => isNudged = true);
      for (let leftMs = waitMs; leftMs > 0; leftMs = end - this.#clock.now()) {
        if (signal?.aborted) return false;
        await this.#pause(Math.min(LOOK_MS, leftMs), isNudged ? undefined : nudged);
        if (await look()) return true;
      }
      return false;
    } finally {
      this.#waiters--;
    }
  }

  async #pause(ms: number, nudged: Promise<void> | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(ms, resolve);
    await Promise.race(nudged === undefined ? [promise] : [promise, nudged]);
    timer.cancel();
  }
}
