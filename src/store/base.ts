/**
 * Where recovery starts from: the snapshot as it was written; else as a person edited it; else the
 * one before; else whatever lines of either are still memories.
 */
import { amountOfMemories } from "../amount.ts";
import { ZodError } from "zod";
import { AppError } from "../errors.ts";
import type { Change, Entry } from "../memory.ts";
import { Pace } from "../pace.ts";
import type { DurableState, RecoveryNote } from "../store.ts";
import type { DataFolder } from "./folder.ts";
import { readEditedSnapshot, salvageSnapshot } from "./edited_snapshot.ts";
import { loadSnapshot, type SnapshotMark } from "./snapshot.ts";

export interface Base {
  readonly mark: SnapshotMark;
  readonly intact: boolean;
  /** The file it was taken from; undefined where there was none. */
  readonly path: string | undefined;
  /** Memories and receipts that were taken from it. */
  readonly loaded: number;
}

/** Loads the best base there is into the state, and notes what had to be refused. */
export async function loadBase(
  folder: DataFolder,
  state: DurableState,
  notes: RecoveryNote[],
): Promise<Base> {
  const { fs, memories, previous } = folder;
  const current = await fs.exists(memories);
  const older = await fs.exists(previous);
  if (!current && !older) {
    return { mark: { generation: 0, lastSeq: 0 }, intact: true, path: undefined, loaded: 0 };
  }
  if (current) {
    const base = await loadIntact(folder, memories, state) ??
      await loadEdited(folder, memories, state, notes);
    if (base !== undefined) return base;
    await refuse(folder, memories, "the snapshot cannot be read; the one before is used", notes);
  }
  // Where only the older one exists, a crash may have caught us between two renames: the journal has
  // the rest, and if it has not, that will show.
  const base = older ? await loadIntact(folder, previous, state) : undefined;
  if (base !== undefined) return { ...base, intact: false };
  return await loadSalvage(folder, state, notes);
}

async function loadIntact(
  folder: DataFolder,
  path: string,
  state: DurableState,
): Promise<Base | undefined> {
  if (await folder.fs.size(path) === undefined) return undefined;
  const snapshot = await loadSnapshot(folder.fs, path);
  if (snapshot === undefined) return undefined;
  const { mark, entries, receipts, unembedded } = snapshot;
  const pace = new Pace();
  for (const entry of entries) {
    state.apply(putOf(entry, unembedded.has(entry.memory.id)));
    if (pace.due) await pace.breathe();
  }
  for (const receipt of receipts) state.apply({ op: "receipt", receipt });
  return { mark, intact: true, path, loaded: entries.length + receipts.length };
}

async function loadEdited(
  folder: DataFolder,
  path: string,
  state: DurableState,
  notes: RecoveryNote[],
): Promise<Base | undefined> {
  if (await folder.fs.size(path) === undefined) return undefined;
  try {
    const { mark, entries, retimed } = await readEditedSnapshot(folder.fs, path);
    const note = {
      kind: "hand_edited",
      file: folder.nameOf(path),
      detail: "the snapshot was changed by hand and is well-formed: taken as it stands" +
        (retimed > 0 ? `, but for times of ${amountOfMemories(retimed)}` : ""),
    } as const;
    notes.push({ ...note, quarantine: await folder.quarantine.keepFile(path, note) });
    for (const entry of entries) state.apply(putOf(entry));
    return { mark, intact: false, path, loaded: entries.length };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined; // Not a snapshot in any form: the caller goes on to the one before.
  }
}

/** Told from a disk that fails to hand out the bytes, which may do so next time. */
function isUnreadable(error: unknown): boolean {
  return error instanceof AppError || error instanceof ZodError || error instanceof TypeError;
}

async function loadSalvage(
  folder: DataFolder,
  state: DurableState,
  notes: RecoveryNote[],
): Promise<Base> {
  for (const path of [folder.memories, folder.previous]) {
    if (await folder.fs.size(path) === undefined) continue;
    const { mark, entries } = await salvageSnapshot(folder.fs, path);
    if (path === folder.previous) {
      await refuse(folder, path, "the snapshot before cannot be read either", notes);
    }
    if (entries.length === 0) continue;
    for (const entry of entries) state.apply(putOf(entry));
    const detail = `${amountOfMemories(entries.length)} could be salvaged line by line`;
    notes.push({ kind: "damage", file: folder.nameOf(path), detail });
    return { mark, intact: false, path, loaded: entries.length };
  }
  return { mark: { generation: 0, lastSeq: 0 }, intact: false, path: undefined, loaded: 0 };
}

/** That it was written is an old story, but where it was not told yet to be embedded. */
function putOf({ memory, access }: Entry, isUnembedded = false): Change {
  return { op: "put", memory, access, existing: true, ...isUnembedded && { reworded: true } };
}

/** Notes damage to a file, and keeps the file as it is in quarantine. */
export async function refuse(
  folder: DataFolder,
  path: string,
  detail: string,
  notes: RecoveryNote[],
): Promise<void> {
  const note = { kind: "damage", file: folder.nameOf(path), detail } as const;
  const isFile = await folder.fs.size(path) !== undefined;
  notes.push(isFile ? { ...note, quarantine: await folder.quarantine.keepFile(path, note) } : note);
}
