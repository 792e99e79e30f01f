/**
 * The store on disk: one writer, a journal, and now and then a snapshot.
 *
 * Group commit: what arrives while the disk is busy is written and synced together next time, so
 * the cost of an fsync is shared and no timer is needed. A change is applied to the state after its
 * fsync, in the order of the journal, and only then is its caller told.
 */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Change } from "../memory.ts";
import { Pace } from "../pace.ts";
import type { DurableState, Recovery, StagedImport, Store, StoreStatus } from "../store.ts";
import { ActiveJournal } from "./active_journal.ts";
import { atMost } from "./at_most.ts";
import { encodeRecord } from "./codec.ts";
import { removeLeftovers, Snapshots } from "./compaction.ts";
import type { DataFolder } from "./folder.ts";
import { errorWord, locked, openError, outcomeUnknown, refusal } from "./disk_errors.ts";
import { Healing } from "./healing.ts";
import { recover } from "./recovery.ts";
import type { SnapshotMark } from "./snapshot.ts";
import { stagedImport } from "./staged_import.ts";
import { type Waiting, WriteQueue } from "./write_queue.ts";

/** What a stop waits for the running import to be applied. */
const IMPORT_END_MS = 5_000;

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
  readonly #journal: ActiveJournal;
  #mode: "ok" | "read_only" | "closed" = "closed";
  #integrity: "ok" | "degraded" = "ok";

  readonly #queue = new WriteQueue();
  #pump: Promise<void> | undefined;
  /** Of the running import; resolves at its end. */
  #import: PromiseWithResolvers<void> | undefined;
  /** Rises with every failure of the disk: what was staged before it is void. */
  #epoch = 0;
  readonly #healing: Healing;
  /** Set once: what is queued is still written, nothing more is taken. */
  #closing: Promise<void> | undefined;

  readonly #snapshots: Snapshots;
  #compaction: Promise<void> | undefined;
  #compactAsked = false;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#folder = options.folder;
    this.#journal = new ActiveJournal(options.folder, options.clock, options.version);
    this.#snapshots = new Snapshots(options.folder, options.clock);
    this.#healing = new Healing(options.clock, () => this.#heal());
  }

  async open(state: DurableState): Promise<Recovery> {
    const { fs, journal, memories } = this.#folder;
    await this.take();
    try {
      const found = await recover(this.#folder, state);
      await removeLeftovers(this.#folder);
      await fs.makeFolder(journal);
      this.#state = state;
      this.#snapshots.begin(found, await fs.size(memories) ?? 0);
      await this.#journal.begin(found);
      for (const path of found.unused) await fs.remove(path);
      this.#integrity = found.notes.some(({ kind }) => kind === "damage") ? "degraded" : "ok";
      this.#mode = "ok";
      return { integrity: this.#integrity, notes: found.notes };
    } catch (error) {
      this.#letGo();
      throw openError(error);
    }
  }

  /** Takes the folder for this process; `open` does it by itself where it was not done before. */
  async take(): Promise<void> {
    if (this.#lock !== undefined) return;
    const { fs, root, lock } = this.#folder;
    try {
      await fs.makeFolder(root);
      this.#lock = await fs.lock(lock, this.#options.holder);
    } catch (error) {
      throw openError(error);
    }
    if (this.#lock === undefined) throw locked();
  }

  #letGo(): void {
    this.#journal.close();
    this.#lock?.close();
    this.#lock = undefined;
  }

  append(change: Change): Promise<void> {
    return this.#enqueue(encodeRecord(change), change);
  }

  async #enqueue(json: string, change: Change | undefined): Promise<void> {
    this.#refuseUnlessOpen();
    const written = this.#queue.push(json, change);
    this.#startPump();
    await written;
  }

  #refuseUnlessOpen(): void {
    if (this.#closing !== undefined) throw refusal("closed");
    if (this.#mode !== "ok") throw refusal(this.#mode);
  }

  #startPump(): void {
    this.#pump ??= this.#run().catch((error) => this.#runFailed(error));
  }

  /** A defect. What came in since was queued, as for a pump that runs: it must not wait for ever. */
  #runFailed(error: unknown): void {
    this.#pump = undefined;
    this.#queue.rejectAll(error);
    this.#options.log("write_failed", { error: errorWord(error) });
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // What is sent in the same turn shares the first batch too.
    do {
      const batch = this.#queue.takeBatch();
      if (batch.length > 0) await this.#writeBatch(batch);
      // Between two batches everything written is applied: the one place to begin a new file.
      if (this.#compactionDue) await this.#startCompaction();
    } while (this.#queue.length > 0 && this.#mode === "ok");
    if (this.#mode !== "ok") this.#queue.rejectAll(refusal(this.#mode));
    // Not in a `finally`: nothing may come between the last look at the queue and this.
    this.#pump = undefined;
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    let bytes: number;
    try {
      bytes = await this.#journal.append(batch.map(({ json }) => json));
    } catch (error) {
      return this.#writeFailed(batch, error);
    }
    this.#snapshots.fellBehind(batch.length, bytes);
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

  /**
   * A full disk is a definite no. But after a failed fsync nobody knows what is on disk, and asking
   * again would lie (the kernel drops the pages). So nothing more is written to this file: reads go
   * on, writes are refused, and the state, which holds exactly what was acknowledged, is written
   * anew into new files.
   */
  #writeFailed(batch: readonly Waiting[], error: unknown): void {
    if (error instanceof AppError) {
      for (const { reject } of batch) reject(error);
      this.#options.log("disk_full", { records: batch.length });
      return;
    }
    this.#mode = "read_only";
    this.#epoch++;
    for (const { reject } of batch) reject(outcomeUnknown());
    this.#healing.start();
    this.#options.log("disk_failed", { error: errorWord(error) });
  }

  async #heal(): Promise<"healed" | "not_yet" | "failed"> {
    // The state may hold a part of an import that is committed: a snapshot would cut it in two.
    if (this.#import !== undefined) return "not_yet";
    try {
      await this.#compaction;
      await this.#snapshot(await this.#journal.rotate());
    } catch (error) {
      this.#options.log("heal_failed", { error: errorWord(error) });
      return "failed";
    }
    this.#mode = "ok";
    this.#options.log("disk_healed", {});
    return "healed";
  }

  get #compactionDue(): boolean {
    if (this.#import !== undefined || this.#compaction !== undefined) return false;
    // While it closes, the last snapshot is near.
    if (this.#mode !== "ok" || this.#closing !== undefined) return false;
    return this.#compactAsked || this.#snapshots.due;
  }

  /** Begins the new journal before it returns; the snapshot is written while writes go on. */
  async #startCompaction(): Promise<void> {
    this.#compactAsked = false;
    const begun = await this.#journal.rotate().catch((error) => this.#compactionFailed(error));
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
    if (this.#mode !== "ok" || this.#import || this.#closing) return;
    await this.#compaction;
    this.#compactAsked = true;
    this.#startPump();
    await this.#pump;
    await this.#compaction;
  }

  async beginImport(): Promise<StagedImport> {
    await Promise.resolve();
    this.#refuseUnlessOpen();
    if (this.#import !== undefined) {
      throw new AppError("conflict", "Cannot import: another import is running; wait for its end");
    }
    // No new journal file may begin between the steps of an import: a snapshot would cut it in two.
    const running = this.#import = Promise.withResolvers<void>();
    const epoch = this.#epoch;
    let ended = false;
    const write = async (json: string) => {
      if (epoch !== this.#epoch) throw refusal("read_only");
      if (ended) throw new Error("Cannot import: this import has ended");
      await this.#enqueue(json, undefined);
    };
    const end = () => {
      if (ended) return; // A second time would end the import after it.
      ended = true;
      this.#import = undefined;
      running.resolve();
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

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const { clock } = this.#options;
    // Where it is committed it only has to be applied; where not, its next step is refused.
    if (this.#import !== undefined) await atMost(clock, IMPORT_END_MS, this.#import.promise);
    await this.#pump;
    await this.#healing.stop();
    await this.#compaction;
    // Without the last snapshot nothing is lost: the journal has it all, also half an import.
    const worthIt = this.#mode === "ok" && !this.#import && this.#snapshots.stale;
    this.#mode = "closed";
    try {
      if (worthIt) await this.#snapshot(await this.#journal.rotate());
    } catch (error) {
      this.#compactionFailed(error);
    } finally {
      this.#letGo();
    }
  }
}
