/**
 * How long a start and a snapshot of 100,000 memories take, for a look at the figures, and a bound
 * on how long the event loop stands still meanwhile.
 */
import assert from "node:assert/strict";
import { joinBytes } from "../src/lines.ts";
import { encodeRecord } from "../src/store/codec.ts";
import { realFileSystem } from "../src/store/fs.ts";
import { beginGeneration, encodeLine } from "../src/store/journal.ts";
import { withPauses } from "./pauses.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { fileStoreOn, putOf, stateOf, TIME } from "./fakes/store_kit.ts";

const COUNT = 100_000;
/** With 100,000 memories in the heap its collection alone takes tens of milliseconds. */
const SNAPSHOT_MS = 100, BATCH_MS = 50, TRIES = 5;

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const begun = performance.now();
  const result = await work();
  return { ms: performance.now() - begun, result };
}

/** Of the longest pauses of a few tries, the middle one. */
async function usualPause(work: () => Promise<unknown>): Promise<number> {
  const pauses: number[] = [];
  for (let i = 0; i < TRIES; i++) pauses.push((await withPauses(work)).longestMs);
  console.log(`longest pauses: ${pauses.map((ms) => ms.toFixed(1)).join(", ")} ms`);
  return pauses.toSorted((a, b) => a - b)[TRIES >> 1] ?? Infinity;
}

/** A folder whose process was killed before its first snapshot. */
async function writeJournal(root: string): Promise<void> {
  const journal = `${root}/journal`;
  await Deno.mkdir(journal);
  const folder = { fs: realFileSystem, journal };
  const header = { generation: 1, previous: undefined, at: TIME, version: "0.0.0-test" };
  const writer = await beginGeneration(folder, header, 0);
  const content = "words ".repeat(50);
  for (let n = 0; n < COUNT; n += 1_000) {
    const lines = Array.from(
      { length: 1_000 },
      (_, i) => encodeLine(n + i + 1, encodeRecord(putOf(n + i, { content }))),
    );
    await writer.write(joinBytes(lines));
  }
  writer.close();
}

Deno.test(`${COUNT} memories are replayed and loaded; a snapshot of them holds nobody up for ${SNAPSHOT_MS} ms (the middle one of ${TRIES} tries)`, async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  const make = () => fileStoreOn(realFileSystem, `${root}/memories.json`, new FakeClock(), []);
  try {
    await writeJournal(root);
    const first = make(), replayed = stateOf([]);
    const replay = await timed(() => first.open(replayed));
    assert.deepEqual(replay.result, { integrity: "ok", notes: [] });
    assert.equal(replayed.size, COUNT);
    const pauseMs = await usualPause(() => first.compact());
    await first.close();
    const second = make(), loaded = stateOf([]);
    const load = await timed(() => second.open(loaded));
    assert.deepEqual(load.result, { integrity: "ok", notes: [] });
    assert.equal(loaded.size, COUNT);
    await second.close();
    console.log(
      `replayed in ${replay.ms.toFixed()} ms, loaded from the snapshot in ${load.ms.toFixed()} ms`,
    );
    assert.ok(pauseMs < SNAPSHOT_MS, `the loop stood still for ${pauseMs} ms`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test(`a batch of the largest texts holds nobody up for ${BATCH_MS} ms (the middle one of ${TRIES} tries)`, async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  const store = fileStoreOn(realFileSystem, `${root}/memories.json`, new FakeClock(), []);
  const content = "日".repeat(100_000);
  const batch = () =>
    Promise.all(Array.from({ length: 40 }, (_, n) => store.append(putOf(n, { content }))));
  try {
    await store.open(stateOf([]));
    const pauseMs = await usualPause(batch);
    await store.close();
    assert.ok(pauseMs < BATCH_MS, `the loop stood still for ${pauseMs} ms`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
