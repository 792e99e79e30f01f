/**
 * Tells, by a record of history, that memories are found by their meaning: each once for each text
 * it was given, also where the process ended between the index's write and that record, and not
 * for a model that took the place of another. A record is a batch: what is indexed while the disk
 * is at one comes with the next.
 *
 * What a version wrote that told nothing of this (journals before format 3) counts as not told yet,
 * unless a snapshot holds it.
 */
import type { Clock, Timer } from "./clock.ts";
import { AppError } from "./errors.ts";
import type { Locks } from "./locks.ts";
import { Pace } from "./pace.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

export interface EmbeddedOptions {
  readonly state: State;
  readonly store: Pick<Store, "append">;
  readonly locks: Locks;
  /** Whether the index that serves holds the vectors of a memory's text as it is now. */
  readonly isIndexed: (id: string) => boolean;
  readonly clock: Clock;
}

const MOST_AT_ONCE = 500;
/** After the disk refused a record. */
const AGAIN_MS = 10_000;

export class Embedded {
  readonly #options: EmbeddedOptions;
  readonly #due = new Set<string>();
  #isWorking = false;
  #looking: Promise<void> | undefined;
  #timer: Timer | undefined;
  /** Whose locks are held, until the record that names them is durable. */
  #batch: Map<string, PromiseWithResolvers<void>> | undefined;
  #writing: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  /** To be called whenever the index that serves may hold what is wanted of a memory. */
  indexed(id: string): void {
    if (this.#isStopped || !this.#isUntold(id)) return;
    this.#due.add(id);
    this.#pump();
  }

  /** To be called where another index serves now. */
  indexChanged(): void {
    this.#looking = this.#lookAtAll();
  }

  async #lookAtAll(): Promise<void> {
    const pace = new Pace();
    for (const id of this.#options.state.unembedded()) {
      this.indexed(id);
      if (pace.due) await pace.breathe();
      if (this.#isStopped) return;
    }
  }

  /** Resolves when the record under way is written; what is not told then is at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
    // Not for who waits for a lock: an import may hold it for long, and then nothing is written.
    await this.#writing;
  }

  #isUntold(id: string): boolean {
    const { state, isIndexed } = this.#options;
    return state.isUnembedded(id) && isIndexed(id);
  }

  #pump(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    try {
      await Promise.resolve(); // What is indexed in the same turn shares the first record.
      while (this.#due.size > 0 && !this.#isStopped) {
        const ids = [...this.#due.values().take(MOST_AT_ONCE)];
        for (const id of ids) this.#due.delete(id);
        if (!await this.#tellAll(ids)) return this.#again();
      }
    } finally {
      // In the same turn as the last look at what is due: else what comes between would wait.
      this.#isWorking = false;
    }
  }

  /** False where the disk did not take some of it, which are due again. */
  async #tellAll(ids: readonly string[]): Promise<boolean> {
    const outcomes = await Promise.allSettled(ids.map((id) => this.#tell(id)));
    for (const [at, id] of ids.entries()) {
      const outcome = outcomes[at];
      if (outcome?.status !== "rejected") continue;
      if (!(outcome.reason instanceof AppError)) throw outcome.reason;
      this.#due.add(id);
    }
    return outcomes.every(({ status }) => status === "fulfilled");
  }

  #again(): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(AGAIN_MS, () => this.#pump());
  }

  /** Under the memory's lock: no other text can come between its look at the index and the record. */
  #tell(id: string): Promise<void> {
    return this.#options.locks.run(id, async () => {
      if (!this.#isStopped && this.#isUntold(id)) await this.#append(id);
    });
  }

  /** Those whose locks are got in one turn share a record; nobody waits for another's lock. */
  async #append(id: string): Promise<void> {
    this.#batch ??= this.#newBatch();
    const told = Promise.withResolvers<void>();
    this.#batch.set(id, told);
    await told.promise;
  }

  #newBatch(): Map<string, PromiseWithResolvers<void>> {
    const batch = new Map<string, PromiseWithResolvers<void>>();
    this.#writing = this.#write(batch);
    return batch;
  }

  async #write(batch: ReadonlyMap<string, PromiseWithResolvers<void>>): Promise<void> {
    await Promise.resolve();
    this.#batch = undefined;
    try {
      await this.#options.store.append({ op: "embedded", ids: [...batch.keys()] });
      for (const { resolve } of batch.values()) resolve();
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
  }
}
