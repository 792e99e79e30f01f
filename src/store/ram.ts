/** A store that forgets at the end of the process: for tests, and to measure what a disk costs. */
import { AppError } from "../errors.ts";
import type { Change } from "../memory.ts";
import type { DurableState, Recovery, StagedImport, Store, StoreStatus } from "../store.ts";
import { refusal } from "./disk_errors.ts";

export class RamStore implements Store {
  #state: DurableState | undefined;
  #importing = false;

  open(state: DurableState): Promise<Recovery> {
    this.#state = state;
    return Promise.resolve({ integrity: "ok", notes: [] });
  }

  async append(change: Change): Promise<void> {
    await Promise.resolve();
    if (this.#state === undefined) throw refusal("closed");
    this.#state.apply(change);
  }

  requireGrowth(): void {
    if (this.#state === undefined) throw refusal("closed");
  }

  async beginImport(): Promise<StagedImport> {
    await Promise.resolve();
    this.requireGrowth();
    if (this.#importing) {
      throw new AppError("conflict", "Cannot import: another import is running; wait for its end");
    }
    this.#importing = true;
    let ended = false;
    return {
      stage: () => Promise.resolve(),
      commit: () => Promise.resolve(),
      finish: () => {
        if (!ended) this.#importing = false;
        ended = true;
      },
    };
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  acknowledgeDamage(): Promise<void> {
    return Promise.resolve();
  }

  status(): StoreStatus {
    const mode = this.#state === undefined ? "read_only" : "ok";
    const well = { disk: "ok", isStuck: false, integrity: "ok", damage: [] } as const;
    return { mode, ...well, memoriesBytes: 0, journalBytes: 0, queued: 0 };
  }

  close(): Promise<void> {
    this.#state = undefined;
    return Promise.resolve();
  }
}
