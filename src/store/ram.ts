/** A store that forgets at the end of the process: for tests, and to measure what a disk costs. */
import { crc32 } from "node:zlib";
import { AppError } from "../errors.ts";
import type { Change } from "../memory.ts";
import { ImportTelling, type Position, stepOf } from "../history.ts";
import type {
  DurableState,
  HistoryFollower,
  Recovery,
  StagedImport,
  Store,
  StoreStatus,
} from "../store.ts";
import { encodeRecord } from "./codec.ts";
import { refusal } from "./disk_errors.ts";

export class RamStore implements Store {
  #state: DurableState | undefined;
  #follower: HistoryFollower | undefined;
  #seq = 0;
  #importing = false;

  open(state: DurableState, follower?: HistoryFollower): Promise<Recovery> {
    this.#state = state;
    this.#follower = follower;
    follower?.begun({ seq: 0, sum: 0, place: 0 });
    return Promise.resolve({ integrity: "ok", notes: [] });
  }

  async append(change: Change): Promise<void> {
    await Promise.resolve();
    if (this.#state === undefined) throw refusal("closed");
    const at = this.#next(encodeRecord(change));
    this.#state.apply(change);
    const step = stepOf(change, at);
    if (step !== undefined) this.#follower?.happened(step);
  }

  #next(text: string): Position {
    const seq = ++this.#seq;
    return { seq, sum: crc32(`${seq} ${text}`) };
  }

  earlier(): Promise<undefined> {
    return Promise.resolve(undefined);
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
    const telling = new ImportTelling();
    let ended = false, at: Position | undefined, sum = 0;
    return {
      stage: (changes) => {
        for (const change of changes) {
          telling.add(change);
          sum = crc32(encodeRecord(change), sum);
        }
        return Promise.resolve();
      },
      commit: () => {
        at = this.#next(`${sum}`);
        this.#follower?.committed(at);
        return Promise.resolve();
      },
      finish: () => {
        if (ended) return;
        ended = true;
        this.#importing = false;
        if (at !== undefined) this.#follower?.ended(telling.stepAt(at));
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
