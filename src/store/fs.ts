/**
 * The few file operations that the engine is built from, so that tests can fail, cut and reorder
 * each of them, and the real ones on Deno. Paths are absolute.
 */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

export interface FileHandle {
  /** Writes some of the bytes and says how many: a short write is no error. */
  write(bytes: Uint8Array): Promise<number>;
  /** Reads into the buffer from the current position; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Forces data and size to the disk. */
  sync(): Promise<void>;
  /** Cuts the file; later writes go to its new end. */
  truncate(size: number): Promise<void>;
  close(): void;
}

/** A lock that is held. */
export interface FileLock {
  /** False where the name is gone, or is another file's by now: then this lock guards nothing. */
  stands(): Promise<boolean>;
  close(): void;
}

/** What a name stands for; `other` is a link, a pipe or a device. */
export type FileKind = "file" | "folder" | "other";

export interface FileSystem {
  /** Creates a file that must not exist (0600), for appending. */
  create(path: string): Promise<FileHandle>;
  /** Opens a regular file for reading; a link, pipe or folder is refused. */
  open(path: string): Promise<FileHandle>;
  /** Size in bytes of a regular file; undefined where nothing or something else is there. */
  size(path: string): Promise<number | undefined>;
  /** True where anything at all has that name. */
  exists(path: string): Promise<boolean>;
  /** What has that name, itself and not what it leads to; undefined where nothing has. */
  kind(path: string): Promise<FileKind | undefined>;
  /** Bytes that we may still write where the path lies; undefined where the system does not tell. */
  freeBytes(path: string): Promise<number | undefined>;
  /** Names in a folder, sorted; none for a missing folder. */
  list(path: string): Promise<string[]>;
  /**
   * Creates the folder (0700) and what leads to it, durably: also where it is there already, since
   * whoever made it may have been killed before that was certain.
   */
  makeFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file (hard link). */
  link(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is no error. */
  remove(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Holds the file's lock until `close`; undefined where another process holds it. */
  lock(path: string, note: string): Promise<FileLock | undefined>;
}

/** Writes all of the bytes, however short the writes come back. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await file.write(bytes.subarray(done));
    if (written <= 0) throw new Error("Cannot write: the disk took no bytes");
    done += written;
  }
}

/** Most files are small; a large one is read in larger and larger pieces. */
const FIRST_PIECE_BYTES = 1 << 13;

/** Larger pieces are no faster to read, and stay in memory for longer. */
const PIECE_BYTES = 64 * 1024;

/** The file's bytes in pieces of up to `size`; `limit` stops early. Each piece is the caller's. */
export async function* readPieces(
  fs: FileSystem,
  path: string,
  limit = Infinity,
  size = PIECE_BYTES,
): AsyncGenerator<Uint8Array> {
  const file = await fs.open(path);
  let next = Math.min(size, FIRST_PIECE_BYTES);
  try {
    for (let left = limit; left > 0; next = Math.min(4 * next, size)) {
      const buffer = new Uint8Array(Math.min(next, left));
      const read = await file.read(buffer);
      if (read === null) return;
      left -= read;
      yield buffer.subarray(0, read);
    }
  } finally {
    file.close();
  }
}

/** Also where the name is a link to a folder: where the data lies is the operator's choice. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function statOrUndefined(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What says that a thing is not ours to do, or not known there: not that the disk failed. */
const NOT_ALLOWED = ["EACCES", "EPERM", "EROFS", "EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

function isNotAllowed(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return error instanceof Deno.errors.NotCapable || NOT_ALLOWED.includes(code);
}

/** A parent that we may not sync is none that we created a folder in. */
async function syncIfAllowed(folder: string): Promise<void> {
  try {
    await realFileSystem.syncFolder(folder);
  } catch (error) {
    if (!isNotAllowed(error)) throw error;
  }
}

class RealHandle implements FileHandle {
  readonly #file: Deno.FsFile;
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }
  write(bytes: Uint8Array): Promise<number> {
    return this.#file.write(bytes);
  }
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#file.read(buffer);
  }
  sync(): Promise<void> {
    return this.#file.syncData();
  }
  truncate(size: number): Promise<void> {
    return this.#file.truncate(size);
  }
  close(): void {
    this.#file.close();
  }
}

class RealLock implements FileLock {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  constructor(file: Deno.FsFile, path: string) {
    this.#file = file;
    this.#path = path;
  }
  async stands(): Promise<boolean> {
    // While we hold the file open, its number is not given to another.
    const held = await this.#file.stat(), named = await statOrUndefined(this.#path);
    return named !== undefined && named.dev === held.dev && named.ino === held.ino;
  }
  close(): void {
    this.#file.close();
  }
}

export const realFileSystem: FileSystem = {
  async create(path) {
    return new RealHandle(
      await Deno.open(path, { append: true, createNew: true, mode: 0o600 }),
    );
  },
  async open(path) {
    const info = await Deno.lstat(path);
    if (!info.isFile) throw new Error("Cannot read: it is not a regular file");
    return new RealHandle(await Deno.open(path, { read: true }));
  },
  async size(path) {
    const info = await statOrUndefined(path);
    return info?.isFile === true ? info.size : undefined;
  },
  async exists(path) {
    return await statOrUndefined(path) !== undefined;
  },
  async kind(path) {
    const info = await statOrUndefined(path);
    if (info === undefined) return undefined;
    return info.isFile ? "file" : info.isDirectory ? "folder" : "other";
  },
  async freeBytes(path) {
    try {
      const { blocks, bavail, bsize } = await statfs(path);
      return blocks > 0 ? bavail * bsize : undefined; // Some file systems count nothing.
    } catch (error) {
      if (!isNotAllowed(error)) throw error;
      return undefined;
    }
  },
  async list(path) {
    const names: string[] = [];
    try {
      for await (const entry of Deno.readDir(path)) names.push(entry.name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return names.sort();
  },
  async makeFolder(path) {
    const parent = dirname(path);
    if (await isFolder(path)) return await syncIfAllowed(parent);
    if (parent !== path) await this.makeFolder(parent);
    await Deno.mkdir(path, { mode: 0o700 });
    await this.syncFolder(parent);
  },
  rename: (from, to) => Deno.rename(from, to),
  link: (from, to) => Deno.link(from, to),
  async remove(path) {
    try {
      await Deno.remove(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  },
  async syncFolder(path) {
    using folder = await Deno.open(path, { read: true });
    await folder.sync();
  },
  async lock(path, note) {
    const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
    if (!await file.tryLock(true)) {
      file.close();
      return undefined;
    }
    // For humans who wonder who holds it; the lock itself is the kernel's and ends with us.
    await file.truncate(0);
    await file.write(new TextEncoder().encode(note + "\n"));
    return new RealLock(file, path);
  },
};
