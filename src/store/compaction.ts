/**
 * Replaces the snapshot by a fresh one and lets go of old history. Each step is durable before the
 * next begins, and a crash between any two leaves files that recovery takes:
 *
 * 1. (by the caller) a new journal file is begun; all records before it are in the state;
 * 2. the state is written to a file of another name, synced, and read back;
 * 3. the snapshot gets a second name, `….prev.json`, if it is sound;
 * 4. the new file is renamed over the snapshot, and the folder synced;
 * 5. only now journal files go that lie before the snapshot of step 3.
 */
import { type Clock, timestamp } from "../clock.ts";
import type { DurableState } from "../store.ts";
import type { DataFolder } from "./folder.ts";
import { generationOf } from "./journal_names.ts";
import type { Recovered } from "./recovery.ts";
import { type SnapshotMark, verifySnapshot, writeSnapshot } from "./snapshot.ts";

/** Below this size of journal a fresh snapshot is not worth its writing. */
const LEAST_BYTES = 4 * 1024 * 1024;
const AGAIN_FIRST_MS = 60_000, AGAIN_MOST_MS = 3_600_000;

/** Knows how far the snapshot lies behind, and when and how to replace it. */
export class Snapshots {
  readonly #folder: DataFolder;
  readonly #clock: Clock;
  #bytes = 0;
  #behindRecords = 0;
  #behindBytes = 0;
  /** False where there is no snapshot, or not one that we wrote. */
  #intact = false;
  /** First journal generation after the snapshot on disk. */
  #generation = 0;
  /** True where the snapshot before may keep history of its own on disk. */
  #keepsHistory = true;
  #failures = 0;
  #againAt = 0;

  constructor(folder: DataFolder, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  begin(found: Recovered, bytes: number): void {
    this.#bytes = bytes;
    this.#behindRecords = found.replayed;
    this.#behindBytes = found.replayedBytes;
    this.#intact = found.snapshotIntact && bytes > 0;
    this.#generation = found.baseGeneration;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get behindBytes(): number {
    return this.#behindBytes;
  }

  fellBehind(records: number, bytes: number): void {
    this.#behindRecords += records;
    this.#behindBytes += bytes;
  }

  /** As much journal as snapshot: so the cost of rewriting, shared out, does not grow. */
  get due(): boolean {
    return this.#mayTry && this.#behindBytes > Math.max(LEAST_BYTES, this.#bytes);
  }

  /** Would a fresh snapshot give room back? It takes two until what was deleted is gone. */
  get reclaims(): boolean {
    return this.#mayTry && (this.stale || this.#keepsHistory);
  }

  /** False for a while after it failed; a clock that was ahead, and is set right, ends that too. */
  get #mayTry(): boolean {
    const waitMs = this.#againAt - this.#clock.now();
    return waitMs <= 0 || waitMs > AGAIN_MOST_MS;
  }

  /** True where a stop should not leave things as they are. */
  get stale(): boolean {
    return this.#behindRecords > 0 || !this.#intact;
  }

  async replace(state: DurableState, mark: SnapshotMark): Promise<void> {
    const records = this.#behindRecords, bytes = this.#behindBytes;
    this.#bytes = await compact(this.#folder, state, {
      mark,
      writtenAt: timestamp(this.#clock),
      keepCurrent: this.#intact,
      // A snapshot that is not moved aside leaves the one before in place, and what that one needs.
      dropBelow: this.#intact ? this.#generation : 0,
    });
    this.#keepsHistory = records > 0;
    this.#behindRecords -= records;
    this.#behindBytes -= bytes;
    this.#intact = true;
    this.#generation = mark.generation;
    this.#failures = 0;
  }

  failed(): void {
    const wait = AGAIN_FIRST_MS * 2 ** this.#failures++;
    this.#againAt = this.#clock.now() + Math.min(wait, AGAIN_MOST_MS);
  }
}

interface CompactionPlan {
  readonly mark: SnapshotMark;
  readonly writtenAt: string;
  /** False where what is on disk as the snapshot must not become the one before. */
  readonly keepCurrent: boolean;
  /** Journal files below this generation are no longer needed afterwards. */
  readonly dropBelow: number;
}

/** Returns the size of the new snapshot. Throws leaving everything as it was. */
async function compact(
  folder: DataFolder,
  state: DurableState,
  plan: CompactionPlan,
): Promise<number> {
  const { fs, memories, previous } = folder;
  const fresh = `${memories}.tmp`;
  const aside = `${previous}.tmp`;
  try {
    await fs.remove(fresh);
    const bytes = await writeSnapshot(fs, fresh, plan.mark, state, plan.writtenAt);
    const written = await verifySnapshot(fs, fresh);
    if (written?.lastSeq !== plan.mark.lastSeq) {
      throw new Error("Cannot replace the snapshot: the new one reads back differently");
    }
    if (plan.keepCurrent && await fs.exists(memories)) {
      await keepAside(folder, aside);
    }
    await fs.rename(fresh, memories);
    await fs.syncFolder(folder.root);
    await dropJournals(folder, plan.dropBelow);
    return bytes;
  } catch (error) {
    await fs.remove(fresh).catch(() => {}); // Best effort: the next start removes it as well.
    throw error;
  }
}

/** A file system without links gets by with a moment in which only the older name exists. */
async function keepAside({ fs, memories, previous }: DataFolder, aside: string): Promise<void> {
  await fs.remove(aside);
  try {
    await fs.link(memories, aside);
  } catch {
    // Not by way of `aside`, which a start after a crash would take for a leftover.
    return await fs.rename(memories, previous);
  }
  await fs.rename(aside, previous);
}

async function dropJournals({ fs, journal }: DataFolder, below: number): Promise<void> {
  let dropped = false;
  for (const name of await fs.list(journal)) {
    const generation = generationOf(name);
    const path = `${journal}/${name}`;
    if (generation === undefined || generation >= below) continue;
    if (await fs.size(path) === undefined) continue; // A folder or link: nothing of ours.
    await fs.remove(path);
    dropped = true;
  }
  if (dropped) await fs.syncFolder(journal);
}

/** Removes what a crash left half-made. */
export async function removeLeftovers({ fs, root, memories, previous }: DataFolder) {
  for (const path of [`${memories}.tmp`, `${previous}.tmp`]) await fs.remove(path);
  await fs.syncFolder(root);
}
