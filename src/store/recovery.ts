/**
 * Brings the state back from the files of a data folder. The order of the steps is the argument:
 *
 * 1. Refuse what a newer version wrote, before anything is touched.
 * 2. Take the base: the snapshot if it is as written; else as a person edited it; else the one
 *    before; else what can be salvaged of either. Whatever is refused is kept in quarantine.
 * 3. Replay the journal's generations over it, in order. A generation counts up to where the next
 *    one says that it ended; the last one may be torn, which is what a crash leaves behind. What
 *    can be read behind a hole in its last batch is carried over into the next file.
 * 4. Never come up empty where files say that there was something.
 *
 * A file that is a header and nothing else is part of history only if a later one names it as the
 * one before. Else it never came into use, and what it says of others was never true. A file
 * without a header that can be read is damaged: no file has its name before its header is durable.
 */
import type { Place } from "../history.ts";
import { type DurableState, type RecoveryNote, StoreOpenError } from "../store.ts";
import { type Base, loadBase, refuse } from "./base.ts";
import type { DataFolder } from "./folder.ts";
import {
  type Extent,
  readTail,
  replayGeneration,
  type Survey,
  surveyGeneration,
  syncFile,
} from "./generation.ts";
import { type CarriedPlace, ImportUnits } from "./import_units.ts";
import {
  type JournalEnd,
  type JournalHeader,
  readHeader,
  refuseNewer,
  toldBefore,
} from "./journal.ts";
import { generationOf, unfinishedOf } from "./journal_names.ts";
import { positionIn } from "./record_position.ts";
import { futureFormat, type SnapshotMark } from "./snapshot.ts";

export interface Recovered {
  readonly notes: readonly RecoveryNote[];
  /** Last sequence number that is taken. */
  readonly lastSeq: number;
  /** Checksum of the last line that is taken; 0 where there is none. */
  readonly lastSum: number;
  /** The last place of what was told to who follows history, but for `carried`; where it is known. */
  readonly told: Place | undefined;
  /** The newest generation that counts, and how many bytes of it; undefined in a new folder. */
  readonly last: JournalEnd | undefined;
  /** The number of the next generation: above every file's. */
  readonly nextGeneration: number;
  /** Records from behind a hole: the next file has to begin with them. */
  readonly carried: readonly string[];
  readonly toldOfCarried: CarriedPlace | undefined;
  /** Records replayed over the snapshot: what the next snapshot would save. */
  readonly replayed: number;
  /** The size of the files they stand in. */
  readonly replayedBytes: number;
  /** False where the snapshot on disk is not what its writer left. */
  readonly snapshotIntact: boolean;
  /** The first generation after the snapshot that was taken. */
  readonly baseGeneration: number;
  /** Journal files that never came into use: nobody misses them. */
  readonly unused: readonly string[];
}

interface Generation extends Extent {
  readonly generation: number;
  readonly file: string;
  readonly header: JournalHeader | undefined;
  readonly headerSum: number;
  /** The last place of what was told before it, where it says so. */
  readonly told: Place | undefined;
  /** The last record's number before this file, as its header says. */
  readonly startSeq: number | undefined;
  /** True where it is one good header line, and not a byte more. */
  readonly bare: boolean;
}

export async function recover(folder: DataFolder, state: DurableState): Promise<Recovered> {
  const notes: RecoveryNote[] = [];
  const all = await findGenerations(folder), unfinished = await findUnfinished(folder);
  await refuseFuture(folder);
  const base = await loadBase(folder, state, notes);
  const mark = base.intact ? base.mark : likelyMark(base.mark, all);
  const later = all.filter(({ generation }) => generation >= mark.generation);
  const history = historyOf(later, mark);
  if (history.length === 0 && base.mark.generation > 0) notes.push(loneBase(folder, base));
  const tail = await replayAll(folder, history, mark, state, notes);
  if (base.loaded + tail.replayed === 0 && notes.some(({ kind }) => kind === "damage")) {
    throw new StoreOpenError(
      "unreadable",
      "Cannot open the data folder: it has data files, but nothing in them can be read; " +
        "put a backup in place, or move the files away to start anew",
    );
  }
  return {
    ...tail,
    notes,
    nextGeneration: Math.max(
      base.mark.generation,
      1 + Math.max(0, ...[...all, ...unfinished].map(({ generation }) => generation)),
    ),
    snapshotIntact: base.intact,
    baseGeneration: base.mark.generation,
    unused: [...unfinished, ...later.filter((file) => !history.includes(file))]
      .map(({ path }) => path),
  };
}

async function findGenerations(folder: DataFolder): Promise<Generation[]> {
  const { fs, journal } = folder;
  const found: Generation[] = [];
  for (const name of await fs.list(journal)) {
    const generation = generationOf(name);
    const path = `${journal}/${name}`;
    const size = await fs.size(path);
    // A folder, link or pipe of that name is nothing of ours.
    if (generation === undefined || size === undefined) continue;
    const first = await readHeader(fs, path);
    found.push({
      path,
      size,
      hasHeader: first !== undefined,
      generation,
      file: folder.nameOf(path),
      header: first?.header,
      headerSum: first?.sum ?? 0,
      told: first && toldBefore(first),
      startSeq: first?.seq,
      bare: first?.bytes === size,
    });
  }
  return found.sort((a, b) => a.generation - b.generation);
}

async function findUnfinished({ fs, journal }: DataFolder) {
  const found: { readonly generation: number; readonly path: string }[] = [];
  for (const name of await fs.list(journal)) {
    const generation = unfinishedOf(name), path = `${journal}/${name}`;
    if (generation === undefined || await fs.size(path) === undefined) continue;
    found.push({ generation, path });
  }
  return found;
}

