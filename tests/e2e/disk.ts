/**
 * A disk of a few megabytes under the data folder of one place: `tmpfs`, which is full at once and
 * says so to the write; or `ext4` on a loop device whose image lies on a smaller tmpfs, which says so
 * to the fsync, as a thin volume does. Mounting takes root.
 */
import assert from "node:assert/strict";
import type { Place } from "./program.ts";

const MIB = 1024 * 1024;

async function command(name: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args: [...args] }).output();
  assert.ok(success, `${name} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function works(name: string, ...args: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: [...args] }).output()).success;
  } catch {
    return false;
  }
}

async function canMount(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const folder = await Deno.makeTempDir();
  const mounted = await works("mount", "-t", "tmpfs", "none", folder);
  if (mounted) await command("umount", folder);
  await Deno.remove(folder);
  return mounted;
}

async function canLoop(): Promise<boolean> {
  return await canMount() && await works("mkfs.ext4", "-V") && await works("losetup", "--find");
}

function needs(isMet: boolean, what: string) {
  return { ignore: !isMet, suffix: isMet ? "" : ` (skipped: ${what})` };
}

/** For the names of tests and their `ignore`. */
export const withMounts = needs(await canMount(), "no root that may mount a tmpfs here");
export const withLoops = needs(
  await canLoop(),
  "no root that may mount ext4 on a loop device here",
);

/** A mounted disk; the data folder is on it. */
export class Disk implements AsyncDisposable {
  readonly #mounts: readonly string[];
  /** Where the data lies. */
  readonly folder: string;

  private constructor(mounts: readonly string[]) {
    this.#mounts = mounts;
    this.folder = mounts.at(-1) ?? "";
  }

  static async tmpfs(place: Place, mib: number): Promise<Disk> {
    const folder = place.path("disk");
    await Deno.mkdir(folder);
    await command("mount", "-t", "tmpfs", "-o", `size=${mib}m,mode=0700`, "none", folder);
    return new Disk([folder]);
  }

  /** Mounts it with other options, such as `ro`, once nobody writes to it. */
  async remountWith(options: string): Promise<void> {
    await command("mount", "-o", `remount,${options}`, this.folder);
  }

  /** Says that it has `mib`, and can hold `trueMib`. */
  static async thin(place: Place, mib: number, trueMib: number): Promise<Disk> {
    const below = place.path("below"), folder = place.path("disk");
    await Deno.mkdir(below);
    await Deno.mkdir(folder);
    await command("mount", "-t", "tmpfs", "-o", `size=${trueMib}m`, "none", below);
    const image = `${below}/image`;
    await Deno.create(image).then((file) => file.close());
    await Deno.truncate(image, mib * MIB);
    // Without a journal of its own, which would turn the whole file system read-only for good.
    await command("mkfs.ext4", "-q", "-m", "0", "-N", "256", "-O", "^has_journal", image);
    await command("mount", "-o", "loop", image, folder);
    return new Disk([below, folder]);
  }

  /** Makes the lowest part of it so large: what was thin has room now. */
  async enlarge(mib: number): Promise<void> {
    await command("mount", "-o", `remount,size=${mib}m`, this.#mounts[0] ?? "");
  }

  /** Takes it out and puts it in again: what the system remembers of it beyond the disk is gone. */
  async remount(): Promise<void> {
    await command("umount", this.folder);
    await command("mount", "-o", "loop", `${this.#mounts[0]}/image`, this.folder);
  }

  /** For the environment: the folder, no room that is kept free, and no backups. */
  get env() {
    return {
      MEMORY_PERSIST_PATH: `${this.folder}/memories.json`,
      MIN_FREE_BYTES: "0",
      // One that finds no room is told of in /health, which is not what is looked at here.
      BACKUP_INTERVAL_HOURS: "0",
    };
  }

  /** Lazily: a process that is still to be ended may stand on it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const folder of this.#mounts.toReversed()) await command("umount", "-l", folder);
  }
}

/** Somebody else's file, which takes all the room that is left but so many bytes, while it is there. */
export class Filler implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async leaving(bytes: number, folder: string): Promise<Filler> {
    const path = `${folder}/filler`;
    using file = await Deno.open(path, { write: true, create: true });
    const piece = new Uint8Array(64 * 1024).fill(120);
    try {
      while (true) await file.write(piece);
    } catch {
      // Full, as it should be.
    }
    const { size } = await file.stat();
    await file.truncate(Math.max(0, size - bytes));
    return new Filler(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#path).catch(() => {});
  }
}
