/**
 * The store on disk: one writer, a journal, and now and then a snapshot.
 *
 * Group commit: what arrives while the disk is busy is written and synced together next time, so
 * the cost of an fsync is shared and no timer is needed. A change is applied to the state after its
 * fsync, in the order of the journal, and only then is its caller told.
 */
import { type Clock, type Timer, timestamp } from "../clock.ts";
import { AppError } from "../errors.ts";
import { joinBytes } from "../lines.ts";
import type { Change } from "../memory.ts";
import { Pace } from "../pace.ts";
import {
  type DurableState,
  type Recovery,
  type StagedImport,
  type Store,
  StoreOpenError,
  type StoreStatus,
} from "../store.ts";
import { encodeRecord } from "./codec.ts";
import { removeLeftovers, Snapshots } from "./compaction.ts";
import type { DataFolder } from "./folder.ts";
import { errorWord, isNoSpace, openError, refusal } from "./disk_errors.ts";
import { beginGeneration, encodeLine, type JournalWriter } from "./journal.ts";
import { recover, type Recovered } from "./recovery.ts";
import type { SnapshotMark } from "./snapshot.ts";
import { stagedImport } from "./staged_import.ts";
import { type Waiting, WriteQueue } from "./write_queue.ts";

const HEAL_FIRST_MS = 5_000, HEAL_MOST_MS = 300_000;

export interface FileStoreOptions {
  readonly folder: DataFolder;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly version: string;
  /** For humans: what the lock file says of its holder. */
  readonly holder: string;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

export class FileStore implements Store {
  readonly #options: FileStoreOptions;
  readonly #folder: DataFolder;
  #state: DurableState | undefined;
  #lock: { close(): void } | undefined;
  #journal: JournalWriter | undefined;
  #mode: "ok" | "read_only" | "closed" = "closed";
  #integrity: "ok" | "degraded" = "ok";
  #seq = 0;
  #lastGeneration = 0;

  readonly #queue = new WriteQueue();
  #pump: Promise<void> | undefined;
  #importing = false;
  /** Rises with every failure of the disk: what was staged before it is void. */
  #epoch = 0;
  #healing: Timer | undefined;

  readonly #snapshots: Snapshots;
  #compaction: Promise<void> | undefined;
  #compactAsked = false;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#folder = options.folder;
    this.#snapshots = new Snapshots(options.folder, options.clock);
  }

