/**
 * A sink that is a folder, best on a volume of its own. What is put is written under `.incoming`
 * first, forced to the disk, and only then given its name, which is forced to the disk as well: a
 * power cut leaves the whole stream or none.
 *
 * A name never leads out of the folder: its segments are checked, and nothing on the way may be a
 * link. The folder itself must be there: one that is missing is a volume that was not mounted.
 */
import { join } from "node:path";
import type { Clock } from "../../clock.ts";
import { type BackupSink, type SinkEntry, SinkError } from "../backup_sink.ts";
import { codeOf, type FileInfo, type SinkFile, type SinkFiles } from "./files.ts";

const SEGMENT = /^[a-z0-9_-][a-z0-9._-]{0,127}$/;
const MOST_SEGMENTS = 8;
const MOST_ENTRIES = 100_000;
const PIECE_BYTES = 64 * 1024;
const INCOMING = ".incoming";
/** Nobody writes one stream for so long. */
const ABANDONED_MS = 24 * 60 * 60_000;
const SWEEP_MS = 60 * 60_000;
const MOST_TRIES = 5;

export interface FolderSinkOptions {
  /** Absolute. */
  readonly path: string;
  readonly files: SinkFiles;
  readonly clock: Clock;
  readonly newId: () => string;
}

export class FolderSink implements BackupSink {
  readonly #options: FolderSinkOptions;
  #sweptAt = -Infinity;

  constructor(options: FolderSinkOptions) {
    this.#options = options;
  }

  put(
    name: string,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SinkEntry> {
    return guarded("write", async () => {
      const segments = segmentsOf(name);
      const { files, path, newId } = this.#options;
      await this.#sweep(signal);
      const incoming = join(path, INCOMING);
      await files.makeFolder(incoming);
      if (!await this.#isPlain([INCOMING])) throw notPlain();
      const draft = join(incoming, newId());
      try {
        const bytes = await this.#write(draft, pieces, signal);
        await this.#name(draft, segments);
        const writtenAt = (await files.info(join(path, ...segments)))?.modifiedAt;
        return { name, bytes, writtenAt: writtenAt ?? this.#options.clock.now() };
      } catch (error) {
        await this.#letGo(draft);
        throw error;
      }
    });
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted();
    const file = await guarded("read", () => this.#open(segmentsOf(name)));
    try {
      while (true) {
        signal.throwIfAborted();
        const buffer = new Uint8Array(PIECE_BYTES);
        const read = await guarded("read", () => file.read(buffer));
        if (read === 0) return;
        yield buffer.subarray(0, read);
      }
    } finally {
      await file.close();
    }
  }

  list(prefix: string, signal: AbortSignal): Promise<readonly SinkEntry[]> {
    return guarded("list", async () => {
      const above = prefix.split("/").slice(0, -1);
      const found: SinkEntry[] = [];
      if (above.length > 0) segmentsOf(above.join("/"));
      await this.#requireFolder();
      if (await this.#isPlain(above)) {
        await this.#collect(above, prefix, found, signal);
      }
      return found.sort((a, b) => a.name < b.name ? -1 : 1);
    });
  }

  delete(name: string, signal: AbortSignal): Promise<void> {
    return guarded("delete", async () => {
      signal.throwIfAborted();
      const segments = segmentsOf(name);
      const { files, path } = this.#options;
      await this.#requireFolder();
      if (!await this.#isPlain(segments.slice(0, -1))) return;
      await files.remove(join(path, ...segments));
      await files.syncFolder(join(path, ...segments.slice(0, -1)));
      // Users come and go: their empty folders need not stay.
      for (let depth = segments.length - 1; depth > 0; depth--) {
        if (!await files.removeFolder(join(path, ...segments.slice(0, depth)))) return;
      }
    });
  }

  async #write(
    draft: string,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    const file = await this.#options.files.create(draft);
    try {
      let bytes = 0;
      for await (const piece of ourOwn(pieces)) {
        signal.throwIfAborted();
        await writeAll(file, piece);
        bytes += piece.length;
      }
      signal.throwIfAborted();
      await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  }

  async #name(draft: string, segments: readonly string[]): Promise<void> {
    const { files, path } = this.#options;
    const target = join(path, ...segments);
    for (let tries = 1;; tries++) {
      try {
        await this.#makeFolders(segments.slice(0, -1));
        const info = await files.info(target);
        if (info !== undefined && info.kind !== "file") throw notPlain();
        await files.rename(draft, target);
        break;
      } catch (error) {
        // Somebody has just removed a folder, since it was empty.
        if (codeOf(error) !== "ENOENT" || tries === MOST_TRIES) throw error;
      }
    }
    await files.syncFolder(join(target, ".."));
  }

  async #makeFolders(segments: readonly string[]): Promise<void> {
    const { files, path } = this.#options;
    for (let depth = 1; depth <= segments.length; depth++) {
      const folder = join(path, ...segments.slice(0, depth));
      const info = await files.info(folder);
      if (info !== undefined && info.kind !== "folder") throw notPlain();
      if (info === undefined) await files.makeFolder(folder);
      // Also where it was there: whoever made it may have died before its name was durable.
      await files.syncFolder(join(folder, ".."));
    }
  }

  async #open(segments: readonly string[]): Promise<SinkFile> {
    const { files, path } = this.#options;
    await this.#requireFolder();
    const isPlain = await this.#isPlain(segments.slice(0, -1));
    const file = isPlain ? await files.open(join(path, ...segments)) : undefined;
    if (file !== undefined) return file;
    throw new SinkError("missing", "Cannot read the backup: there is no stream of this name");
  }

  /** True where every folder on the way is one, and no link. */
  async #isPlain(segments: readonly string[]): Promise<boolean> {
    const { files, path } = this.#options;
    for (let depth = 1; depth <= segments.length; depth++) {
      const info = await files.info(join(path, ...segments.slice(0, depth)));
      if (info?.kind !== "folder") return false;
    }
    return true;
  }

  async #requireFolder(): Promise<void> {
    const { files, path } = this.#options;
    // With a slash: the folder itself may be a link, that is the operator's choice.
    if ((await files.info(join(path, "/")))?.kind === "folder") return;
    throw new SinkError("unavailable", "Cannot reach the backups: the folder is not there");
  }

