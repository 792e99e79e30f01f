/** Disks to damage, and how to look at them and open them again. */
import assert from "node:assert/strict";
import type { Change } from "../../src/memory.ts";
import type { SimulatedDisk } from "./file_system.ts";
import { everythingSurvives } from "./inode.ts";
import { deleteOf, open, type Opened, putOf, receiptOf } from "./store_kit.ts";

export const JOURNAL = "/data/journal/000001.log";
export const PREVIOUS = "/data/memories.prev.json";

export function copyOf(disk: SimulatedDisk): SimulatedDisk {
  return disk.afterPowerCut(everythingSurvives);
}

export function bytesAt(disk: SimulatedDisk, path: string): Uint8Array {
  const bytes = disk.files().get(path);
  assert.ok(bytes !== undefined, `no ${path}`);
  return bytes;
}

export function textAt(disk: SimulatedDisk, path: string): string {
  return new TextDecoder().decode(bytesAt(disk, path));
}

export async function openWith(disk: SimulatedDisk, path: string, bytes: Uint8Array | string) {
  const damaged = copyOf(disk);
  damaged.put(path, bytes);
  return await open(damaged);
}

export const CHANGES: readonly Change[] = [
  putOf(1),
  putOf(2, { content: "zwei 🙂" }),
  putOf(1, { content: "again" }),
  deleteOf(2),
  putOf(3),
  putOf(4),
];

/** A disk whose process was killed with all changes in one journal file, and no snapshot. */
export async function journalOnly(changes: readonly Change[] = CHANGES): Promise<SimulatedDisk> {
  const { store, disk } = await open();
  for (const change of changes) await store.append(change);
  return copyOf(disk);
}

/** A disk with both snapshots and records behind each: what there is after a longer life. */
export async function longLife(): Promise<{ disk: SimulatedDisk; running: Opened }> {
  const running = await open();
  const { store } = running;
  for (const n of [1, 2, 3]) await store.append(putOf(n));
  await store.compact();
  for (const n of [4, 5]) await store.append(putOf(n));
  await store.append({ op: "receipt", receipt: receiptOf(1, { json: { ok: true } }) });
  await store.compact();
  for (const change of [putOf(6), deleteOf(1)]) await store.append(change);
  return { disk: copyOf(running.disk), running };
}
