/**
 * Brings the state back from the files of a data folder. The order of the steps is the argument:
 *
 * 1. Refuse what a newer version wrote, before anything is touched.
 * 2. Take the base: the snapshot if it is as written; else as a person edited it; else the one
 *    before; else what can be salvaged of either. Whatever is refused is kept in quarantine.
 * 3. Replay the journal's generations over it, in order. A generation counts up to where the next
 *    one says that it ended; the last one may be torn, which is what a crash leaves behind.
 * 4. Never come up empty where files say that there was something.
 */
import { type DurableState, type RecoveryNote, StoreOpenError } from "../store.ts";
import { loadBase, refuse } from "./base.ts";
import type { DataFolder } from "./folder.ts";
import { readTail, replayGeneration, type Survey, surveyGeneration } from "./generation.ts";
import { ImportUnits } from "./import_units.ts";
import { generationOf, type JournalHeader, readHeader, refuseNewer } from "./journal.ts";
import { futureFormat, type SnapshotMark } from "./snapshot.ts";

export interface Recovered {
  readonly notes: readonly RecoveryNote[];
  /** Last sequence number that is taken. */
  readonly lastSeq: number;
  /** The newest generation that counts, and how many bytes of it; undefined in a new folder. */
  readonly last: { readonly generation: number; readonly bytes: number } | undefined;
  /** The number of the next generation: above every file's. */
  readonly nextGeneration: number;
  /** Records replayed over the snapshot: what the next snapshot would save. */
  readonly replayed: number;
  /** The size of the files they stand in. */
  readonly replayedBytes: number;
  /** False where the snapshot on disk is not what its writer left. */
  readonly snapshotIntact: boolean;
  /** The first generation after the snapshot that was taken. */
  readonly baseGeneration: number;
}

interface Generation {
  readonly generation: number;
  readonly file: string;
  readonly path: string;
  readonly size: number;
  readonly header: JournalHeader | undefined;
  /** The last record's number before this file, as its header says. */
  readonly startSeq: number | undefined;
}

/** A header is shorter than this: a smaller file without one was cut off while it was created. */
const HEADER_BYTES = 1024;

export async function recover(folder: DataFolder, state: DurableState): Promise<Recovered> {
  const notes: RecoveryNote[] = [];
  const all = await findGenerations(folder);
  await refuseFuture(folder);
  const base = await loadBase(folder, state, notes);
  const counting = withoutStillborn(all)
    .filter(({ generation }) => generation >= base.mark.generation);
  if (counting.length === 0 && base.mark.generation > 0) {
    const detail = "there is no journal beside it: taken as a restored backup";
    notes.push({ kind: "hand_edited", file: folder.nameOf(folder.memories), detail });
  }
  const tail = await replayAll(folder, counting, base.mark, state, notes);
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
    nextGeneration: Math.max(base.mark.generation, (all.at(-1)?.generation ?? 0) + 1),
    snapshotIntact: base.intact,
    baseGeneration: base.mark.generation,
  };
}

async function findGenerations({ fs, journal }: DataFolder): Promise<Generation[]> {
  const found: Generation[] = [];
  for (const name of await fs.list(journal)) {
    const generation = generationOf(name);
    const path = `${journal}/${name}`;
    const size = await fs.size(path);
    // A folder, link or pipe of that name is nothing of ours.
    if (generation === undefined || size === undefined) continue;
    const first = await readHeader(fs, path);
    const file = `journal/${name}`;
    found.push({ generation, path, file, size, header: first?.header, startSeq: first?.seq });
  }
  return found.sort((a, b) => a.generation - b.generation);
}

/** Leaves out the last file where a crash cut off its creation: no record can be in it. */
function withoutStillborn(generations: readonly Generation[]): readonly Generation[] {
  const last = generations.at(-1);
  const stillborn = last !== undefined && last.header === undefined && last.size < HEADER_BYTES;
  return stillborn ? withoutStillborn(generations.slice(0, -1)) : generations;
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
  let lastSeq = mark.lastSeq, replayed = 0, replayedBytes = 0, bytes = 0;
  let before: Generation | undefined;
  for (const [i, generation] of generations.entries()) {
    const { file, path } = generation;
    const gap = gapBefore(generation, before, mark, lastSeq);
    if (gap !== undefined) notes.push({ kind: "damage", file, detail: gap });
    const startSeq = generation.startSeq ?? lastSeq;
    const next = generations[i + 1];
    const previous = next?.header?.previous;
    const limit = previous?.generation === generation.generation ? previous.bytes : undefined;
    const survey = await surveyGeneration(folder.fs, path, limit ?? Infinity, startSeq + 1);
    await noteSurvey(folder, generation, survey, limit, next === undefined, notes);
    const { undecodable } = await replayGeneration(
      folder.fs,
      path,
      survey,
      mark.lastSeq,
      (record) => {
        replayed++;
        units.apply(record, file);
      },
    );
    if (undecodable > 0) {
      const detail = `${undecodable} records have a right checksum but no meaning`;
      await refuse(folder, path, detail, notes);
    }
    lastSeq = Math.max(lastSeq, survey.lastSeq);
    bytes = limit ?? survey.goodBytes;
    replayedBytes += bytes;
    before = generation;
  }
  units.end();
  const last = before === undefined ? undefined : { generation: before.generation, bytes };
  return { lastSeq, replayed, replayedBytes, last };
}

/** What is missing between the history so far and this file; undefined where nothing is. */
function gapBefore(
  { header, generation, startSeq }: Generation,
  before: Generation | undefined,
  mark: SnapshotMark,
  lastSeq: number,
): string | undefined {
  if (header === undefined || startSeq === undefined) return undefined; // Said by `noteSurvey`.
  const first = mark.generation === 0 ? header.previous === null : generation === mark.generation;
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
    const detail = `the last ${bytes} bytes are of a write that was never answered`;
    const note = { kind: "torn_tail", file, detail } as const;
    const tail = await readTail(folder.fs, path, survey.goodBytes);
    notes.push({ ...note, quarantine: await folder.quarantine.keepTail(tail, note) });
  }
}
