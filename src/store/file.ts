/**
 * The store on disk: one writer, a journal, and now and then a snapshot. Here is when it takes
 * writes and when not, and what it does about that: heals what failed, compacts what grew, and
 * stops where the folder is not its own any more.
 */
import type { Stretch } from "../history.ts";
import type { Change } from "../memory.ts";
import type {
  DurableState,
  HistoryFollower,
  Recovery,
  StagedImport,
  Store,
  StoreStatus,
} from "../store.ts";
import { ActiveJournal } from "./active_journal.ts";
import { encodeRecord } from "./codec.ts";
import { removeLeftovers, Snapshots } from "./compaction.ts";
import { earlierSteps } from "./earlier.ts";
import type { FileStoreOptions } from "./file_options.ts";
import type { DataFolder } from "./folder.ts";
import { Followed } from "./followed.ts";
import {
  diskCondition,
  errorWord,
  isNoSpace,
  LOOK_MS,
  openError,
  type Refusal,
  refusal,
} from "./disk_errors.ts";
import { Every } from "./every.ts";
import { GroupCommit } from "./group_commit.ts";
import { Healing } from "./healing.ts";
import { Holding } from "./holding.ts";
import { ImportTurn } from "./import_turn.ts";
import { Integrity } from "./integrity.ts";
import { recover } from "./recovery.ts";
import type { SnapshotMark } from "./snapshot.ts";
import { Space } from "./space.ts";
import type { Durable } from "./write_queue.ts";

export class FileStore implements Store {
  readonly #options: FileStoreOptions;
  readonly #folder: DataFolder;
  readonly #followed = new Followed();
  readonly #holding: Holding;
  readonly #integrity: Integrity;
  readonly #space: Space;
  readonly #journal: ActiveJournal;
  /** `failed` is being healed; `lost` is for good. */
  #mode: "ok" | Exclude<Refusal, "damaged"> = "closed";

  readonly #commits: GroupCommit;
  readonly #imports = new ImportTurn();
  readonly #healing: Healing;
  readonly #looking: Every;
  /** Set once: what is queued is still written, nothing more is taken. */
  #closing: Promise<void> | undefined;

  readonly #snapshots: Snapshots;
  #compaction: Promise<void> | undefined;
  #compactAsked = false;

