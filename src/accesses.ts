/**
 * How often memories are read: counted at once, written down every few seconds, so that reading
 * costs no fsync. A crash may forget the last seconds of counting, never a memory.
 */
import { type Clock, type Timer, timestamp } from "./clock.ts";
import { AppError } from "./errors.ts";
import type { Access, Memory } from "./memory.ts";
import type { Projection } from "./projection.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

const FLUSH_MS = 5_000;
const FLUSH_RECORDS = 1_000;

export class Accesses {
  readonly #state: State;
  readonly #store: Store;
  readonly #projection: Projection;
  readonly #clock: Clock;
  readonly #unwritten = new Set<string>();
  #timer: Timer | undefined;

  constructor(state: State, store: Store, projection: Projection, clock: Clock) {
    this.#state = state;
    this.#store = store;
    this.#projection = projection;
    this.#clock = clock;
  }

  count(memory: Memory): Access {
    this.#unwritten.add(memory.id);
    this.#timer ??= this.#clock.after(FLUSH_MS, () => void this.#flushInTime());
    return this.#projection.touch(memory, timestamp(this.#clock));
  }

  async #flushInTime(): Promise<void> {
    this.#timer = undefined;
    try {
      await this.flush();
    } catch (error) {
      // The disk says no: the counts stay in memory and are written with the next reading.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** Writes down what was counted since the last time. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const ids = [...this.#unwritten];
    for (let at = 0; at < ids.length; at += FLUSH_RECORDS) {
      const slice = ids.slice(at, at + FLUSH_RECORDS);
      const accesses = slice.filter((id) => this.#state.get(id) !== undefined)
        .map((id) => [id, this.#state.access(id)] as const);
      // Readings that come in while the disk works put their ids back.
      for (const id of slice) this.#unwritten.delete(id);
      try {
        if (accesses.length > 0) await this.#store.append({ op: "access", accesses });
      } catch (error) {
        for (const id of slice) this.#unwritten.add(id);
        throw error;
      }
    }
  }
}