  async open(state: DurableState): Promise<Recovery> {
    const { fs, root, lock, memories } = this.#folder;
    await this.#takeFolder(root, lock);
    try {
      await removeLeftovers(this.#folder);
      await fs.makeFolder(this.#folder.journal);
      const found = await recover(this.#folder, state);
      this.#state = state;
      this.#seq = found.lastSeq;
      this.#snapshots.begin(found, await fs.size(memories) ?? 0);
      // Never append behind what a crash may have torn: every start begins a file of its own.
      this.#journal = await this.#beginJournal(found.nextGeneration, found.last);
      this.#integrity = found.notes.some(({ kind }) => kind === "damage") ? "degraded" : "ok";
      this.#mode = "ok";
      return { integrity: this.#integrity, notes: found.notes };
    } catch (error) {
      this.#lock?.close();
      this.#lock = undefined;
      throw openError(error);
    }
  }

  async #takeFolder(root: string, lock: string): Promise<void> {
    try {
      await this.#folder.fs.makeFolder(root);
      this.#lock = await this.#folder.fs.lock(lock, this.#options.holder);
    } catch (error) {
      throw openError(error);
    }
    if (this.#lock === undefined) {
      throw new StoreOpenError(
        "locked",
        "Cannot open the data folder: another process holds it; stop that one first",
      );
    }
  }

  #beginJournal(generation: number, previous: Recovered["last"]): Promise<JournalWriter> {
    const { clock, version } = this.#options;
    const at = timestamp(clock);
    return beginGeneration(this.#folder, { generation, previous, at, version }, this.#seq);
  }

  /** Goes on in a new journal file; everything written before is durable and applied. */
  async #rotate(): Promise<SnapshotMark> {
    const old = this.#journal;
    if (old === undefined) throw new Error("Cannot begin a journal: the store is not open");
    // Also after a failed try a number is not used twice: something may lie under it.
    const generation = Math.max(old.generation, this.#lastGeneration) + 1;
    this.#lastGeneration = generation;
    this.#journal = await this.#beginJournal(generation, old);
    old.close();
    return { generation, lastSeq: this.#seq };
  }

  append(change: Change): Promise<void> {
    return this.#enqueue(encodeRecord(change), change);
  }

  async #enqueue(json: string, change: Change | undefined): Promise<void> {
    if (this.#mode !== "ok") throw refusal(this.#mode);
    const written = this.#queue.push(json, change);
    this.#startPump();
    await written;
  }

  #startPump(): void {
    this.#pump ??= this.#run();
  }

  async #run(): Promise<void> {
    do {
      const batch = this.#queue.takeBatch();
      if (batch.length > 0 && this.#journal !== undefined) {
        await this.#writeBatch(batch, this.#journal);
      }
      // Between two batches everything written is applied: the one place to begin a new file.
      if (this.#compactionDue) await this.#startCompaction();
    } while (this.#queue.length > 0 && this.#mode === "ok");
    if (this.#mode !== "ok") this.#queue.rejectAll(refusal(this.#mode));
    // Not in a `finally`: nothing may come between the last look at the queue and this.
    this.#pump = undefined;
  }

  async #writeBatch(batch: readonly Waiting[], journal: JournalWriter): Promise<void> {
    const bytes = joinBytes(batch.map(({ json }, i) => encodeLine(this.#seq + 1 + i, json)));
    try {
      await journal.write(bytes);
    } catch (error) {
      return await this.#writeFailed(batch, journal, error);
    }
    try {
      await journal.sync(bytes.length);
    } catch (error) {
      return this.#fail(batch, error);
    }
    this.#seq += batch.length;
    this.#snapshots.fellBehind(batch.length, bytes.length);
    await this.#applyBatch(batch);
  }

  async #applyBatch(batch: readonly Waiting[]): Promise<void> {
    const pace = new Pace();
    for (const { change, resolve, reject } of batch) {
      try {
        if (change !== undefined) this.#state?.apply(change);
        resolve();
      } catch (error) {
        reject(error);
      }
      if (pace.due) await pace.breathe();
    }
  }

  /** A full disk is a definite no, once what was written is cut off again, durably. */
  async #writeFailed(batch: readonly Waiting[], journal: JournalWriter, error: unknown) {
    try {
      await journal.rollBack();
    } catch {
      return this.#fail(batch, error);
    }
    if (!isNoSpace(error)) return this.#fail(batch, error);
    this.#options.log("disk_full", { records: batch.length });
    const full = new AppError(
      "insufficient_storage",
      "Cannot store the change: the disk is full; delete memories or enlarge the volume",
    );
    for (const { reject } of batch) reject(full);
  }

  /**
   * After a failed fsync nobody knows what is on disk, and asking again would lie (the kernel drops
   * the pages). So nothing more is written to this file: reads go on, writes are refused, and the
   * state, which holds exactly what was acknowledged, is written anew into new files.
   */
  #fail(batch: readonly Waiting[], error: unknown): void {
    this.#mode = "read_only";
    this.#epoch++;
    this.#seq += batch.length; // Never used again: those numbers may be on disk.
    this.#options.log("disk_failed", { error: errorWord(error) });
    const failed = new AppError(
      "storage_failed",
      "Cannot tell whether the change was stored: the disk failed; ask again with the same Idempotency-Key",
      { retryAfterS: HEAL_FIRST_MS / 1000 },
    );
    for (const { reject } of batch) reject(failed);
    this.#healAfter(HEAL_FIRST_MS);
  }

  #healAfter(ms: number): void {
    this.#healing = this.#options.clock.after(ms, async () => {
      if (this.#mode !== "read_only") return;
      try {
        await this.#compaction?.catch(() => {});
        await this.#snapshot(await this.#rotate());
        if (this.#mode === "read_only") this.#mode = "ok";
        this.#options.log("disk_healed", {});
      } catch (error) {
        this.#options.log("heal_failed", { error: errorWord(error) });
        this.#healAfter(Math.min(2 * ms, HEAL_MOST_MS));
      }
    });
  }

  get #compactionDue(): boolean {
    if (this.#importing || this.#compaction !== undefined || this.#mode !== "ok") return false;
    return this.#compactAsked || this.#snapshots.due;
  }

  /** Begins the new journal before it returns; the snapshot is written while writes go on. */
  async #startCompaction(): Promise<void> {
    this.#compactAsked = false;
    const begun = await this.#rotate().catch((error) => this.#compactionFailed(error));
    if (begun === undefined) return;
    this.#compaction = this.#snapshot(begun)
      .catch((error) => this.#compactionFailed(error))
      .finally(() => this.#compaction = undefined);
  }

  #compactionFailed(error: unknown): undefined {
    this.#snapshots.failed();
    this.#options.log("compaction_failed", { error: errorWord(error) });
  }

  async #snapshot(mark: SnapshotMark): Promise<void> {
    if (this.#state !== undefined) await this.#snapshots.replace(this.#state, mark);
  }

  async compact(): Promise<void> {
    if (this.#mode !== "ok" || this.#importing) return;
    await this.#compaction;
    this.#compactAsked = true;
    this.#startPump();
    await this.#pump;
    await this.#compaction;
  }

  async beginImport(): Promise<StagedImport> {
    await Promise.resolve();
    if (this.#mode !== "ok") throw refusal(this.#mode);
    if (this.#importing) {
      throw new AppError("conflict", "Cannot import: another import is running; wait for its end");
    }
    // No new journal file may begin between the steps of an import: a snapshot would cut it in two.
    this.#importing = true;
    const epoch = this.#epoch;
    const write = async (json: string) => {
      if (epoch !== this.#epoch) throw refusal("read_only");
      await this.#enqueue(json, undefined);
    };
    const end = () => {
      this.#importing = false;
      this.#startPump();
    };
    return stagedImport(this.#options.newId(), write, end);
  }

  status(): StoreStatus {
    return {
      mode: this.#mode === "ok" ? "ok" : "read_only",
      integrity: this.#integrity,
      memoriesBytes: this.#snapshots.bytes,
      journalBytes: this.#snapshots.behindBytes,
      queued: this.#queue.length,
    };
  }

  async close(): Promise<void> {
    await this.#pump;
    await this.#compaction;
    const healthy = this.#mode === "ok";
    this.#mode = "closed";
    this.#healing?.cancel();
    try {
      if (healthy && this.#snapshots.stale) await this.#snapshot(await this.#rotate());
    } finally {
      this.#journal?.close();
      this.#lock?.close();
      this.#journal = this.#lock = undefined;
    }
  }
}
