/** Ways to damage a journal, and what must come of each: nothing invented, little lost, all said. */
import assert from "node:assert/strict";
import type { Change } from "../../src/memory.ts";
import { StoreOpenError } from "../../src/store.ts";
import { JOURNAL, openWith } from "./damage.ts";
import type { SimulatedDisk } from "./file_system.ts";
import { kindsOf, printOf, stateOf } from "./store_kit.ts";

export type Mutation = (bytes: Uint8Array, at: number) => Uint8Array;

function spliced(bytes: Uint8Array, at: number, gone: number, put: readonly number[]): Uint8Array {
  const after = new Uint8Array(bytes.length - gone + put.length);
  after.set(bytes.subarray(0, at));
  after.set(put, at);
  after.set(bytes.subarray(at + gone), at + put.length);
  return after;
}

/** What the sector that begins there held before: the one before it. */
function stale(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const after = bytes.slice(), from = Math.max(0, at - length);
  after.set(bytes.subarray(from, Math.min(at, from + bytes.length - at)), at);
  return after;
}

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit 0 flipped": (bytes, at) => bytes.with(at, (bytes[at] ?? 0) ^ 1),
  "bit 7 flipped": (bytes, at) => bytes.with(at, (bytes[at] ?? 0) ^ 128),
  "64 bytes zeroed": (bytes, at) => bytes.slice().fill(0, at, at + 64),
  "a byte deleted": (bytes, at) => spliced(bytes, at, 1, []),
  "a byte put in": (bytes, at) => spliced(bytes, at, 0, [0x41]),
  "a line feed put in": (bytes, at) => spliced(bytes, at, 0, [10]),
  "512 bytes zeroed": (bytes, at) => bytes.slice().fill(0, at, at + 512),
  "512 bytes stale": (bytes, at) => stale(bytes, at, 512),
  "4096 bytes zeroed": (bytes, at) => bytes.slice().fill(0, at, at + 4096),
  "4096 bytes stale": (bytes, at) => stale(bytes, at, 4096),
};

/** Numbers of the lines that are gone, the header being 0. */
export function linesHit(before: Uint8Array, after: Uint8Array): Set<number> {
  const split = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes).split("\n");
  const left = new Set(split(after).slice(0, -1));
  const lines = split(before).slice(0, -1);
  return new Set([...lines.keys()].filter((n) => !left.has(lines[n] ?? "")));
}

/** False where no line was hit. Each change must be a write, and so a batch, of its own. */
export async function assertDamageTold(
  disk: SimulatedDisk,
  changes: readonly Change[],
  whole: Uint8Array,
  damaged: Uint8Array,
  where: string,
): Promise<boolean> {
  const hit = linesHit(whole, damaged);
  if (hit.size === 0) return false;
  const left = changes.filter((_, n) => !hit.has(n + 1));
  if (left.length === 0 && hit.has(0)) {
    return await assertRefused(openWith(disk, JOURNAL, damaged), where);
  }
  const { state, recovery } = await openWith(disk, JOURNAL, damaged);
  assert.equal(printOf(state), printOf(stateOf(left)), where);
  // Damage at the very end looks like a write that a crash cut off.
  const tail = !hit.has(0) && Math.min(...hit) + hit.size === changes.length + 1;
  const told = new Set(kindsOf(recovery));
  assert.deepEqual([...told], [tail && told.has("torn_tail") ? "torn_tail" : "damage"], where);
  return true;
}

/** Nothing is left: an empty start would look like a new folder. */
async function assertRefused(opening: Promise<unknown>, where: string): Promise<true> {
  const isUnreadable = (error: unknown) =>
    error instanceof StoreOpenError && error.fault === "unreadable";
  await assert.rejects(opening, isUnreadable, where);
  return true;
}
