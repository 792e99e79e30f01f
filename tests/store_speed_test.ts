/**
 * How long a start and a snapshot of 100,000 memories take, for a look at the figures, and a bound
 * on how long the event loop stands still meanwhile.
 */
import assert from "node:assert/strict";
import { joinBytes } from "../src/lines.ts";
import { encodeRecord } from "../src/store/codec.ts";
import { realFileSystem } from "../src/store/fs.ts";
import { beginGeneration, encodeLine } from "../src/store/journal.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { fileStoreOn, putOf, stateOf, TIME } from "./fakes/store_kit.ts";

const COUNT = 100_000;
/** Generous: a neighbour on the machine may take a slice as well. */
const LONGEST_PAUSE_MS = 50, TRIES = 8;

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const begun = performance.now();
  const result = await work();
  return { ms: performance.now() - begun, result };
}

/** The longest time between two turns of the event loop while the work runs. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  let longest = 0, last = performance.now(), running = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  running = false;
  await new Promise((resolve) => setImmediate(resolve));
  return longest;
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

Deno.test(`${COUNT} memories: replay, snapshot, load`, async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  const make = () => fileStoreOn(realFileSystem, `${root}/memories.json`, new FakeClock(), []);
  try {
    await writeJournal(root);
    const first = make(), replayed = stateOf([]);
    const replay = await timed(() => first.open(replayed));
    assert.deepEqual(replay.result, { integrity: "ok", notes: [] });
    assert.equal(replayed.size, COUNT);
    const pauses: number[] = [];
    do {
      pauses.push(await longestPause(() => first.compact()));
    } while (Math.min(...pauses) >= LONGEST_PAUSE_MS && pauses.length < TRIES);
    await first.close();
    const second = make(), loaded = stateOf([]);
    const load = await timed(() => second.open(loaded));
    assert.deepEqual(load.result, { integrity: "ok", notes: [] });
    assert.equal(loaded.size, COUNT);
    await second.close();
    console.log(
      `replayed in ${replay.ms.toFixed()} ms, loaded from the snapshot in ${load.ms.toFixed()} ms; ` +
        `longest pause while compacting: ${pauses.map((ms) => ms.toFixed(1)).join(", ")} ms`,
    );
    assert.ok(Math.min(...pauses) < LONGEST_PAUSE_MS, `the loop stood still: ${pauses} ms`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a batch of the largest texts does not hold up the event loop", async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  const store = fileStoreOn(realFileSystem, `${root}/memories.json`, new FakeClock(), []);
  const content = "日".repeat(100_000);
  const batch = () =>
    Promise.all(Array.from({ length: 40 }, (_, n) => store.append(putOf(n, { content }))));
  try {
    await store.open(stateOf([]));
    const pauses: number[] = [];
    do {
      pauses.push(await longestPause(batch));
    } while (Math.min(...pauses) >= LONGEST_PAUSE_MS && pauses.length < TRIES);
    await store.close();
    console.log(`longest pause: ${pauses.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    assert.ok(Math.min(...pauses) < LONGEST_PAUSE_MS, `the loop stood still: ${pauses} ms`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
