/**
 * Keeps long work from holding up everything else: between two steps of a loop, let others run
 * once a slice of time is used up.
 */

/** Long enough that yielding costs little, short enough that nobody waits 20 ms. */
const SLICE_MS = 6;

export class Pace {
  readonly #sliceMs: number;
  #since = performance.now();

  constructor(sliceMs = SLICE_MS) {
    this.#sliceMs = sliceMs;
  }

  /** True where the slice is used up and `breathe` should be awaited. */
  get due(): boolean {
    return performance.now() - this.#since > this.#sliceMs;
  }

  /**
   * A timer, not `setImmediate`: that comes back before more than a sliver of what waits on the
   * network was served, and requests beside an import waited for half a second.
   */
  async breathe(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = performance.now();
  }
}