  async #collect(
    above: readonly string[],
    prefix: string,
    found: SinkEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const { files, path } = this.#options;
    for await (const segment of files.names(join(path, ...above))) {
      signal.throwIfAborted();
      const name = [...above, segment].join("/");
      // What is not named as we name is not ours, such as `lost+found`.
      if (!SEGMENT.test(segment) || !name.startsWith(prefix.slice(0, name.length))) continue;
      const info: FileInfo | undefined = await files.info(join(path, ...above, segment));
      if (info?.kind === "folder" && above.length + 1 < MOST_SEGMENTS) {
        await this.#collect([...above, segment], prefix, found, signal);
      }
      if (info?.kind !== "file" || !name.startsWith(prefix)) continue;
      if (found.length >= MOST_ENTRIES) {
        throw new SinkError("unavailable", `Cannot list: there are more than ${MOST_ENTRIES}`);
      }
      found.push({ name, bytes: info.bytes, writtenAt: info.modifiedAt });
    }
  }

  /** Removes what those left who died while they wrote. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const { files, path, clock } = this.#options;
    await this.#requireFolder();
    const now = clock.now();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    if (!await this.#isPlain([INCOMING])) return;
    for await (const name of files.names(join(path, INCOMING))) {
      signal.throwIfAborted();
      const info = await files.info(join(path, INCOMING, name));
      if (info?.kind !== "file" || now - info.modifiedAt < ABANDONED_MS) continue;
      await files.remove(join(path, INCOMING, name));
    }
  }

  /** The failure that is being thrown says more than one of this; a sweep comes by later. */
  async #letGo(draft: string): Promise<void> {
    await this.#options.files.remove(draft).catch(() => {});
  }
}

function segmentsOf(name: string): readonly string[] {
  const segments = name.split("/");
  if (segments.length > MOST_SEGMENTS || !segments.every((segment) => SEGMENT.test(segment))) {
    throw new Error("Cannot use the sink: that is no name");
  }
  return segments;
}

async function writeAll(file: SinkFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const written = await file.write(bytes.subarray(done));
    if (written <= 0) {
      throw new SinkError("unavailable", "Cannot write a backup: the disk took no bytes");
    }
    done += written;
  }
}

/** What the caller's stream throws is the caller's, and no fault of the disk. */
class SourceError extends Error {}

async function* ourOwn(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (cause) {
    throw new SourceError("Cannot read what is to be written", { cause });
  }
}

/** Messages of the system name paths: they stay behind, as the cause. */
async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SourceError) throw error.cause;
    const code = codeOf(error);
    if (code === "") throw error;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    throw new SinkError(
      isFull ? "full" : "unavailable",
      `Cannot ${doing} a backup: ${isFull ? "the disk is full" : `the disk says ${code}`}`,
      { cause: error },
    );
  }
}

function notPlain(): SinkError {
  return new SinkError("unavailable", "Cannot write a backup: a link or a file is in the way");
}
