/**
 * Whether what is to be written gets there. Told of every write, it says how much is under way, and
 * whether Qdrant has taken nothing for so long that searches miss what was written since.
 */
import type { Clock } from "../../clock.ts";

/** What is not written for so long is missed. */
const MISSED_MS = 10_000;

export class Lag {
  readonly #clock: Clock;
  /** The memories of each write that is not over. */
  readonly #underWay = new Set<readonly string[]>();
  /** Since then nothing was written, though something is to be. */
  #since: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of a write, from when it is asked for to when it is over. */
  async during<T>(ids: readonly string[], write: () => Promise<T>): Promise<T> {
    // Another object for each, also of the same memories.
    const ofThis = [...ids];
    this.#underWay.add(ofThis);
    try {
      return await write();
    } finally {
      this.#underWay.delete(ofThis);
    }
  }

  /** Something is to be written to a Qdrant that seems to be there. */
  began(): void {
    this.#since ??= this.#clock.now();
  }

  /** Qdrant takes what is written; whether all is written by now. */
  ended(isAll: boolean): void {
    this.#since = isAll ? undefined : this.#clock.now();
  }

  get isLong(): boolean {
    return this.#since !== undefined && this.#clock.now() - this.#since > MISSED_MS;
  }

  ids(): ReadonlySet<string> {
    return new Set([...this.#underWay].flat());
  }
}
