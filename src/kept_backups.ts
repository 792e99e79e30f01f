/**
 * The backups that lie beside the data, and which of them may go. None may while something is
 * damaged: what is lost now may be whole in an old one, and a person must have looked first. None
 * may while the store takes no writes, either: whatever wants their room will not get to use it.
 */
import { parseBackupName } from "./backup_name.ts";
import { type Clock, timestamp } from "./clock.ts";
import type { ExportFolder } from "./export_folder.ts";
import type { Store } from "./store.ts";

export interface KeptBackup {
  readonly name: string;
  readonly bytes: number;
  readonly at: string;
}

export interface KeptBackupsOptions {
  readonly store: Store;
  readonly folder: ExportFolder;
  readonly clock: Clock;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
}

/** With less than this left on the disk, old backups are a luxury. */
const SCARCE_BYTES = 64 * 1024 * 1024;

export class KeptBackups {
  readonly #options: KeptBackupsOptions;
  #all: readonly KeptBackup[] = [];
  /** The name of the last that was written: of two of one second the names do not tell. */
  #lastWritten: string | undefined;

  constructor(options: KeptBackupsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#all.length;
  }

  get newest(): KeptBackup | undefined {
    return this.#all.at(-1);
  }

  get bytes(): number {
    return bytesOf(this.#all);
  }

  /** Oldest first; of the future are those that a wrong clock made. */
  async look(): Promise<void> {
    const { folder, clock } = this.#options;
    const found: KeptBackup[] = [];
    for (const { name, bytes } of await folder.list()) {
      const said = parseBackupName(name);
      if (said !== undefined) found.push({ name, bytes, at: said.at });
    }
    const isLast = ({ name }: KeptBackup) => name === this.#lastWritten;
    found.sort((a, b) =>
      a.at === b.at ? Number(isLast(a)) - Number(isLast(b)) : a.at < b.at ? -1 : 1
    );
    const now = timestamp(clock);
    const isFuture = ({ at }: KeptBackup) => at > now;
    this.#all = [...found.filter(isFuture), ...found.filter((file) => !isFuture(file))];
  }

  async lookAfterWriting(name: string): Promise<void> {
    this.#lastWritten = name;
    await this.look();
  }

  /** False where none may go, whatever for. */
  get mayGo(): boolean {
    const { integrity, mode } = this.#options.store.status();
    return integrity === "ok" && mode === "ok";
  }

  /** All but so many of the newest, where they may go. */
  #allBut(count: number): readonly KeptBackup[] {
    return this.mayGo ? this.#all.slice(0, Math.max(0, this.#all.length - count)) : [];
  }

  async keepOnly(count: number): Promise<void> {
    for (const file of this.#allBut(count)) await this.#remove(file);
  }

  /** Where the disk is nearly full: of the old ones, though never the newest. */
  async thinOut(): Promise<void> {
    for (const oldest of this.#allBut(1)) {
      const free = await this.#options.folder.freeBytes();
      if (free === undefined || free >= SCARCE_BYTES) return;
      await this.#remove(oldest, "the disk is nearly full");
    }
  }

  /**
   * Removes the oldest until no bytes are in excess, and keeps so many of the newest in any case.
   * None goes, and the answer is false, where all that may go would not be enough.
   */
  async makeRoom(
    excess: () => number | Promise<number>,
    keep: number,
    reason: string,
  ): Promise<boolean> {
    const files = this.#allBut(keep);
    if (await excess() > bytesOf(files)) return false;
    for (const file of files) {
      if (await excess() <= 0) return true;
      await this.#remove(file, reason);
    }
    return await excess() <= 0;
  }

  /** One that went for want of room is told. */
  async #remove(file: KeptBackup, reason?: string): Promise<void> {
    const { folder, log } = this.#options;
    await folder.remove(file.name);
    this.#all = this.#all.filter((other) => other !== file);
    if (reason === undefined) return;
    log("backup_removed", { file: file.name, reason, kept: this.#all.length });
  }
}

function bytesOf(files: readonly KeptBackup[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
