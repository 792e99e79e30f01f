/** Times in files that no sum of ours vouches for: hand-edited snapshots, and exports put in place. */
import assert from "node:assert/strict";
import { readExport } from "../src/export_reader.ts";
import type { Entry } from "../src/memory.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { opened } from "./fakes/housed_brain.ts";
import { contentsOf, kindsOf, memoryOf, open, PATH, TIME } from "./fakes/store_kit.ts";

/** What was written, what is held, and what is kept beside it. */
const TIMES: readonly (readonly [string, string | undefined])[] = [
  [TIME, TIME],
  ["2026-01-31T12:00:00Z", TIME],
  ["2026-01-31 13:00:00.000000+01:00", TIME],
  ["2026-01-31T12:00:00.000999", TIME],
  ["2026-01-31", "2026-01-31T00:00:00.000Z"],
  ["yesterday", undefined],
  ["", undefined],
  ["2026-02-30T12:00:00.000Z", undefined],
  ["2026-99-31T12:00:00.000Z", undefined],
];
const LATER = "2026-03-01T00:00:00.000Z";

function rowOf({ memory, access }: Entry) {
  return { ...memory, ...access };
}

const WRITTEN = TIMES.map(([created_at], n): Entry => ({
  memory: memoryOf(n, { created_at, updated_at: LATER }),
  access: { access_count: 1, last_accessed_at: null },
}));
const HELD = TIMES.map(([created_at, held], n): Entry => ({
  memory: memoryOf(n, {
    created_at: held ?? LATER,
    updated_at: LATER,
    metadata: held === undefined ? { n, imported_fields: { created_at } } : { n },
  }),
  access: { access_count: 1, last_accessed_at: null },
}));

Deno.test("a hand-edited time is read in any usual form, and one that is none costs no memory", async () => {
  const disk = new SimulatedDisk();
  disk.put(PATH, JSON.stringify(WRITTEN.map(rowOf)));
  const first = await open(disk);
  assert.deepEqual(contentsOf(first.state).entries, HELD);
  const [note] = first.recovery.notes;
  assert.match(note?.detail ?? "", /taken as it stands, but for times of 8 memories$/);
  assert.deepEqual(kindsOf(first.recovery), ["hand_edited"]);
  await first.store.close();
  const second = await open(first.disk);
  assert.deepEqual(contentsOf(second.state).entries, HELD);
  assert.deepEqual(second.recovery.notes, []);
  await second.store.close();
});

Deno.test("lines that are left of a snapshot have times, too", async () => {
  const disk = new SimulatedDisk();
  disk.put(PATH, `[\n${WRITTEN.map((entry) => JSON.stringify(rowOf(entry))).join(",\n")}\n`);
  const { state, store } = await open(disk);
  assert.deepEqual(contentsOf(state).entries, HELD);
  await store.close();
});

Deno.test("an export put in place is held to the same", async () => {
  const text = WRITTEN.map((entry) => JSON.stringify(rowOf(entry)) + "\n").join("");
  const read: Entry[] = [];
  const pieces = ReadableStream.from([new TextEncoder().encode(text)]);
  const defaults = { newId: () => "", now: TIME };
  await readExport(pieces, true, defaults, (entry) => read.push(entry));
  assert.deepEqual(read, HELD);
});

Deno.test("where no time is one, it is the oldest; what is beside it stays, and so does the reading", async () => {
  const disk = new SimulatedDisk();
  const none = { created_at: "a", updated_at: "b", last_accessed_at: "c", access_count: 3 };
  const metadatas = [{ imported_fields: { x: 1 } }, { imported_fields: "x" }];
  disk.put(
    PATH,
    JSON.stringify(metadatas.map((metadata, n) => ({ ...memoryOf(n, { metadata }), ...none }))),
  );
  const { state, store } = await open(disk);
  const strays = { created_at: "a", updated_at: "b", last_accessed_at: "c" };
  const oldest = "1970-01-01T00:00:00.000Z";
  const kept = [{ x: 1, ...strays }, { imported_fields: "x", ...strays }];
  assert.deepEqual(
    contentsOf(state).entries,
    kept.map((imported_fields, n) => ({
      memory: memoryOf(n, {
        created_at: oldest,
        updated_at: oldest,
        metadata: { imported_fields },
      }),
      access: { access_count: 3, last_accessed_at: null },
    })),
  );
  await store.close();
});

Deno.test("a memory with a time that was none is found", async () => {
  const disk = new SimulatedDisk();
  const rows = WRITTEN.map((entry) => ({
    ...rowOf(entry),
    updated_at: entry.memory.created_at,
    metadata: { thread_id: "t" },
  }));
  disk.put(PATH, JSON.stringify(rows));
  const { brain } = await opened({ disk });
  const { results } = await brain.search.run({
    queries: ["memory"],
    highlight: false,
    mode: "keyword",
    filter: {},
    limit: 50,
    offset: 0,
    minScore: 0.01,
    weights: { importance: 0.1, recency: 0.1 },
  });
  assert.equal(results.length, WRITTEN.length);
  await brain.close();
});
