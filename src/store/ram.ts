/** A store that forgets at the end of the process: for tests, and to measure what a disk costs. */
import { crc32 } from "node:zlib";
import { AppError } from "../errors.ts";
import type { Change } from "../memory.ts";
import { ImportTelling, type Position } from "../history.ts";
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
import { Followed } from "./followed.ts";

export class RamStore implements Store {
  readonly #followed = new Followed();
  #isOpen = false;
  #seq = 0;
  #importing = false;

  open(state: DurableState, follower?: HistoryFollower): Promise<Recovery> {
    this.#isOpen = true;
    this.#followed.begin({ seq: 0, sum: 0, place: 0 }, state, follower);
    return Promise.resolve({ integrity: "ok", notes: [] });
  }

  async append(change: Change): Promise<void> {
    await Promise.resolve();
    this.requireGrowth();
    this.#followed.apply(change, this.#next(encodeRecord(change)));
  }

  #next(text: string): Position {
    const seq = ++this.#seq;
    return { seq, sum: crc32(`${seq} ${text}`) };
  }

  earlier(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  requireGrowth(): void {
    if (!this.#isOpen) throw refusal("closed");
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
        this.#followed.committed(at);
        return Promise.resolve();
      },
      finish: () => {
        if (ended) return;
        ended = true;
        this.#importing = false;
        if (at !== undefined) this.#followed.ended(telling.stepAt(at));
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
    const mode = this.#isOpen ? "ok" : "read_only";
    const well = { disk: "ok", isStuck: false, integrity: "ok", damage: [] } as const;
    return { mode, ...well, memoriesBytes: 0, journalBytes: 0, queued: 0 };
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }
}
