/**
 * Group commit: what arrives while the disk is busy is written and synced together next time, so
 * the cost of an fsync is shared and no timer is needed. A change is applied after its fsync, in the
 * order of the journal, and only then is its caller told.
 */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Position } from "../history.ts";
import type { Change } from "../memory.ts";
import { Pace } from "../pace.ts";
import type { ActiveJournal } from "./active_journal.ts";
import { errorWord, outcomeUnknown } from "./disk_errors.ts";
import type { Space } from "./space.ts";
import { type Durable, type Waiting, WriteQueue } from "./write_queue.ts";

/** A disk that is at one write for so long is said to be slow. */
const SLOW_MS = 5_000;

export interface GroupCommitOptions {
  readonly clock: Clock;
  readonly journal: ActiveJournal;
  readonly space: Space;
  /** Takes in a change that is durable. */
  readonly apply: (change: Change, at: Position) => void;
  /** Told of every batch that is durable. */
  readonly written: (records: number, bytes: number) => void;
  /** Told when nobody knows what is on disk; nothing more may be written after it. */
  readonly failed: (error: unknown) => void;
  /** Why nothing is written now, not even what waits; undefined where it is. */
  readonly halted: () => AppError | undefined;
  /** Between two batches everything written is applied: the one place to begin a new file. */
  readonly between: () => Promise<void>;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #queue = new WriteQueue();
  #pump: Promise<void> | undefined;
  /** Asked to start since the last round began. */
  #isWanted = false;
  /** When the batch that is being written was begun. */
  #writingSince: number | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get isSlow(): boolean {
    const { clock } = this.#options;
    return this.#writingSince !== undefined && clock.now() - this.#writingSince > SLOW_MS;
  }

  /** Resolves when all that waits is dealt with. */
  get idle(): Promise<void> {
    return this.#pump ?? Promise.resolve();
  }

  /** Resolves when it is durable and applied; without a change, there is nothing to apply. */
  async push(json: string, change?: Change, durable?: Durable): Promise<void> {
    const written = this.#queue.push(json, change, durable);
    this.start();
    await written;
  }

  /** Also where nothing waits: `between` is called at least once. */
  start(): void {
    this.#isWanted = true;
    this.#pump ??= this.#run().catch((error) => this.#runFailed(error));
  }

  /** A defect. What came in since was queued, as for a pump that runs: it must not wait for ever. */
  #runFailed(error: unknown): void {
    this.#pump = undefined;
    this.#queue.rejectAll(error);
    this.#options.log("write_failed", { error: errorWord(error) });
  }

  async #run(): Promise<void> {
    const { halted, between } = this.#options;
    await Promise.resolve(); // What is sent in the same turn shares the first batch too.
    do {
      this.#isWanted = false;
      const batch = this.#queue.takeBatch();
      if (batch.length > 0) await this.#writeBatch(batch).catch((error) => giveUp(batch, error));
      await between();
    } while ((this.#isWanted || this.#queue.length > 0) && halted() === undefined);
    const why = halted();
    if (why !== undefined) this.#queue.rejectAll(why);
    // Not in a `finally`: nothing may come between the last look at the queue and this.
    this.#pump = undefined;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    const admitted = this.#options.space.admit(batch);
    if (admitted.length === 0) return;
    let written: Awaited<ReturnType<ActiveJournal["append"]>>;
    this.#writingSince = this.#options.clock.now();
    try {
      written = await this.#options.journal.append(admitted.map(({ json }) => json));
    } catch (error) {
      if (error instanceof AppError) return await this.#diskFull(admitted, error);
      for (const { reject } of admitted) reject(outcomeUnknown());
      return this.#options.failed(error);
    } finally {
      this.#writingSince = undefined;
    }
    this.#options.written(admitted.length, written.bytes);
    await this.#applyBatch(admitted, written.positions);
  }

  /** A definite no: nothing of it is on disk. What is deleted is tried again with the reserve. */
  async #diskFull(batch: readonly Waiting[], error: AppError): Promise<void> {
    const { log, space } = this.#options;
    log("disk_full", { records: batch.length });
    const hasRoom = await space.ranOut();
    const deletes = space.admit(batch);
    if (hasRoom) return await this.#writeBatch(deletes);
    for (const { reject } of deletes) reject(error);
  }

  async #applyBatch(batch: readonly Waiting[], positions: readonly Position[]): Promise<void> {
    const pace = new Pace();
    for (const [index, { change, durable, resolve, reject }] of batch.entries()) {
      const at = positions[index];
      if (at === undefined) throw new Error("Cannot apply a change: its place is not known");
      try {
        if (change !== undefined) this.#options.apply(change, at);
        durable?.(at);
        resolve();
      } catch (error) {
        reject(error);
      }
      if (pace.due) await pace.breathe();
    }
  }
}

/** A defect: also those must not wait for ever that were no longer in the queue. */
function giveUp(batch: readonly Waiting[], error: unknown): never {
  for (const { reject } of batch) reject(error);
  throw error;
}
