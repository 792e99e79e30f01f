/** One import at a time; a failure of the disk voids the one that runs. */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { HistoryFollower, StagedImport } from "../store.ts";
import { atMost } from "./at_most.ts";
import { refusal } from "./disk_errors.ts";
import type { Durable } from "./write_queue.ts";
import { stagedImport } from "./staged_import.ts";

/** What a stop waits for the running import to be applied. */
const END_MS = 5_000;

export class ImportTurn {
  #running: PromiseWithResolvers<void> | undefined;
  /** Rises with every failure of the disk: what was staged before it is void. */
  #epoch = 0;

  /** Resolves at the end of the running import; undefined where none runs. */
  get end(): Promise<void> | undefined {
    return this.#running?.promise;
  }

  /** For a stop: what is committed only has to be applied; what is not has its next step refused. */
  async endSoon(clock: Clock): Promise<void> {
    if (this.#running !== undefined) await atMost(clock, END_MS, this.#running.promise);
  }

  void(): void {
    this.#epoch++;
  }

  begin(
    unit: string,
    write: (json: string, durable?: Durable) => Promise<void>,
    ended: () => void,
    follower: Pick<HistoryFollower, "committed" | "ended">,
  ): StagedImport {
    if (this.#running !== undefined) {
      throw new AppError("conflict", "Cannot import: another import is running; wait for its end");
    }
    // No new journal file may begin between the steps of an import: a snapshot would cut it in two.
    const running = this.#running = Promise.withResolvers<void>();
    const epoch = this.#epoch;
    let isOver = false;
    const step = async (json: string, durable?: Durable) => {
      if (epoch !== this.#epoch) throw refusal("failed");
      if (isOver) throw new Error("Cannot import: this import has ended");
      await write(json, durable);
    };
    const end = () => {
      if (isOver) return; // A second time would end the import after it.
      isOver = true;
      this.#running = undefined;
      running.resolve();
      ended();
    };
    return stagedImport(unit, step, end, follower);
  }
}