/**
 * What a snapshot that was changed says of the journal may have been changed as well. Records that
 * it holds already may be replayed over it; but none that it lacks may be passed over.
 */
function likelyMark(mark: SnapshotMark, generations: readonly Generation[]): SnapshotMark {
  if (generations.length === 0) return mark;
  const first = generations.find(({ generation }) => generation === mark.generation);
  if (first?.startSeq === undefined) return { generation: 0, lastSeq: 0 };
  return { ...mark, lastSeq: Math.min(mark.lastSeq, first.startSeq) };
}

function loneBase(folder: DataFolder, { path = folder.memories }: Base): RecoveryNote {
  const file = folder.nameOf(path);
  if (path === folder.memories) {
    const detail = "there is no journal beside it: taken as a restored backup";
    return { kind: "hand_edited", file, detail };
  }
  return { kind: "damage", file, detail: "what came after it is missing" };
}

/** The files that were written to, and those that they name as the one before. */
function historyOf(generations: readonly Generation[], mark: SnapshotMark): readonly Generation[] {
  const history: Generation[] = [];
  let named: number | undefined;
  for (const file of generations.toReversed()) {
    const isBase = file.generation === mark.generation;
    if (file.bare && file.generation !== named && !isBase) continue;
    history.unshift(file);
    named = file.header?.previous?.generation;
  }
  return history;
}

async function refuseFuture({ fs, memories, previous }: DataFolder): Promise<void> {
  for (const path of [memories, previous]) {
    if (await fs.size(path) === undefined) continue;
    const format = await futureFormat(fs, path);
    if (format !== undefined) refuseNewer(format);
  }
}

async function replayAll(
  folder: DataFolder,
  generations: readonly Generation[],
  mark: SnapshotMark,
  state: DurableState,
  notes: RecoveryNote[],
) {
  const units = new ImportUnits(state, notes);
  let lastSeq = mark.lastSeq, lastSum = 0, replayed = 0, replayedBytes = 0, bytes = 0;
  let before: Generation | undefined, carried: readonly string[] = [];
  for (const [i, generation] of generations.entries()) {
    const { file } = generation;
    units.told = generation.told ?? units.told;
    const gap = gapBefore(generation, before, mark, lastSeq);
    if (gap !== undefined) notes.push({ kind: "damage", file, detail: gap });
    const startSeq = generation.startSeq ?? lastSeq;
    const next = generations[i + 1];
    const previous = next?.header?.previous;
    const limit = previous?.generation === generation.generation ? previous.bytes : undefined;
    const end = limit ?? Infinity, isLast = next === undefined;
    const survey = await surveyGeneration(folder.fs, generation, end, startSeq + 1, isLast);
    await noteSurvey(folder, generation, survey, limit, isLast, notes);
    const found = await replayGeneration(
      folder.fs,
      generation,
      survey,
      mark.lastSeq,
      (record, line) => {
        replayed++;
        units.apply(record, file, line && positionIn(generation.headerSum, line));
      },
    );
    if (found.undecodable > 0) {
      const detail = `${found.undecodable} records have a right checksum but no meaning`;
      await refuse(folder, generation.path, detail, notes);
    }
    lastSeq = Math.max(lastSeq, survey.lastSeq);
    lastSum = survey.lastSum;
    bytes = limit ?? survey.goodBytes;
    replayedBytes += bytes;
    before = generation;
    carried = found.carried; // Only the last file has any.
  }
  units.end();
  if (before !== undefined) await syncFile(folder.fs, before.path);
  const last = before === undefined ? undefined : { generation: before.generation, bytes };
  const { told, toldOfCarried } = units;
  return { lastSeq, lastSum, told, replayed, replayedBytes, last, carried, toldOfCarried };
}

/** What is missing between the history so far and this file; undefined where nothing is. */
function gapBefore(
  { header, generation, startSeq }: Generation,
  before: Generation | undefined,
  mark: SnapshotMark,
  lastSeq: number,
): string | undefined {
  if (header === undefined || startSeq === undefined) return undefined; // Said by `noteSurvey`.
  const first = header.previous === null || generation === mark.generation;
  const follows = before === undefined ? first : header.previous?.generation === before.generation;
  if (!follows) return "one or more journal files before this one are missing";
  if (startSeq > lastSeq) return `records ${lastSeq + 1} to ${startSeq} before it are missing`;
  return undefined;
}

async function noteSurvey(
  folder: DataFolder,
  generation: Generation,
  survey: Survey,
  limit: number | undefined,
  isLast: boolean,
  notes: RecoveryNote[],
): Promise<void> {
  const { file, path } = generation;
  const damage = [...survey.damage];
  if (generation.header === undefined) damage.push("its header is unreadable");
  const torn = survey.endBytes > survey.goodBytes;
  if (limit !== undefined && survey.goodBytes !== limit) {
    damage.push(`it is readable up to byte ${survey.goodBytes}, but had ${limit}`);
  } else if (torn && !isLast) damage.push("its end is unreadable");
  if (damage.length > 0) await refuse(folder, path, damage.join("; "), notes);
  else if (torn) {
    const bytes = survey.endBytes - survey.goodBytes;
    const detail = `the last ${bytes} bytes are of a write that was cut short; ` +
      `${survey.behind.length} records in them can be read, and are taken`;
    const note = { kind: "torn_tail", file, detail } as const;
    const tail = await readTail(folder.fs, path, survey.goodBytes);
    notes.push({ ...note, quarantine: await folder.quarantine.keepTail(tail, note) });
  }
}
