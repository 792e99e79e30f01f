/** What the tests of the store share: seeded chance, memories to write, and stores to write them to. */
import { FakeClock } from "./indexing.ts";
import { SimulatedDisk, SimulatedFileSystem, type SimulatedOptions } from "./file_system.ts";
import { AppError } from "../../src/errors.ts";
import type { Change, Entry, Memory, Receipt } from "../../src/memory.ts";
import { State } from "../../src/state.ts";
import type { Recovery, Store } from "../../src/store.ts";
import { FileStore } from "../../src/store/file.ts";
import type { FileStoreOptions } from "../../src/store/file_options.ts";
import { DataFolder } from "../../src/store/folder.ts";
import type { FileSystem } from "../../src/store/fs.ts";

/** `TEST_SEED=123 deno test …` repeats a run. */
export const seed: number = Number(
  Deno.env.get("TEST_SEED") ?? Math.floor(Math.random() * 2 ** 31),
);

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

export const TIME = "2026-01-31T12:00:00.000Z";

export function idOf(n: number): string {
  return `01990000-0000-7000-8000-${String(n).padStart(12, "0")}`;
}

export function memoryOf(n: number, fields: Partial<Memory> = {}): Memory {
  return {
    id: idOf(n),
    content: `memory ${n}`,
    memory_type: "semantic",
    importance_score: 0.5,
    tags: ["a"],
    metadata: { n },
    created_at: TIME,
    updated_at: TIME,
    ...fields,
  };
}

export function putOf(n: number, fields: Partial<Memory> = {}): Change {
  return {
    op: "put",
    memory: memoryOf(n, fields),
    access: { access_count: 0, last_accessed_at: null },
  };
}

export function deleteOf(n: number): Change & { readonly op: "delete" } {
  return { op: "delete", id: idOf(n) };
}

export function receiptOf(n: number, reply: Receipt["reply"] = null): Receipt {
  return { key: n.toString(16).padStart(64, "0"), request: "0".repeat(64), at: TIME, reply };
}

const TEXTS = [
  "",
  "plain",
  "ümläut 🙂",
  "line\nfeed",
  'quote" back\\slash',
  "\u0000\u2028",
  "}],{",
];

/** Any change, on one of few ids, so that they meet. */
export function randomChange(random: () => number, n: number): Change {
  const id = below(random, 8);
  const kind = random();
  if (kind < 0.2) {
    return random() < 0.3 ? { ...deleteOf(id), receipt: receiptOf(n) } : deleteOf(id);
  }
  if (kind < 0.3) {
    const access = { access_count: n, last_accessed_at: TIME };
    return { op: "access", accesses: [[idOf(4 + id), access], [idOf(5 + id), access]] };
  }
  if (kind < 0.35) return { op: "receipt", receipt: receiptOf(n, { json: { n } }) };
  const memory = memoryOf(id, {
    content: `${TEXTS[below(random, TEXTS.length)]} ${n}`,
    memory_type: random() < 0.5 ? "episodic" : "semantic",
    tags: ["a", "b", "c"].slice(below(random, 4)),
    metadata: random() < 0.2 ? JSON.parse('{"__proto__":{"x":1},"constructor":1e20}') : { n },
    ...random() < 0.2 ? { embedding: Float32Array.of(n, 0.1, -0) } : {},
  });
  return {
    op: "put",
    memory,
    // Only an update leaves it out; where that is not sure, no `access` change comes in between.
    ...id >= 4 || random() < 0.5 ? { access: { access_count: 0, last_accessed_at: null } } : {},
    ...random() < 0.2
      ? { receipt: receiptOf(n, { memory, access: { access_count: 0, last_accessed_at: null } }) }
      : {},
  };
}

/** Everything that a restart must bring back, in order, as values that can be compared. */
export function contentsOf(state: {
  entries(): Iterable<Entry>;
  receipts(at: string): Iterable<Receipt>;
}): { entries: Entry[]; receipts: Receipt[] } {
  return { entries: [...state.entries()], receipts: [...state.receipts(TIME)] };
}

/** The same as text, to compare many; vectors as plain numbers. */
export function printOf(state: Parameters<typeof contentsOf>[0]): string {
  return JSON.stringify(contentsOf(state), (_key, value) => {
    if (value instanceof Float32Array) return [...value].map((x) => Object.is(x, -0) ? "-0" : x);
    return value;
  });
}

export function stateOf(changes: Iterable<Change>): State {
  const state = new State();
  for (const change of changes) state.apply(change);
  return state;
}

/** What became of a write: `stored`, or the code of its refusal. */
export function codeOf(write: Promise<unknown>): Promise<string> {
  return write.then(() => "stored", (error) => error instanceof AppError ? error.code : "other");
}

export const PATH = "/data/memories.json";

export interface Opened {
  readonly store: FileStore;
  readonly state: State;
  readonly fs: SimulatedFileSystem;
  readonly disk: SimulatedDisk;
  readonly clock: FakeClock;
  readonly log: { event: string; detail: Record<string, string | number> }[];
  recovery: Recovery;
}

let ids = 0;

/** A store on any file system, not yet opened. */
export function fileStoreOn(
  fs: FileSystem,
  path: string,
  clock: FakeClock,
  log: Opened["log"],
  more: Partial<FileStoreOptions> = {},
) {
  const now = () => new Date(clock.now()).toISOString();
  return new FileStore({
    folder: new DataFolder(fs, path, now),
    clock,
    newId: () => `unit-${String(++ids).padStart(9, "0")}`,
    version: "0.0.0-test",
    holder: "a test",
    ballastBytes: 1024, // It is copied at every crash.
    log: (event, detail) => log.push({ event, detail }),
    ...more,
  });
}

/** A store on a simulated disk, not yet opened. */
export function simulated(
  disk: SimulatedDisk = new SimulatedDisk(),
  options: SimulatedOptions = {},
  clock: FakeClock = new FakeClock(),
  more: Partial<FileStoreOptions> = {},
): Opened {
  const fs = new SimulatedFileSystem(disk, options);
  const log: Opened["log"] = [];
  const store = fileStoreOn(fs, PATH, clock, log, more);
  const recovery: Recovery = { integrity: "ok", notes: [] };
  return { store, state: new State(), fs, disk, clock, log, recovery };
}

export async function open(
  disk: SimulatedDisk = new SimulatedDisk(),
  options: SimulatedOptions = {},
  clock: FakeClock = new FakeClock(),
  more: Partial<FileStoreOptions> = {},
): Promise<Opened> {
  const opened = simulated(disk, options, clock, more);
  opened.recovery = await opened.store.open(opened.state);
  return opened;
}

/** An import as its caller carries it out: staged, committed, applied. */
export async function importAll(
  opened: { readonly store: Store; readonly state: State },
  changes: readonly Change[],
): Promise<void> {
  const unit = await opened.store.beginImport();
  try {
    await unit.stage(changes);
    await unit.commit();
    for (const change of changes) opened.state.apply(change);
  } finally {
    unit.finish();
  }
}

export function kindsOf(recovery: Recovery): string[] {
  return recovery.notes.map(({ kind }) => kind);
}
