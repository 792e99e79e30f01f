/** So many at a time, the others in the order in which they came, and not more than can be waited for. */
import { ClusterError } from "../cluster.ts";

/** One request each, of all users together. */
const MOST_WAITING = 10_000;

export class Gate {
  readonly #most: number;
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws the reason of `signal` where its turn does not come in time. */
  async run<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await action();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#most) return void this.#inside++;
    if (this.#waiting.size >= MOST_WAITING) {
      const message = "Cannot ask the API server: too many requests wait already";
      throw new ClusterError("unavailable", 0, "", message);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      if (this.#waiting.delete(resolve)) reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", giveUp);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** The place goes to the next one: nobody can slip in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) return void this.#inside--;
    this.#waiting.delete(next);
    next();
  }
}
