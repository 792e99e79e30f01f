/**
 * Small pieces of work that many ask for at the same moment, one after the other: together they
 * hold up everything else no longer than one of them would in its slice of time.
 */
import { Pace } from "../pace.ts";

/** What follows from each, such as sending it, takes longer than the work, and is not measured. */
const MOST_AT_ONCE = 16;

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #isWorking = false;

  /** What the work gives, when its turn has come. */
  take<T>(work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
    if (!this.#isWorking) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    const pace = new Pace();
    for (let taken = 1; this.#waiting.length > 0; taken++) {
      if (pace.due || taken % MOST_AT_ONCE === 0) await pace.breathe();
      this.#waiting.shift()?.();
    }
    this.#isWorking = false;
  }
}
