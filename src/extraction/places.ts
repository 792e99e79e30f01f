/** So many at once, and a short line behind them: whoever comes after that, or waits too long in it,
 * is sent away. */
import type { Clock } from "../clock.ts";
import { withDeadline } from "../deadline.ts";

export interface PlacesOptions {
  readonly clock: Clock;
  readonly count: number;
  readonly mostWaiting: number;
  readonly longestWaitMs: number;
  /** What is thrown then. */
  readonly refused: () => Error;
}

export class Places {
  readonly #options: PlacesOptions;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#free = options.count;
  }

  /** Once the turn has come; first come, first served. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { clock, mostWaiting, longestWaitMs: ms, refused } = this.#options;
    if (this.#waiting.length >= mostWaiting) throw refused();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await withDeadline({ clock, ms, late: refused, signal, aborted: refused }, () => promise);
    } catch (error) {
      const at = this.#waiting.indexOf(resolve);
      // A place that was given in the same moment goes to the next.
      if (at === -1) this.#leave();
      else this.#waiting.splice(at, 1);
      throw error;
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
