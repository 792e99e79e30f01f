/**
 * A file system that can be read and not changed: what is written to it is kept in memory, over
 * what lies below. So the very code that opens a brain can be tried on a folder of which not one
 * byte must change.
 */
import { basename, dirname } from "node:path";
import type { FileHandle, FileKind, FileLock, FileSystem } from "./fs.ts";

/** What a name stands for above: bytes written here, another name's file below, or nothing. */
type Above = { readonly parts: Uint8Array[] } | { readonly below: string } | "folder" | "removed";

/** Sees that nobody else holds a lock, without a change to its file; undefined where one does. */
export type HoldUnchanged = (path: string) => Promise<FileLock | undefined>;

export class ReadOnlyFileSystem implements FileSystem {
  readonly #fs: FileSystem;
  readonly #hold: HoldUnchanged;
  readonly #above = new Map<string, Above>();

  constructor(fs: FileSystem, hold: HoldUnchanged) {
    this.#fs = fs;
    this.#hold = hold;
  }

  async create(path: string): Promise<FileHandle> {
    if (await this.exists(path)) {
      throw Object.assign(new Deno.errors.AlreadyExists("it is there"), { code: "EEXIST" });
    }
    const parts: Uint8Array[] = [];
    this.#above.set(path, { parts });
    return writing(parts);
  }

  async open(path: string): Promise<FileHandle> {
    const above = this.#above.get(path);
    if (above === undefined) return reading(await this.#fs.open(path));
    if (typeof above === "string") {
      throw Object.assign(new Deno.errors.NotFound("there is no such file"), { code: "ENOENT" });
    }
    return "below" in above
      ? reading(await this.#fs.open(above.below))
      : fromMemory(new Blob(above.parts.map((part) => part.slice())));
  }

  async size(path: string): Promise<number | undefined> {
    const above = this.#above.get(path);
    if (above === undefined) return await this.#fs.size(path);
    if (typeof above === "string") return undefined;
    if ("below" in above) return await this.#fs.size(above.below);
    return above.parts.reduce((sum, part) => sum + part.length, 0);
  }

  async exists(path: string): Promise<boolean> {
    const above = this.#above.get(path);
    return above === undefined ? await this.#fs.exists(path) : above !== "removed";
  }

  async kind(path: string): Promise<FileKind | undefined> {
    const above = this.#above.get(path);
    if (above === undefined) return await this.#fs.kind(path);
    if (above === "removed") return undefined;
    return above === "folder" ? "folder" : "file";
  }

  freeBytes(path: string): Promise<number | undefined> {
    return this.#fs.freeBytes(path);
  }

  async list(path: string): Promise<string[]> {
    const names = new Set(await this.#fs.list(path));
    for (const [name, above] of this.#above) {
      if (dirname(name) !== path) continue;
      if (above === "removed") names.delete(basename(name));
      else names.add(basename(name));
    }
    return [...names].sort();
  }

  async makeFolder(path: string): Promise<void> {
    if (!await this.exists(path)) this.#above.set(path, "folder");
  }

  async rename(from: string, to: string): Promise<void> {
    await this.link(from, to, true);
    this.#above.set(from, "removed");
  }

  /** `replace`: also where the name is taken. */
  async link(from: string, to: string, replace = false): Promise<void> {
    if (!replace && await this.exists(to)) {
      throw Object.assign(new Deno.errors.AlreadyExists("it is there"), { code: "EEXIST" });
    }
    this.#above.set(to, this.#above.get(from) ?? { below: from });
  }

  remove(path: string): Promise<void> {
    this.#above.set(path, "removed");
    return Promise.resolve();
  }

  syncFolder(): Promise<void> {
    return Promise.resolve();
  }

  lock(path: string): Promise<FileLock | undefined> {
    return this.#hold(path);
  }
}

/** A file below: it is read, and nothing else happens to it. */
function reading(file: FileHandle): FileHandle {
  return {
    write: refuse,
    truncate: refuse,
    read: (buffer) => file.read(buffer),
    sync: () => Promise.resolve(),
    close: () => file.close(),
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error("Cannot write: it is open for reading"));
}

function writing(parts: Uint8Array[]): FileHandle {
  return {
    write(bytes) {
      parts.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    async truncate(size) {
      const whole = new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
      parts.splice(0, parts.length, whole.slice(0, size));
    },
    read: () => Promise.resolve(null),
    sync: () => Promise.resolve(),
    close: () => {},
  };
}

function fromMemory(blob: Blob): FileHandle {
  let position = 0;
  return {
    ...reading({
      write: refuse,
      truncate: refuse,
      async read(buffer) {
        const part = await blob.slice(position, position + buffer.length).bytes();
        buffer.set(part);
        position += part.length;
        return part.length === 0 && buffer.length > 0 ? null : part.length;
      },
      sync: () => Promise.resolve(),
      close: () => {},
    }),
  };
}

/** A shared lock is taken on a file that is only read: the holder's own keeps it out. */
export async function holdUnchanged(path: string): Promise<FileLock | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { stands: () => Promise.resolve(true), close: () => {} }; // No service was ever there.
  }
  if (await file.tryLock(false)) {
    return { stands: () => Promise.resolve(true), close: () => file.close() };
  }
  file.close();
  return undefined;
}
