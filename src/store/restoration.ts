/**
 * Puts a whole brain in place of the one in a data folder. The folder need not be one that can be
 * opened. Each step is durable before the next begins:
 *
 * 1. (by the caller) what is to be put in place is read and checked to its end, the folder is held;
 * 2. every data file gets a second name under `replaced-<time>/`, where it stays;
 * 3. the new snapshot is written under another name, synced, and read back. Its number lies above
 *    every journal file's: so none of them comes after it;
 * 4. it is renamed over the snapshot. Before this the old brain is there, and after it the new one;
 * 5. only now the first names of the old files go.
 */
import { basename } from "node:path";
import { AppError } from "../errors.ts";
import type { RecordDefaults } from "../import_record.ts";
import type { DurableState } from "../store.ts";
import { readBackupFile } from "./backup_file.ts";
import { DataFolder } from "./folder.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";
import { Holding } from "./holding.ts";
import { generationOf } from "./journal_names.ts";
import { ReadOnlyFileSystem } from "./read_only.ts";
import { recover } from "./recovery.ts";
import { type SnapshotMark, verifySnapshot, writeSnapshot } from "./snapshot.ts";

export interface RestorationOptions {
  readonly fs: FileSystem;
  readonly memoriesPath: string;
  /** An export, a backup, a snapshot, or a folder of files that an earlier restore replaced. */
  readonly source: string;
  /** Empty; holds afterwards what was put in place. */
  readonly state: DurableState & { readonly size: number };
  readonly defaults: RecordDefaults;
  /** For humans: what the lock file says meanwhile. */
  readonly holder: string;
}

export interface Restored {
  readonly memories: number;
  /** The folder that keeps what was there; undefined where nothing was. */
  readonly kept: string | undefined;
}

/** Throws `AppError` where the source is not wholly good, `StoreOpenError` where a service runs. */
export async function restore(options: RestorationOptions): Promise<Restored> {
  const { fs, memoriesPath, state, defaults, holder } = options;
  await readSource(options);
  const folder = new DataFolder(fs, memoriesPath, () => defaults.now);
  const holding = new Holding(folder, holder);
  await holding.take();
  try {
    const kept = await replaceBrain(folder, state, defaults.now);
    return { memories: state.size, kept };
  } finally {
    holding.letGo();
  }
}

async function readSource(options: RestorationOptions): Promise<void> {
  const { fs, source, state, defaults } = options;
  const kind = await fs.kind(source);
  if (kind === "folder") return await readReplaced(options);
  if (kind === "file") {
    await readBackupFile(fs, source, defaults, (change) => state.apply(change));
    return;
  }
  const what = kind === undefined ? "there is no such file" : "it is not a regular file";
  throw new AppError("not_found", `Cannot restore: ${what}`);
}

/** What an earlier restore put aside is a data folder, which nobody holds. */
async function readReplaced(
  { fs, source, memoriesPath, state, defaults }: RestorationOptions,
): Promise<void> {
  const unchanged = new ReadOnlyFileSystem(fs, () => Promise.resolve(undefined));
  const path = `${source}/${basename(memoriesPath)}`;
  const { notes, last } = await recover(new DataFolder(unchanged, path, () => defaults.now), state);
  const damage = notes.find(({ kind }) => kind === "damage");
  if (damage !== undefined) {
    throw new AppError(
      "invalid",
      `Cannot restore: in that folder ${damage.file} is damaged (${damage.detail}); to have it as ` +
        "it was, stop the service and move the files back by hand",
    );
  }
  if (state.size === 0 && last === undefined) {
    throw new AppError("not_found", "Cannot restore: there is no brain in that folder");
  }
}

/** Returns where the old files are kept; undefined where there were none. `at` is RFC 3339. */
async function replaceBrain(
  folder: DataFolder,
  state: DurableState,
  at: string,
): Promise<string | undefined> {
  const { fs, root, memories } = folder;
  const old = await dataFiles(folder);
  const generations = (await fs.list(folder.journal)).map((name) => generationOf(name) ?? 0);
  const mark = { generation: Math.max(0, ...generations) + 1, lastSeq: 0 };
  const kept = old.length === 0 ? undefined : await keepAll(folder, old, stamp(at));
  const fresh = `${memories}.tmp`;
  await writeChecked(fs, fresh, mark, state, at);
  await moveAside(folder, stamp(at));
  await fs.rename(fresh, memories);
  await fs.syncFolder(root);
  for (const path of old) if (path !== memories) await fs.remove(path);
  if (await fs.exists(folder.journal)) await fs.syncFolder(folder.journal);
  await fs.syncFolder(root);
  // What was damaged is no part of the brain any more: nobody need be warned of it.
  await folder.quarantine.acknowledge();
  return kept;
}

async function dataFiles({ fs, memories, previous, journal }: DataFolder): Promise<string[]> {
  const journals = (await fs.list(journal)).filter((name) => generationOf(name) !== undefined);
  const found: string[] = [];
  for (const path of [memories, previous, ...journals.map((name) => `${journal}/${name}`)]) {
    if (await fs.size(path) !== undefined) found.push(path);
  }
  return found;
}

/** Laid out as a data folder, so that it can be put in place again, or be opened where it lies. */
async function keepAll(
  folder: DataFolder,
  files: readonly string[],
  stamp: string,
): Promise<string> {
  const { fs, root, journal } = folder;
  const kept = `${root}/replaced-${stamp}`;
  const keptJournal = `${kept}/${folder.nameOf(journal)}`;
  await fs.makeFolder(kept);
  if (files.some((path) => path.startsWith(`${journal}/`))) await fs.makeFolder(keptJournal);
  for (const path of files) await keep(fs, path, `${kept}/${folder.nameOf(path)}`);
  if (await fs.exists(keptJournal)) await fs.syncFolder(keptJournal);
  await fs.syncFolder(kept);
  return kept;
}

async function keep(fs: FileSystem, from: string, to: string): Promise<void> {
  try {
    return await fs.link(from, to);
  } catch {
    // A file system without links: the bytes themselves.
  }
  const file = await fs.create(to);
  try {
    for await (const piece of readPieces(fs, from)) await writeAll(file, piece);
    await file.sync();
  } finally {
    file.close();
  }
}

async function writeChecked(
  fs: FileSystem,
  path: string,
  mark: SnapshotMark,
  state: DurableState,
  at: string,
): Promise<void> {
  await fs.remove(path);
  await writeSnapshot(fs, path, mark, state, at);
  const written = await verifySnapshot(fs, path);
  if (written?.generation === mark.generation) return;
  await fs.remove(path);
  throw new Error("Cannot restore: the new snapshot reads back differently");
}

/** A folder or a link in the place of a data file cannot be renamed over, nor kept by a link. */
async function moveAside({ fs, memories, previous }: DataFolder, stamp: string): Promise<void> {
  for (const path of [memories, previous]) {
    const isOther = await fs.exists(path) && await fs.size(path) === undefined;
    if (isOther) await fs.rename(path, `${path}.replaced-${stamp}`);
  }
}

/** A time as a file name: `2026-01-31T12:00:00.000Z` becomes `20260131T120000000Z`. */
function stamp(time: string): string {
  return time.replaceAll(/[-:.]/g, "");
}