  constructor(options: FileStoreOptions) {
    const { folder, clock } = options;
    this.#options = options;
    this.#folder = folder;
    this.#holding = new Holding(folder, options.holder);
    this.#integrity = new Integrity(folder.quarantine, options.onCorruption);
    this.#space = new Space(folder, options);
    this.#journal = new ActiveJournal(folder, clock, options.version);
    this.#snapshots = new Snapshots(folder, clock);
    this.#healing = new Healing(clock, () => this.#heal());
    this.#looking = new Every(clock, LOOK_MS, () => this.#look());
    this.#commits = new GroupCommit({
      clock,
      journal: this.#journal,
      space: this.#space,
      apply: (change, at) => this.#followed.apply(change, at),
      written: (records, bytes) => this.#snapshots.fellBehind(records, bytes),
      failed: (error) => this.#writeFailed(error),
      halted: () => this.#mode === "ok" ? undefined : refusal(this.#mode),
      between: () => this.#compactionDue ? this.#startCompaction() : Promise.resolve(),
      log: options.log,
    });
  }

  async open(state: DurableState, follower?: HistoryFollower): Promise<Recovery> {
    const { fs, journal, memories } = this.#folder;
    await this.take();
    try {
      await this.#space.begin();
      const found = await recover(this.#folder, state);
      await this.#integrity.judge(found.notes);
      await removeLeftovers(this.#folder);
      await fs.makeFolder(journal);
      this.#snapshots.begin(found, await fs.size(memories) ?? 0);
      this.#followed.begin(await this.#journal.begin(found), state, follower);
      for (const path of found.unused) await fs.remove(path);
      await this.#space.look();
      this.#mode = "ok";
      this.#looking.start();
      return { integrity: this.#integrity.status, notes: found.notes };
    } catch (error) {
      if (isNoSpace(error)) await this.#space.ranOut(); // So that the next start has room.
      this.#letGo();
      throw openError(error);
    }
  }

  async earlier(most: number): Promise<Stretch | undefined> {
    const { began } = this.#journal;
    return began && await earlierSteps(this.#folder, began, most);
  }

  /** Takes the folder for this process; `open` does it by itself where it was not done before. */
  take(): Promise<void> {
    return this.#holding.take();
  }

  #letGo(): void {
    this.#journal.close();
    this.#holding.letGo();
  }

  append(change: Change): Promise<void> {
    return this.#enqueue(encodeRecord(change), change);
  }

  async #enqueue(json: string, change?: Change, durable?: Durable): Promise<void> {
    this.#refuseUnlessOpen();
    await this.#commits.push(json, change, durable);
  }

  #refuseUnlessOpen(): void {
    const why = this.#refusal;
    if (why !== undefined) throw refusal(why);
  }

  requireGrowth(): void {
    this.#refuseUnlessOpen();
    this.#space.requireRoom();
  }

  get #refusal(): Refusal | undefined {
    if (this.#closing !== undefined) return "closed";
    if (this.#mode !== "ok") return this.#mode;
    return this.#integrity.forbidsWrites ? "damaged" : undefined;
  }

  get #isWritable(): boolean {
    return this.#mode === "ok" && !this.#integrity.forbidsWrites;
  }

  /**
   * After a failed fsync nobody knows what is on disk, and asking again would lie (the kernel drops
   * the pages). So nothing more is written to this file: reads go on, writes are refused, and the
   * state, which holds exactly what was acknowledged, is written anew into new files.
   */
  #writeFailed(error: unknown): void {
    this.#mode = "failed";
    this.#imports.void();
    this.#healing.start();
    this.#options.log("disk_failed", { error: errorWord(error) });
  }

  async #heal(): Promise<"ended" | "not_yet" | "failed"> {
    // The state may hold a part of an import that is committed: a snapshot would cut it in two.
    if (this.#imports.end !== undefined) return "not_yet";
    try {
      await this.#compaction;
      await this.#snapshot(await this.#beginFile());
    } catch (error) {
      if (this.#mode === "lost") return "ended";
      if (isNoSpace(error)) await this.#space.ranOut();
      this.#options.log("heal_failed", { error: errorWord(error) });
      return "failed";
    }
    if (this.#mode !== "failed") return "ended";
    this.#mode = "ok";
    this.#options.log("disk_healed", {});
    return "ended";
  }

  /** Is there room, and is the folder still ours? */
  async #look(): Promise<void> {
    try {
      await this.requireFolder();
      await this.#space.look();
    } catch (error) {
      if (this.#mode === "ok") this.#options.log("look_failed", { error: errorWord(error) });
      return;
    }
    // What was deleted gives back its room only with a fresh snapshot.
    if (this.#space.state === "ok" || !this.#snapshots.reclaims) return;
    this.#compactAsked = true;
    this.#commits.start();
  }

  /** Throws where it is not: what is written by name would land in another's. Or has no room. */
  async requireFolder(grows = false): Promise<void> {
    if (grows) this.#space.requireRoom();
    if (this.#mode !== "lost" && await this.#holding.stands()) return;
    if (this.#mode !== "lost") {
      this.#mode = "lost";
      this.#options.log("folder_lost", {});
    }
    throw refusal("lost");
  }

  get #compactionDue(): boolean {
    if (this.#imports.end !== undefined || this.#compaction !== undefined) return false;
    if (this.#refusal !== undefined) return false; // While it closes, the last snapshot is near.
    return this.#compactAsked || this.#snapshots.due;
  }

  /** Begins the new journal before it returns; the snapshot is written while writes go on. */
  async #startCompaction(): Promise<void> {
    this.#compactAsked = false;
    const begun = await this.#beginFile().catch((error) => this.#compactionFailed(error));
    if (begun === undefined) return;
    this.#compaction = this.#snapshot(begun)
      .catch((error) => this.#compactionFailed(error))
      .finally(() => this.#compaction = undefined);
  }

  #compactionFailed(error: unknown): undefined {
    this.#snapshots.failed();
    this.#options.log("compaction_failed", { error: errorWord(error) });
  }

  async #beginFile(): Promise<SnapshotMark> {
    await this.requireFolder();
    return await this.#journal.rotate(this.#followed.told);
  }

  async #snapshot(mark: SnapshotMark): Promise<void> {
    const { state } = this.#followed;
    if (state !== undefined) await this.#snapshots.replace(state, mark);
  }

  async compact(): Promise<void> {
    if (this.#refusal !== undefined || this.#imports.end !== undefined) return;
    await this.#compaction;
    this.#compactAsked = true;
    this.#commits.start();
    await this.#commits.idle;
    await this.#compaction;
  }

  async beginImport(): Promise<StagedImport> {
    await Promise.resolve();
    this.#refuseUnlessOpen();
    const { newId } = this.#options;
    const write = (json: string, durable?: Durable) => this.#enqueue(json, undefined, durable);
    return this.#imports.begin(newId(), write, () => this.#commits.start(), this.#followed);
  }

  async acknowledgeDamage(): Promise<void> {
    if (this.#mode !== "ok") throw refusal(this.#mode);
    await this.#integrity.acknowledge();
    this.#options.log("damage_acknowledged", {});
  }

  status(): StoreStatus {
    return {
      mode: this.#isWritable ? "ok" : "read_only",
      disk: diskCondition(this.#mode, this.#space.state, this.#commits.isSlow),
      isStuck: this.#healing.isStuck,
      integrity: this.#integrity.status,
      damage: this.#integrity.damage,
      memoriesBytes: this.#snapshots.bytes,
      journalBytes: this.#snapshots.behindBytes,
      queued: this.#commits.waiting,
    };
  }

  close(): Promise<void> {
    return this.#closing ??= this.#shutDown();
  }

  async #shutDown(): Promise<void> {
    await this.#imports.endSoon(this.#options.clock);
    await this.#looking.stop();
    await this.#commits.idle;
    await this.#healing.stop();
    await this.#compaction;
    // Without the last snapshot nothing is lost: the journal has it all, also half an import.
    const worthIt = this.#isWritable && this.#imports.end === undefined && this.#snapshots.stale;
    this.#mode = "closed";
    try {
      if (worthIt) await this.#snapshot(await this.#beginFile());
    } catch (error) {
      this.#compactionFailed(error);
    } finally {
      this.#letGo();
    }
  }
}
