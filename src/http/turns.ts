/**
 * Small pieces of work that many ask for at the same moment, one after the other: together they
 * hold up everything else no longer than one of them would in its slice of time.
 */
import { Pace } from "../pace.ts";

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
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (pace.due) await pace.breathe();
      next();
      // Whoever asked goes on with it now, and that is measured as well.
      for (let hops = 0; hops < 8; hops++) await undefined;
    }
    this.#isWorking = false;
  }
}
