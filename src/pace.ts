/**
 * Keeps long work from holding up everything else: between two steps of a loop, let others run
 * once a slice of time is used up.
 */
import { setImmediate } from "node:timers/promises";

/** Long enough that yielding costs nothing, short enough that nobody waits 20 ms. */
const SLICE_MS = 6;

export class Pace {
  #since = performance.now();

  /** True where the slice is used up and `breathe` should be awaited. */
  get due(): boolean {
    return performance.now() - this.#since > SLICE_MS;
  }

  async breathe(): Promise<void> {
    await setImmediate();
    this.#since = performance.now();
  }
}
