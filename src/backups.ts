/**
 * Backups that nobody has to think of: an export beside the data, made once an interval and before
 * an import that replaces memories, read back before it counts. Only the newest are kept.
 *
 * A backup is in nobody's way: it takes only room that is free, a write that needs its room gets
 * it, and what goes wrong with it is logged, shown in `/health`, and tried again.
 */
import { type Digest, digested, digestOf } from "./backup_digest.ts";
import { backupName, parseBackupName } from "./backup_name.ts";
import { type Clock, type Timer, timestamp } from "./clock.ts";
import { AppError } from "./errors.ts";
import type { ExportFolder } from "./export_folder.ts";
import { readExport } from "./export_reader.ts";
import type { Exports, HeldExport } from "./exports.ts";
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

interface BackupFile {
  readonly name: string;
  readonly bytes: number;
  readonly at: string;
}

/** What a backup will be, worked out before a byte of it is written. */
interface Measured {
  readonly held: HeldExport;
  readonly name: string;
  readonly digest: Digest;
}

/** Timers do not count far ahead, clocks are set, disks fill: so it looks again and again. */
const LOOK_MS = 600_000;
/** With less than this left on the disk, old backups are a luxury. */
const SCARCE_BYTES = 64 * 1024 * 1024;
const AGAIN_FIRST_MS = 300_000, AGAIN_MOST_MS = 6 * 3_600_000;

export class Backups {
  readonly #options: BackupsOptions;
  /** When the next one is due; known once the folder was looked at. */
  #dueAt: number | undefined;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Ends the backup that runs, half-written. */
  #abort = new AbortController();
  #stopped = false;
  #failures = 0;
  #kept: readonly BackupFile[] = [];
  /** What the newest holds; undefined where that was not read yet. */
  #content: { readonly name: string; readonly sha256: string } | undefined;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  get status(): "ok" | "failed" | "off" {
    if (this.#options.plan === undefined) return "off";
    return this.#failures > 0 ? "failed" : "ok";
  }

  stats() {
    const newest = this.#kept.at(-1);
    return {
      last_at: newest?.at ?? null,
      last_file: newest === undefined ? null : `exports/${newest.name}`,
      kept: this.#kept.length,
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
   * Lets go of backups while there is an excess of bytes: the oldest first, in the end the last one
   * too, but of none where all of them would not be enough. What was removed by hand is seen, too.
   */
  async makeRoom(excess: () => number): Promise<void> {
    await this.#giveWay();
    await this.#survey();
    const all = this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
    if (this.#options.plan === undefined || all < excess()) return;
    for (const file of this.#kept) {
      if (excess() <= 0) return;
      await this.#remove(file);
      this.#options.log("backup_removed", { file: file.name, reason: "a write needed its room" });
    }
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
    const waitMs = Math.max(0, (this.#dueAt ?? 0) - clock.now());
    // One that is due, and was not made, waits for there being memories.
    const ms = waitMs === 0 ? LOOK_MS : Math.min(waitMs, LOOK_MS);
    this.#timer = clock.after(ms, () => this.#look());
  }

  async #runIfDue(): Promise<void> {
    const { clock, state } = this.#options;
    try {
      this.#dueAt ??= await this.#firstDue();
      await this.#thinOut();
    } catch (error) {
      return this.#failed(error);
    }
    if (this.#stopped || clock.now() < this.#dueAt || state.size === 0) return;
    await this.#runOnce();
  }

  /** Where the disk is nearly full: of the old ones, though never the newest. */
  async #thinOut(): Promise<void> {
    const { folder, log } = this.#options;
    for (const oldest of this.#kept.slice(0, -1)) {
      const free = await folder.freeBytes();
      if (free === undefined || free >= SCARCE_BYTES) return;
      await this.#remove(oldest);
      log("backup_removed", { file: oldest.name, reason: "the disk is nearly full" });
    }
  }

  /** An interval after the newest; at once where there is none, or one from a wrong clock. */
  async #firstDue(): Promise<number> {
    await this.#survey();
    const now = this.#options.clock.now(), intervalMs = this.#options.plan?.intervalMs ?? 0;
    const newest = Date.parse(this.#kept.at(-1)?.at ?? "");
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
      await this.#survey();
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

  async #newestContent(signal: AbortSignal): Promise<string | undefined> {
    const newest = this.#kept.at(-1);
    if (newest === undefined) return undefined;
    if (this.#content?.name === newest.name) return this.#content.sha256;
    const { content, sha256 } = await digestOf(this.#options.folder.read(newest.name), signal);
    // One that was damaged since is no reason to do without another.
    if (parseBackupName(newest.name)?.sum !== sha256.slice(0, 8)) return undefined;
    this.#content = { name: newest.name, sha256: content };
    return content;
  }

  async #write({ held, name, digest }: Measured, signal: AbortSignal): Promise<void> {
    const { folder, log, plan, store } = this.#options;
    const { bytes, sha256, content } = digest;
    const giveBack = await this.#takeRoom(bytes);
    try {
      await folder.write(
        name,
        digested(held.pieces(), signal, () => {}),
        (read) => verify(read, held.total, digest, signal),
      );
    } finally {
      giveBack();
    }
    this.#content = { name, sha256: content };
    await this.#survey();
    log("backup_written", { file: name, memories: held.total, bytes, sha256 });
    // What is damaged now may be whole in an old one: a person must have looked first.
    if (store.status().integrity === "degraded") return;
    for (const file of this.#kept.slice(0, -(plan?.keep ?? 1))) await this.#remove(file);
  }

  /** Older ones make room; the newest stays until there is a newer one. Throws where that is not enough. */
  async #takeRoom(bytes: number): Promise<() => void> {
    const { folder, quota } = this.#options;
    for (const oldest of [...this.#kept.slice(0, -1), undefined]) {
      const free = await folder.freeBytes();
      const giveBack = free !== undefined && free < bytes ? undefined : quota.reserveIdle(bytes);
      if (giveBack !== undefined) return giveBack;
      if (oldest !== undefined) await this.#remove(oldest);
    }
    throw new AppError("insufficient_storage", "Cannot write a backup: there is no room for it");
  }

  /** Those in the folder, oldest first; of the future are those that a wrong clock made. */
  async #survey(): Promise<void> {
    const { folder, clock } = this.#options;
    const found: BackupFile[] = [];
    for (const { name, bytes } of await folder.list()) {
      const said = parseBackupName(name);
      if (said !== undefined) found.push({ name, bytes, at: said.at });
    }
    const now = timestamp(clock);
    const isFuture = ({ at }: BackupFile) => at > now;
    this.#kept = [...found.filter(isFuture), ...found.filter((file) => !isFuture(file))];
  }

  async #remove(file: BackupFile): Promise<void> {
    await this.#options.folder.remove(file.name);
    this.#kept = this.#kept.filter((other) => other !== file);
  }
}

/** The bytes are those that were meant, and every memory is one that comes back. */
async function verify(
  read: AsyncIterable<Uint8Array>,
  total: number,
  { sha256 }: Digest,
  signal: AbortSignal,
): Promise<void> {
  let found: Digest | undefined;
  const pieces = digested(read, signal, (digest) => found = digest);
  const newId = () => {
    throw new Error("Cannot keep a backup: a record in it has no id");
  };
  const count = await readExport(pieces, false, { newId, now: "" }, () => {});
  if (count === total && found?.sha256 === sha256) return;
  throw new Error("Cannot keep a backup: it reads back differently");
}

/** Its kind only: a message could hold a path. */
function wordOf(error: unknown): string {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
