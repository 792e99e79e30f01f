/**
 * Journals cut and damaged at every byte, and what must come of each: nothing invented, nothing
 * lost but the lines that were hit, and all of it said.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Change } from "../../src/memory.ts";
import type { State } from "../../src/state.ts";
import { StoreOpenError } from "../../src/store.ts";
import { bytesAt, JOURNAL, journalOnly, openWith } from "./damage.ts";
import type { SimulatedDisk } from "./file_system.ts";
import { kindsOf, printOf, stateOf } from "./store_kit.ts";

interface Mutation {
  /** How many bytes it may change, from the place on. */
  readonly reach: number;
  readonly apply: (bytes: Uint8Array, at: number) => Uint8Array;
}

/** By what a disk, a cable or a person does. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "bit 0 flipped": { reach: 1, apply: (bytes, at) => bytes.with(at, (bytes[at] ?? 0) ^ 1) },
  "bit 7 flipped": { reach: 1, apply: (bytes, at) => bytes.with(at, (bytes[at] ?? 0) ^ 128) },
  "64 bytes zeroed": { reach: 64, apply: (bytes, at) => bytes.slice().fill(0, at, at + 64) },
  "a byte deleted": { reach: 1, apply: (bytes, at) => spliced(bytes, at, 1, []) },
  "a byte put in": { reach: 1, apply: (bytes, at) => spliced(bytes, at, 0, [0x41]) },
  "a line feed put in": { reach: 1, apply: (bytes, at) => spliced(bytes, at, 0, [10]) },
  "a sector zeroed or stale": {
    reach: 4096,
    apply: (bytes, at) => {
      const length = at % 2 === 0 ? 512 : 4096;
      return at % 4 < 2 ? bytes.slice().fill(0, at, at + length) : stale(bytes, at, length);
    },
  },
};

function spliced(bytes: Uint8Array, at: number, gone: number, put: readonly number[]): Uint8Array {
  const after = new Uint8Array(bytes.length - gone + put.length);
  after.set(bytes.subarray(0, at));
  after.set(put, at);
  after.set(bytes.subarray(at + gone), at + put.length);
  return after;
}

/** The bytes before it once more, as where a write went to the wrong place. */
function stale(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const after = bytes.slice(), from = Math.max(0, at - length);
  after.set(bytes.subarray(from, Math.min(at, from + bytes.length - at)), at);
  return after;
}

const LINE_FEED = 10;

/** A journal in which each change is a line, and a write, of its own. */
export class JournalToDamage {
  readonly #disk: SimulatedDisk;
  readonly #changes: readonly Change[];
  readonly whole: Uint8Array;
  /** Where the lines begin, the header's first; last the end. */
  readonly #starts: number[] = [0];

  private constructor(disk: SimulatedDisk, changes: readonly Change[]) {
    this.#disk = disk;
    this.#changes = changes;
    this.whole = bytesAt(disk, JOURNAL);
    for (const [at, byte] of this.whole.entries()) {
      if (byte === LINE_FEED) this.#starts.push(at + 1);
    }
    assert.equal(this.#starts.length, changes.length + 2);
  }

  static async of(changes: readonly Change[]): Promise<JournalToDamage> {
    return new JournalToDamage(await journalOnly(changes), changes);
  }

  /** The longest valid beginning, and no damage; what was cut is kept. No file lacks its header. */
  async assertCut(size: number): Promise<void> {
    const where = `cut at ${size}`;
    const opening = openWith(this.#disk, JOURNAL, this.whole.slice(0, size));
    const lines = this.#starts.findLastIndex((start) => start <= size);
    if (lines === 0) return await assert.rejects(opening, isUnreadable, where);
    const { state, recovery, disk } = await opening;
    const end = this.#starts[lines] ?? 0;
    assertState(state, this.#changes.slice(0, lines - 1), where);
    const torn = end < size;
    assert.deepEqual(kindsOf(recovery), torn ? ["torn_tail"] : [], where);
    const kept = recovery.notes[0]?.quarantine;
    if (torn) assert.deepEqual(bytesAt(disk, `/data/${kept}`), this.whole.slice(end, size), where);
  }

  /** False where no line was hit. */
  async assertTold(name: string, { reach, apply }: Mutation, at: number): Promise<boolean> {
    const where = `${name} at ${at}`;
    const damaged = apply(this.whole, at);
    const hit = this.#hit(damaged, at, reach);
    if (hit.size === 0) return false;
    const left = this.#changes.filter((_, n) => !hit.has(n + 1));
    const opening = openWith(this.#disk, JOURNAL, damaged);
    if (left.length === 0 && hit.has(0)) {
      await assert.rejects(opening, isUnreadable, where); // Empty, it would look like a new folder.
      return true;
    }
    const { state, recovery } = await opening;
    assertState(state, left, where);
    // Damage at the very end may look like a write that a crash cut off: it lacks its line feed, or
    // a sector.
    const isTail = !hit.has(0) && Math.min(...hit) + hit.size === this.#changes.length + 1 &&
      (damaged.at(-1) !== LINE_FEED || reach > 64);
    const kinds = new Set(kindsOf(recovery));
    const isTorn = isTail && kinds.has("torn_tail");
    assert.deepEqual([...kinds], [isTorn ? "torn_tail" : "damage"], where);
    assert.equal(recovery.integrity, isTorn ? "ok" : "degraded", where);
    return true;
  }

  /** Numbers of the lines that are gone, the header being 0. */
  #hit(damaged: Uint8Array, at: number, reach: number): Set<number> {
    const hit = new Set<number>(), shift = damaged.length - this.whole.length;
    for (let n = 0; n + 1 < this.#starts.length; n++) {
      const start = this.#starts[n] ?? 0, end = this.#starts[n + 1] ?? 0;
      if (end < at || start > at + reach) continue;
      const line = Buffer.from(this.whole.buffer, this.whole.byteOffset + start, end - start);
      const isThere = [start, start + shift].some((place) => isAt(damaged, place, line));
      // Only where whole stretches came to stand elsewhere a line may have moved.
      const moved = reach > 1 ? Buffer.from(damaged.buffer).indexOf(line) : -1;
      if (!isThere && !isAt(damaged, moved, line)) hit.add(n);
    }
    return hit;
  }
}

/** Whether a line stands there, with nothing before it on its line. */
function isAt(damaged: Uint8Array, place: number, line: Buffer): boolean {
  if (place < 0 || place > 0 && damaged[place - 1] !== LINE_FEED) return false;
  return line.equals(damaged.subarray(place, place + line.length));
}

/** Field by field, which is quicker by far than to print both. */
function assertState(found: State, changes: readonly Change[], where: string): void {
  const expected = stateOf(changes);
  const isSame = found.size === expected.size && [...expected.memories()].every((memory) => {
    const other = found.get(memory.id);
    if (other?.content !== memory.content) return false;
    const plain = { ...memory, content: "" };
    return JSON.stringify(plain) === JSON.stringify({ ...other, content: "" });
  });
  if (!isSame || changes.length < EVERYTHING) {
    assert.equal(printOf(found), printOf(expected), where);
  }
}

/** Of so few changes everything is compared: order, accesses, receipts. */
const EVERYTHING = 20;

function isUnreadable(error: unknown): boolean {
  return error instanceof StoreOpenError && error.fault === "unreadable";
}
