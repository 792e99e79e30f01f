/** What the tests of backups share: brains that make them, and looks into what was made. */
import assert from "node:assert/strict";
import { parseBackupName } from "../../src/backup_name.ts";
import { readExport } from "../../src/export_reader.ts";
import type { Entry } from "../../src/memory.ts";
import type { SimulatedDisk } from "./file_system.ts";
import { type Housed, type HousedOptions, opened } from "./housed_brain.ts";
import { drain } from "./indexing.ts";
import { idOf } from "./store_kit.ts";

export const HOUR = 3_600_000;
export const DAILY = { intervalMs: 24 * HOUR, keep: 3 };
export const FOLDER = "/data/exports/";

export function backupsOn(disk: SimulatedDisk): string[] {
  const names = [...disk.files().keys()].filter((path) => path.startsWith(FOLDER))
    .map((path) => path.slice(FOLDER.length));
  assert.deepEqual(names.filter((name) => parseBackupName(name) === undefined), []);
  return names.sort();
}

/** Its memories, as a restore would have them. */
export async function memoriesIn(disk: SimulatedDisk, name: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  const bytes = disk.files().get(FOLDER + name) ?? assert.fail(name);
  const defaults = { newId: () => assert.fail("no id"), now: "" };
  await readExport(ReadableStream.from([bytes]), false, defaults, (entry) => entries.push(entry));
  return entries;
}

/** Lets time go by, and waits for what that set going. */
export async function pass({ clock, brain }: Housed, ms: number): Promise<void> {
  await clock.leap(ms);
  for (let turns = 0; turns < 20; turns++) await drain();
  assert.ok(brain.phase !== "loading");
}

export async function withHoused(
  options: HousedOptions,
  work: (all: Housed) => Promise<void>,
): Promise<void> {
  const all = await opened({ backupPlan: DAILY, ...options });
  try {
    await pass(all, 0);
    await work(all);
  } finally {
    await all.brain.close();
  }
  assert.equal(all.clock.waiting, 0, "a timer outlived the brain");
}

export function create({ brain }: Housed, n: number, content = `memory ${n}`) {
  return brain.memories.create({ id: idOf(n), content });
}

export function eventsOf({ log }: Housed): string[] {
  return log.map(({ event }) => event);
}

export async function* held(content: AsyncIterable<Uint8Array>, gate: PromiseWithResolvers<void>) {
  for await (const piece of content) {
    yield piece;
    await gate.promise;
  }
}
