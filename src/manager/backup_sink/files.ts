/** The few file operations that a sink in a folder is built from, so that tests can fail each. */
import { type FileHandle, lstat, mkdir, open, opendir, rename, rm, rmdir } from "node:fs/promises";

export interface SinkFile {
  /** Writes some of the bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Reads into the buffer; 0 at the end. */
  read(buffer: Uint8Array): Promise<number>;
  /** Forces data and size to the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What has a name, itself and not what it leads to; `other` is a link, a pipe or a device. */
export interface FileInfo {
  readonly kind: "file" | "folder" | "other";
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface SinkFiles {
  /** Creates a file that must not exist (0600). */
  create(path: string): Promise<SinkFile>;
  /** Opens a regular file for reading; undefined where nothing or something else is there. */
  open(path: string): Promise<SinkFile | undefined>;
  /** Undefined where there is nothing. */
  info(path: string): Promise<FileInfo | undefined>;
  /** Names in a folder, as they come; none for a missing folder. */
  names(path: string): AsyncIterable<string>;
  /** Creates one folder (0700); one that is there is fine. */
  makeFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A missing one is fine. */
  remove(path: string): Promise<void>;
  /** Removes a folder that is empty; says whether it did. */
  removeFolder(path: string): Promise<boolean>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

/** The system's word for what went wrong, such as "ENOENT"; empty where there is none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : "";
}

async function unless<T>(codes: readonly string[], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!codes.includes(codeOf(error))) throw error;
    return undefined;
  }
}

class OpenedFile implements SinkFile {
  readonly #file: FileHandle;
  constructor(file: FileHandle) {
    this.#file = file;
  }
  async write(bytes: Uint8Array): Promise<number> {
    return (await this.#file.write(bytes)).bytesWritten;
  }
  async read(buffer: Uint8Array): Promise<number> {
    return (await this.#file.read(buffer, 0, buffer.length)).bytesRead;
  }
  sync(): Promise<void> {
    return this.#file.sync();
  }
  close(): Promise<void> {
    return this.#file.close();
  }
}

export const realSinkFiles: SinkFiles = {
  create: async (path) => new OpenedFile(await open(path, "wx", 0o600)),
  async open(path) {
    const named = await unless(["ENOENT", "ENOTDIR"], lstat(path));
    if (!named?.isFile()) return undefined;
    const file = await unless(["ENOENT", "ENOTDIR"], open(path, "r"));
    const opened = await file?.stat();
    // What was opened is what was looked at: no link was put in between.
    if (file !== undefined && opened?.dev === named.dev && opened.ino === named.ino) {
      return new OpenedFile(file);
    }
    await file?.close();
    return undefined;
  },
  async info(path) {
    const found = await unless(["ENOENT", "ENOTDIR"], lstat(path));
    if (found === undefined) return undefined;
    const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : "other";
    return { kind, bytes: found.size, modifiedAt: found.mtimeMs };
  },
  async *names(path) {
    const folder = await unless(["ENOENT"], opendir(path));
    if (folder === undefined) return;
    for await (const { name } of folder) yield name;
  },
  async makeFolder(path) {
    await unless(["EEXIST"], mkdir(path, { mode: 0o700 }));
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async removeFolder(path) {
    const left = ["ENOENT", "ENOTEMPTY", "EEXIST", "EBUSY"];
    return await unless(left, rmdir(path).then(() => true)) ?? false;
  },
  async syncFolder(path) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};
