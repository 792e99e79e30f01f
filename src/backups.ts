/**
 * Backups that nobody has to think of: an export beside the data, made once an interval and before
 * an import that replaces memories, read back before it counts. Only the newest are kept.
 *
 * A backup is in nobody's way: it takes only room that is free, a write that needs its room gets
 * it, and what goes wrong with it is logged, shown in `/health`, and tried again.
 *
 * The last one, too, goes for a single write: all memories are there and whole, and a brain that
 * takes no more for the sake of a copy of itself is of less use. It is logged, and a new one is
 * soon tried. But it never goes for what could make it needed: an import that replaces memories.
 */
import { checkBackup } from "./backup_check.ts";
import { type Digest, digested, digestOf } from "./backup_digest.ts";
import { backupName, parseBackupName } from "./backup_name.ts";
import type { Clock, Timer } from "./clock.ts";
import { AppError } from "./errors.ts";
import type { ExportFolder } from "./export_folder.ts";
import type { Exports, HeldExport } from "./exports.ts";
import { KeptBackups } from "./kept_backups.ts";
import type { Quota } from "./quota.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

export interface BackupPlan {
  readonly intervalMs: number;
  /** How many are kept. */
  readonly keep: number;
}

export interface BackupsOptions {
  /** Left out: no backups. */
  readonly plan: BackupPlan | undefined;
  readonly state: State;
  readonly store: Store;
  readonly exports: Exports;
  readonly folder: ExportFolder;
  readonly quota: Quota;
  readonly clock: Clock;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

/** What a backup will be, worked out before a byte of it is written. */
interface Measured {
  readonly held: HeldExport;
  readonly name: string;
  readonly digest: Digest;
}

/** Timers do not count far ahead, clocks are set, disks fill: so it looks again and again. */
const LOOK_MS = 600_000;
const AGAIN_FIRST_MS = 300_000, AGAIN_MOST_MS = 6 * 3_600_000;

export class Backups {
  readonly #options: BackupsOptions;
  /** When the next one is due; known once the folder was looked at. */
  #dueAt = Infinity;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Ends the backup that runs, half-written. */
  #abort = new AbortController();
  #stopped = false;
  #failures = 0;
  readonly #kept: KeptBackups;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#kept = new KeptBackups(options);
  }

