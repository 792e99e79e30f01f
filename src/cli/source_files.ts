/**
 * The files that an import reads: those of a folder or of an archive, or a single one. No link is
 * followed, nothing outside of the path is opened, and what is hidden is passed over.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { SourceFile } from "../formats.ts";
import { CommandError, reasonOf, type Terminal } from "./terminal.ts";

/** What begins with a dot, and what one system puts into archives beside each file. */
const HIDDEN = /(?:^|\/)(?:\.|__MACOSX(?:\/|$))/;
const ARCHIVE = /\.zip$/i;
const MOST_DEPTH = 64;

export interface SourceOptions {
  readonly readPieces: Terminal["readPieces"];
  /** Hears of what is there and is no file to be read, or with `isFault` should have been one. */
  readonly tell: (where: string, reason: string, isFault?: boolean) => void;
  /** Whether archives in a folder are what is meant, too: some exports come as several. */
  readonly opensArchives: boolean;
  /** In place of the name of the folder or the archive. */
  readonly collection?: string | undefined;
}

const NO_TIMES = { modifiedAt: undefined, createdAt: undefined };
const STANDARD_INPUT = { path: "standard input", collection: "", ...NO_TIMES, isOnly: true };

export async function* sourceFiles(
  path: string,
  options: SourceOptions,
): AsyncGenerator<SourceFile> {
  const { readPieces } = options;
  if (path === "-") return yield { ...STANDARD_INPUT, pieces: () => readPieces(path) };
  const full = resolve(path);
  const info = await Deno.stat(path).catch(cannotRead(path));
  if (info.isDirectory) yield* folderFiles(path, "", options);
  else if (ARCHIVE.test(path)) yield* archiveFiles(path, "", options);
  else {
    const collection = options.collection ?? basename(dirname(full));
    const pieces = () => readPieces(path);
    yield { path: basename(full), collection, ...timesOf(info), isOnly: true, pieces };
  }
}

/** In the order of their names: the same folder gives the same import. */
async function* folderFiles(
  root: string,
  below: string,
  options: SourceOptions,
): AsyncGenerator<SourceFile> {
  const { readPieces, tell } = options;
  const cannotTake = (path: string) => (error: unknown) =>
    tell(path, `cannot be read: ${reasonOf(error)}`, true);
  const folder = join(root, below);
  const entries = await Array.fromAsync(Deno.readDir(folder))
    .catch(below === "" ? cannotRead(root) : cannotTake(below));
  for (const entry of (entries ?? []).toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    const full = join(root, path);
    if (HIDDEN.test(entry.name)) continue;
    if (entry.isSymlink) tell(path, "is a link");
    else if (entry.isDirectory && path.split("/").length >= MOST_DEPTH) tell(path, "lies too deep");
    else if (entry.isDirectory) yield* folderFiles(root, path, options);
    else if (!entry.isFile) tell(path, "is no file");
    else if (ARCHIVE.test(path)) {
      if (options.opensArchives) yield* archiveFiles(full, `${path}/`, options);
      else tell(path, "is an archive, to be imported by itself");
    } else {
      const info = await openable(full).catch(cannotTake(path));
      if (info === undefined) continue;
      const collection = options.collection ?? basename(resolve(root));
      const pieces = () => readPieces(full);
      yield { path, collection, ...timesOf(info), isOnly: false, pieces };
    }
  }
}

/** Throws where the file could not be read when its turn comes. */
async function openable(path: string): Promise<Deno.FileInfo> {
  using file = await Deno.open(path);
  return await file.stat();
}

async function* archiveFiles(
  path: string,
  above: string,
  { tell, collection = basename(path).replace(ARCHIVE, "") }: SourceOptions,
): AsyncGenerator<SourceFile> {
  const { openArchive } = await import("./archive.ts");
  using file = await Deno.open(path).catch(cannotRead(path));
  for await (const { name, isFile, modifiedAt, pieces } of openArchive(path, file, isShown)) {
    const named = above + name;
    const times = timesOf({ mtime: modifiedAt, birthtime: null });
    if (isFile) yield { path: named, collection, ...times, isOnly: false, pieces };
    else tell(named, "is no file");
  }
}

function isShown(name: string): boolean {
  return !HIDDEN.test(name);
}

/** Of a copy only its last change is the original's. */
function timesOf({ mtime, birthtime }: Pick<Deno.FileInfo, "mtime" | "birthtime">) {
  const modifiedAt = timeOf(mtime), bornAt = timeOf(birthtime);
  const isOlder = bornAt !== undefined && modifiedAt !== undefined && bornAt < modifiedAt;
  return { modifiedAt, createdAt: isOlder ? bornAt : modifiedAt };
}

/** A clock that was never set tells nothing. */
function timeOf(date: Date | null | undefined): string | undefined {
  const isTime = date && date.getTime() > 0 && date.getUTCFullYear() < 10_000;
  return isTime ? date.toISOString() : undefined;
}

function cannotRead(path: string): (error: unknown) => never {
  return (error) => {
    throw new CommandError(`Cannot read ${JSON.stringify(path)}: ${reasonOf(error)}`);
  };
}
