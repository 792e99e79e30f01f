/**
 * Looks at a data folder and says whether all of it can be read, without changing one byte. What it
 * says of the data is what the next start would say: the same recovery is tried, over a file system
 * on which nothing can be changed. Beyond that it reads what a start has no need of: the snapshot
 * before, older journal files, backups and other exports.
 */
import type { RecordDefaults } from "../import_record.ts";
import { AppError } from "../errors.ts";
import type { BackupReport, Finding, FolderReport } from "../folder_report.ts";
import { type DurableState, StoreOpenError } from "../store.ts";
import { readBackupFile } from "./backup_file.ts";
import { locked, openError } from "./disk_errors.ts";
import { DataFolder } from "./folder.ts";
import type { FileSystem } from "./fs.ts";
import { readHeader, readJournal } from "./journal.ts";
import { generationOf } from "./journal_names.ts";
import { type HoldUnchanged, ReadOnlyFileSystem } from "./read_only.ts";
import { recover } from "./recovery.ts";
import { verifySnapshot } from "./snapshot.ts";

const MOST_NOTED = 100;

export interface VerificationOptions {
  readonly fs: FileSystem;
  readonly hold: HoldUnchanged;
  readonly memoriesPath: string;
  /** Empty; holds afterwards what a start would come up with. */
  readonly state: DurableState & { readonly size: number };
  readonly defaults: RecordDefaults;
}

/** Throws `StoreOpenError` where a service is running (`locked`), or it may not look (`no_access`). */
export async function verifyFolder(options: VerificationOptions): Promise<FolderReport> {
  const { memoriesPath, defaults } = options;
  const fs = new ReadOnlyFileSystem(options.fs, options.hold);
  const folder = new DataFolder(fs, memoriesPath, () => defaults.now);
  try {
    const held = await fs.lock(folder.lock);
    if (held === undefined) throw locked();
    try {
      return await look(folder, options);
    } finally {
      held.close();
    }
  } catch (error) {
    throw openError(error);
  }
}

/** True where the folder has data of ours, in whatever state. */
export async function holdsBrain({ fs, memories, previous, journal }: DataFolder) {
  for (const path of [memories, previous]) if (await fs.exists(path)) return true;
  return (await fs.list(journal)).length > 0;
}

async function look(folder: DataFolder, options: VerificationOptions): Promise<FolderReport> {
  const { state, defaults } = options;
  const files = await dataFiles(folder);
  // Before recovery adds what it finds itself, in memory.
  const noted = await folder.quarantine.damage(MOST_NOTED);
  const findings = await tryToOpen(folder, state);
  for (const { file, detail } of noted) {
    if (findings.some((found) => found.file === file && found.detail === detail)) continue;
    findings.push({ kind: "noted_before", file, detail });
  }
  const backups = await lookAtExports(folder, defaults);
  const sound = findings.every(({ kind }) => kind !== "damage") &&
    backups.every(({ fault }) => fault === null);
  return { folder: folder.root, sound, memories: state.size, files, findings, backups };
}

async function dataFiles(folder: DataFolder): Promise<FolderReport["files"]> {
  const { fs, memories, previous, journal } = folder;
  const journals = (await fs.list(journal)).filter((name) => generationOf(name) !== undefined);
  const found: { file: string; bytes: number }[] = [];
  for (const path of [memories, previous, ...journals.map((name) => `${journal}/${name}`)]) {
    const bytes = await fs.size(path);
    if (bytes !== undefined) found.push({ file: folder.nameOf(path), bytes });
  }
  return found;
}

async function tryToOpen(folder: DataFolder, state: DurableState): Promise<Finding[]> {
  try {
    const { notes, baseGeneration } = await recover(folder, state);
    const findings = notes.map(({ kind, file, detail }): Finding => ({ kind, file, detail }));
    return [...findings, ...await lookAtOlder(folder, baseGeneration, findings)];
  } catch (error) {
    const isDamage = error instanceof StoreOpenError &&
      (error.fault === "unreadable" || error.fault === "newer");
    if (!isDamage) throw error;
    return [{ kind: "damage", file: folder.nameOf(folder.memories), detail: error.message }];
  }
}

/** What a start has no need of while the newest snapshot is whole; it would be in the next need. */
async function lookAtOlder(
  folder: DataFolder,
  baseGeneration: number,
  known: readonly Finding[],
): Promise<Finding[]> {
  const { fs, previous, journal } = folder;
  const found: Finding[] = [];
  const damaged = (path: string, detail: string) => {
    const file = folder.nameOf(path);
    if (known.some((finding) => finding.kind === "damage" && finding.file === file)) return;
    found.push({ kind: "damage", file, detail });
  };
  if (await fs.exists(previous)) {
    const isFile = await fs.size(previous) !== undefined;
    const isWhole = isFile && await verifySnapshot(fs, previous) !== undefined;
    if (!isWhole) damaged(previous, "the snapshot before is not as it was written");
  }
  const ends = await endsOf(folder);
  for (const name of await fs.list(journal)) {
    const path = `${journal}/${name}`, generation = generationOf(name) ?? baseGeneration;
    if (generation >= baseGeneration || await fs.size(path) === undefined) continue;
    const at = await damageIn(fs, path, ends.get(generation));
    if (at !== undefined) damaged(path, `unreadable bytes at offset ${at}`);
  }
  return found;
}

/** Where each journal file ends, as a later one says: what stands behind it counts no more. */
async function endsOf({ fs, journal }: DataFolder): Promise<ReadonlyMap<number, number>> {
  const ends = new Map<number, number>();
  for (const name of await fs.list(journal)) {
    const path = `${journal}/${name}`;
    if (generationOf(name) === undefined || await fs.size(path) === undefined) continue;
    const previous = (await readHeader(fs, path))?.header.previous;
    if (previous) ends.set(previous.generation, previous.bytes);
  }
  return ends;
}

/** Where bytes that are no record have a record behind them. */
async function damageIn(fs: FileSystem, path: string, end?: number): Promise<number | undefined> {
  let bad: number | undefined;
  for await (const parts of readJournal(fs, path, end)) {
    for (const { offset, line } of parts) {
      if (line === undefined) bad ??= offset;
      else if (bad !== undefined) return bad;
    }
  }
  return undefined;
}

async function lookAtExports(
  folder: DataFolder,
  defaults: RecordDefaults,
): Promise<readonly BackupReport[]> {
  const { fs, exports } = folder;
  const reports: BackupReport[] = [];
  for (const name of await fs.list(exports)) {
    const path = `${exports}/${name}`;
    if (!/^(?:backup|export)-.*\.(?:json|ndjson)$/.test(name)) continue; // Nothing of ours.
    if (await fs.size(path) === undefined) continue;
    reports.push({ ...await verifyFile(fs, path, defaults), file: folder.nameOf(path) });
  }
  return reports;
}

/** Reads one export, backup or snapshot from end to end. */
export async function verifyFile(
  fs: FileSystem,
  path: string,
  defaults: RecordDefaults,
): Promise<BackupReport> {
  const bytes = await fs.size(path);
  if (bytes === undefined) {
    throw new AppError(
      "not_found",
      "Cannot verify: there is no such file, or it is no regular one",
    );
  }
  const file = { file: path, bytes };
  try {
    return { ...file, memories: await readBackupFile(fs, path, defaults, () => {}), fault: null };
  } catch (error) {
    const isFault = error instanceof AppError ||
      error instanceof StoreOpenError && error.fault === "newer";
    if (!isFault) throw error;
    return { ...file, memories: null, fault: error.message };
  }
}
