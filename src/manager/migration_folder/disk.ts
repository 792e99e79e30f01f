/** A migration's folder on the disk. Its files are known by their endings; others are let alone. */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { MigrationFolder } from "../migration_folder.ts";

const NAME = /^[a-z0-9][a-z0-9-]*\.(?:lines|json)$/;
const PIECE_BYTES = 64 * 1024;

export class DiskMigrationFolder implements MigrationFolder {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes the folder where there is none. */
  static async open(path: string): Promise<DiskMigrationFolder> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return new DiskMigrationFolder(path);
  }

  async append(
    name: string,
    bytes: Uint8Array,
    { durable } = { durable: false },
  ): Promise<void> {
    await this.#write(this.#pathOf(name), "a", bytes, durable);
    if (durable) await this.#syncFolder();
  }

  async settle(names: Iterable<string>): Promise<void> {
    for (const name of names) await sync(this.#pathOf(name));
    await this.#syncFolder();
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    await this.#write(`${path}.new`, "w", bytes, true);
    await rename(`${path}.new`, path);
    await this.#syncFolder();
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    const path = this.#pathOf(name);
    let file;
    try {
      file = await open(path, "r");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    try {
      while (true) {
        const buffer = new Uint8Array(PIECE_BYTES);
        const { bytesRead } = await file.read(buffer, 0, buffer.length);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.#pathOf(name), { force: true });
  }

  async clear(): Promise<void> {
    const ours = (await readdir(this.#path)).filter((name) =>
      NAME.test(name.replace(/\.new$/, ""))
    );
    // First what says that the rest is whole.
    for (const isSplit of [true, false]) {
      for (const name of ours) {
        if (name.endsWith(".json") === isSplit) await rm(join(this.#path, name));
      }
      await this.#syncFolder();
    }
  }

  #pathOf(name: string): string {
    if (!NAME.test(name)) throw new Error("Cannot use the migration's folder: that is no name");
    return join(this.#path, name);
  }

  async #write(path: string, flags: "a" | "w", bytes: Uint8Array, durable: boolean) {
    const file = await open(path, flags, 0o600);
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes.subarray(done));
        if (bytesWritten <= 0) throw new Error("Cannot write: the disk took no bytes");
        done += bytesWritten;
      }
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
  }

  async #syncFolder(): Promise<void> {
    await sync(this.#path);
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
