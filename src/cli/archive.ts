/** The files of a zip archive, one after the other, without unpacking it anywhere. */
import { configure, type Entry, Reader, ZipReader } from "@zip.js/zip.js/lib/zip-core-native.js";
import { basename, extname } from "node:path";
import { CommandError } from "./terminal.ts";

interface ArchivedFile {
  readonly name: string;
  /** False for a link, which has a file's place. */
  readonly isFile: boolean;
  /** Null where nobody set it. */
  readonly modifiedAt: Date | null;
  readonly pieces: () => AsyncIterable<Uint8Array>;
}

/** Of the mode that systems like ours note for each entry. */
const KIND = 0o170000, LINK = 0o120000;

const FOLDER = /[/\\]$/;
/** The first that the form has a word for, in local time: a time that nobody set. */
const FIRST_DAY = new Date(1980, 0, 1);

// A worker would be a program of its own, which ours may not start.
configure({ useWebWorkers: false });

/**
 * Those whose names are wanted. Where all of them lie in a folder that is called as the archive is,
 * it is that folder. Throws `CommandError` where it is no archive that can be read.
 */
export async function* openArchive(
  path: string,
  file: Deno.FsFile,
  isWanted: (name: string) => boolean,
): AsyncGenerator<ArchivedFile> {
  const archive = new ZipReader(new OpenedFile(file));
  try {
    const entries = (await listed(path, archive)).filter(({ directory, filename }) =>
      !directory && !FOLDER.test(filename) && isWanted(nameOf(filename))
    );
    const folder = `${basename(path, extname(path))}/`;
    const isFolder = entries.every(({ filename }) => nameOf(filename).startsWith(folder));
    for (const entry of entries) {
      const isFile = ((entry.unixMode ?? 0) & KIND) !== LINK;
      const name = nameOf(entry.filename).slice(isFolder ? folder.length : 0);
      const modifiedAt = entry.lastModDate > FIRST_DAY ? entry.lastModDate : null;
      yield { name, isFile, modifiedAt, pieces: () => piecesOf(path, entry) };
    }
  } finally {
    await archive.close();
  }
}

/** Some archivers write `./` before every name, some have backslashes for slashes. */
function nameOf(filename: string): string {
  return filename.split(/[/\\]+/).filter((part) => part !== ".").join("/");
}

async function listed(path: string, archive: ZipReader<Deno.FsFile>): Promise<Entry[]> {
  try {
    return await archive.getEntries();
  } catch (error) {
    throw unreadable(path, `it is no zip archive that can be read${said(error)}`);
  }
}

async function* piecesOf(path: string, entry: Entry): AsyncGenerator<Uint8Array> {
  if (entry.directory) return;
  const name = JSON.stringify(entry.filename);
  if (entry.encrypted) throw unreadable(path, `${name} in it has a password`);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const written = entry.getData(writable, { checkSignature: true });
  // What it says of a damaged entry comes with the end of the pieces, too.
  written.catch(() => {});
  try {
    yield* readable;
    await written;
  } catch (error) {
    throw unreadable(path, `${name} in it is damaged${said(error)}`);
  }
}

function unreadable(path: string, state: string): CommandError {
  return new CommandError(`Cannot read ${JSON.stringify(path)}: ${state}`);
}

function said(error: unknown): string {
  return error instanceof Error ? ` (${error.message})` : "";
}

/** Any part of a file, as the reader asks for it. */
class OpenedFile extends Reader<Deno.FsFile> {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
  }

  override async init(): Promise<void> {
    await super.init?.();
    this.size = (await this.#file.stat()).size;
  }

  override async readUint8Array(at: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.#file.seek(at, Deno.SeekMode.Start);
    let done = 0;
    while (done < length) {
      const read = await this.#file.read(bytes.subarray(done));
      if (read === null) break;
      done += read;
    }
    return bytes.subarray(0, done);
  }
}