  get status(): "ok" | "failed" | "off" {
    if (this.#options.plan === undefined) return "off";
    return this.#failures > 0 ? "failed" : "ok";
  }

  stats() {
    const newest = this.#kept.newest;
    return {
      last_at: newest?.at ?? null,
      last_file: newest === undefined ? null : `exports/${newest.name}`,
      kept: this.#kept.count,
    };
  }

  /** Makes them by the clock from now on; to be called once the memories are there. */
  start(): void {
    if (this.#options.plan !== undefined && !this.#stopped) this.#look();
  }

  /** Begins no other, and ends the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#giveWay();
  }

  /**
   * A backup before memories are replaced; none where the newest holds them all. Never throws: the
   * change itself is one unit, and whoever asked for it must not be refused it for want of room.
   */
  async beforeChange(): Promise<void> {
    if (this.#options.plan !== undefined && !this.#stopped) await this.#runOnce();
  }

  /**
   * Lets go of backups while there is an excess of bytes, in the end of the last one too, unless
   * that is to stay; what was removed by hand is seen, too. Returns why those stay that would have
   * been enough.
   */
  async makeRoom(excess: () => number, keepsNewest: boolean): Promise<string | undefined> {
    await this.#giveWay();
    await this.#kept.look();
    const { plan, clock } = this.#options;
    if (plan === undefined || this.#kept.bytes < excess()) return undefined;
    const keep = keepsNewest ? 1 : 0;
    if (await this.#kept.makeRoom(excess, keep, "a write needed its room")) {
      if (this.#kept.count === 0) this.#dueAt = clock.now() + AGAIN_FIRST_MS;
      return undefined;
    }
    return this.#kept.mayGo
      ? "the newest backup stays"
      : "backups stay until damage is acknowledged and the disk is well";
  }

  async #giveWay(): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    await this.#running;
  }

  #look(): void {
    this.#timer?.cancel();
    void this.#runIfDue().finally(() => this.#lookAgain());
  }

  #lookAgain(): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#dueAt - clock.now());
    // One that is due, and was not made, waits for there being memories.
    const ms = waitMs === 0 ? LOOK_MS : Math.min(waitMs, LOOK_MS);
    this.#timer = clock.after(ms, () => this.#look());
  }

  async #runIfDue(): Promise<void> {
    const { clock, state, plan } = this.#options;
    // One that is further off is from a clock that was ahead, and is set right since.
    const mostMs = Math.max(plan?.intervalMs ?? 0, AGAIN_MOST_MS);
    try {
      if (this.#dueAt - clock.now() > mostMs) this.#dueAt = await this.#firstDue();
      await this.#kept.thinOut();
    } catch (error) {
      return this.#failed(error);
    }
    if (this.#stopped || clock.now() < this.#dueAt || state.size === 0) return;
    await this.#runOnce();
  }

  /** An interval after the newest; at once where there is none, or one from a wrong clock. */
  async #firstDue(): Promise<number> {
    await this.#kept.look();
    const now = this.#options.clock.now(), intervalMs = this.#options.plan?.intervalMs ?? 0;
    const newest = Date.parse(this.#kept.newest?.at ?? "");
    return newest > now || Number.isNaN(newest) ? now : newest + intervalMs;
  }

  async #runOnce(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#stopped) return;
    this.#running = this.#run();
    await this.#running;
    this.#running = undefined;
  }

  /** Says itself what went wrong. */
  async #run(): Promise<void> {
    const { clock, log, plan } = this.#options;
    const { signal } = this.#abort;
    const began = clock.now();
    try {
      await this.#kept.look();
      const measured = await this.#measure(signal);
      const isKnown = measured.digest.content === await this.#newestContent(signal);
      if (!isKnown) await this.#write(measured, signal);
      this.#failures = 0;
      this.#dueAt = began + (plan?.intervalMs ?? 0);
    } catch (error) {
      if (!signal.aborted) return this.#failed(error);
      log("backup_given_up", { reason: this.#stopped ? "stopping" : "a write needed its room" });
      this.#dueAt = clock.now() + AGAIN_FIRST_MS;
    }
  }

  #failed(error: unknown): void {
    const { clock, log, plan } = this.#options;
    const waitMs = Math.min(AGAIN_FIRST_MS * 2 ** this.#failures++, AGAIN_MOST_MS);
    this.#dueAt = clock.now() + Math.min(waitMs, plan?.intervalMs ?? waitMs);
    log("backup_failed", { error: wordOf(error), again_s: Math.round(waitMs / 1000) });
  }

  async #measure(signal: AbortSignal): Promise<Measured> {
    const held = this.#options.exports.hold({ format: "json", includeEmbeddings: "own" });
    const digest = await digestOf(held.pieces(), signal);
    return { held, name: backupName(held.at, digest.sha256), digest };
  }

  /** Read anew each time: one that was damaged since is no reason to do without another. */
  async #newestContent(signal: AbortSignal): Promise<string | undefined> {
    const { folder, log } = this.#options;
    const newest = this.#kept.newest;
    if (newest === undefined) return undefined;
    try {
      const { content, sha256 } = await digestOf(folder.read(newest.name), signal);
      return parseBackupName(newest.name)?.sum === sha256.slice(0, 8) ? content : undefined;
    } catch (error) {
      signal.throwIfAborted();
      log("backup_unreadable", { file: newest.name, error: wordOf(error) });
      return undefined;
    }
  }

  async #write({ held, name, digest }: Measured, signal: AbortSignal): Promise<void> {
    const { folder, log, plan } = this.#options;
    const { bytes, sha256 } = digest;
    const giveBack = await this.#takeRoom(bytes);
    try {
      await folder.write(
        name,
        digested(held.pieces(), signal, () => {}),
        (read) => checkBackup(read, held.total, digest, signal),
      );
    } finally {
      giveBack();
    }
    await this.#kept.lookAfterWriting(name);
    log("backup_written", { file: name, memories: held.total, bytes, sha256 });
    await this.#kept.keepOnly(plan?.keep ?? 1);
  }

  /** Older ones make room; the newest stays until there is a newer one. Throws where that is not enough. */
  async #takeRoom(bytes: number): Promise<() => void> {
    const { folder, quota } = this.#options;
    const excess = async () => {
      const free = await folder.freeBytes() ?? Infinity;
      return Math.max(bytes - free, quota.excess(bytes));
    };
    const isRoom = await this.#kept.makeRoom(excess, 1, "a newer one needed its room");
    const giveBack = isRoom ? quota.reserveIdle(bytes) : undefined;
    if (giveBack !== undefined) return giveBack;
    throw new AppError("insufficient_storage", "Cannot write a backup: there is no room for it");
  }
}

/** Its kind only: a message could hold a path. */
function wordOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
