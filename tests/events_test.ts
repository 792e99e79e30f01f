/** What listeners are told of: each durable change once, in the journal's order, over restarts. */
import assert from "node:assert/strict";
import { type BrainEvent, Events } from "../src/events.ts";
import { State } from "../src/state.ts";
import { RamStore } from "../src/store/ram.ts";
import type { Fault } from "./fakes/disk_faults.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { nothingSurvives } from "./fakes/inode.ts";
import { begin, heard, inWords, type Life } from "./fakes/listening.ts";
import {
  codeOf,
  deleteOf,
  idOf,
  importAll,
  memoryOf,
  putOf,
  receiptOf,
  TIME,
} from "./fakes/store_kit.ts";

const forever = new AbortController().signal;
const edited = (n: number) => ({ op: "put", memory: memoryOf(n, { content: "edited" }) } as const);

async function wordsOf(listener: ReturnType<Events["listen"]>): Promise<string[]> {
  const { events, end } = await heard(listener);
  return [...events.map(inWords), ...end === undefined ? [] : [end]];
}

function last(events: readonly BrainEvent[]): string {
  return events.at(-1)?.id ?? assert.fail("nothing was told");
}

/** Ends the process without a word, and begins another over what is left. */
async function killed(life: Life): Promise<Life> {
  life.fs.kill();
  return await begin(life.disk.afterKill(), life.clock);
}

for (const [name, start] of [["RamStore", onRam], ["FileStore", begin]] as const) {
  Deno.test(`${name}: each change is told once, and what changes no memory is not`, async () => {
    const { store, events } = await start();
    const listener = events.listen();
    await store.append(putOf(1));
    await store.append({
      op: "access",
      accesses: [[idOf(1), { access_count: 1, last_accessed_at: TIME }]],
    });
    await store.append(edited(1));
    await store.append({ op: "receipt", receipt: receiptOf(1) });
    await store.append({ op: "embedded", ids: [idOf(1), idOf(2)] });
    await store.append({ ...deleteOf(1), receipt: receiptOf(2) });
    const expected = [
      "memory.created 1",
      "memory.updated 1",
      "memory.embedded 1",
      "memory.embedded 2",
      "memory.deleted 1",
    ];
    assert.deepEqual(await wordsOf(listener), expected);
    assert.deepEqual(await wordsOf(events.listen()), []);
    await store.close();
  });

  Deno.test(`${name}: an import is told in its place, when it is applied, and then what came after its commit`, async () => {
    const { store, state, events } = await start();
    const listener = events.listen();
    const changes = [
      putOf(1),
      { ...putOf(2), existing: true } as const,
      edited(3),
      { op: "receipt", receipt: receiptOf(1) } as const,
    ];
    const unit = await store.beginImport();
    await unit.stage(changes);
    await store.append(putOf(7));
    await unit.commit();
    await store.append(putOf(8));
    assert.deepEqual(await wordsOf(listener), ["memory.created 7"]);
    const between = events.listen();
    for (const change of changes) state.apply(change);
    unit.finish();
    unit.finish();
    await store.append(putOf(9));
    const expected = [
      "memory.created 1",
      "memory.updated 2",
      "memory.updated 3",
      "import.finished 1+2",
      "memory.created 8",
      "memory.created 9",
    ];
    assert.deepEqual(await wordsOf(listener), expected);
    assert.deepEqual(await wordsOf(between), expected);
    const dropped = await store.beginImport();
    await dropped.stage([putOf(4)]);
    dropped.finish();
    assert.deepEqual(await wordsOf(listener), []);
    await store.close();
  });

  Deno.test(`${name}: a listener goes on behind any event, and is told where there is no such event`, async () => {
    const { store, state, events } = await start();
    const listener = events.listen(), first = listener.position ?? "";
    await store.append(putOf(1));
    await importAll({ store, state }, [putOf(2), putOf(3)]);
    await store.append(deleteOf(1));
    const told = (await heard(listener)).events;
    assert.equal(told.length, 5);
    assert.equal(listener.position, last(told));
    for (const [n, id] of [first, ...told.map(({ id }) => id)].entries()) {
      assert.deepEqual((await heard(events.listen(id))).events, told.slice(n), `behind ${id}`);
    }
    const [seq, , sum] = last(told).split(".");
    const others = ["", "x", "1", "1.1", `${seq}.2.${sum}`, `${seq}.0.${sum}`, `${seq}.1.00000000`];
    for (const id of [...others, `999.1.${sum}`, `9`.repeat(400), `0.1.${sum}`, `1.1.${sum}`]) {
      assert.deepEqual(await heard(events.listen(id)), { events: [], end: "unknown" }, id);
    }
    await store.close();
  });

  Deno.test(`${name}: a stop is told to those who wait and to those who come`, async () => {
    const { store, events } = await start();
    const listener = events.listen();
    const waits = listener.next(10, forever);
    events.stop();
    assert.deepEqual(await waits, { end: "stopping" });
    assert.deepEqual(await listener.next(10, forever), { end: "stopping" });
    assert.deepEqual(await events.listen().next(10, forever), { end: "stopping" });
    await store.close();
  });
}

async function onRam() {
  const store = new RamStore(), state = new State();
  const events = new Events({ store, log: () => {} });
  await store.open(state, events);
  return { store, state, events };
}

Deno.test("who waits no longer is told why, and misses nothing", async () => {
  const { store, events } = await begin();
  const listener = events.listen(), reason = new Error("enough");
  const stop = new AbortController();
  const waits = listener.next(10, stop.signal);
  stop.abort(reason);
  await assert.rejects(waits, reason);
  await assert.rejects(listener.next(10, AbortSignal.abort(reason)), reason);
  await store.append(putOf(1));
  assert.deepEqual(await wordsOf(listener), ["memory.created 1"]);
  await store.close();
});

Deno.test("who asks for few at once is told all, in order, also in the middle of an import", async () => {
  const life = await begin();
  const listener = life.events.listen();
  await importAll(life, [putOf(1), putOf(2), putOf(3), putOf(4), putOf(5)]);
  const batches: number[] = [], told: string[] = [];
  while (told.length < 6) {
    const next = await listener.next(4, forever);
    assert.ok("events" in next);
    batches.push(next.events.length);
    told.push(...next.events.map(inWords));
  }
  const created = [1, 2, 3, 4, 5].map((n) => `memory.created ${n}`);
  assert.deepEqual([batches, told], [[4, 2], [...created, "import.finished 5+0"]]);
  await life.store.close();
});

Deno.test("who falls behind what is held is told so; whoever kept up is not", async () => {
  const life = await begin(undefined, undefined, { most: 3 });
  const slow = life.events.listen(), quick = life.events.listen();
  for (let n = 1; n <= 3; n++) await life.store.append(putOf(n));
  assert.equal((await heard(quick)).events.length, 3);
  const resumed = life.events.listen(slow.position ?? "");
  assert.equal((await heard(resumed)).events.length, 3);
  await life.store.append(putOf(4));
  assert.deepEqual(await wordsOf(slow), ["behind"]);
  assert.deepEqual(await wordsOf(quick), ["memory.created 4"]);
  // An import of any size is held until enough has come behind it.
  await importAll(life, [5, 6, 7, 8, 9].map((n) => putOf(n)));
  for (const n of [10, 11]) await life.store.append(putOf(n));
  assert.equal((await heard(quick, 2)).events.length, 8);
  await life.store.close();
});

Deno.test("over a clean stop, a kill and a power cut a listener goes on where he was", async () => {
  const first = await begin();
  const listener = first.events.listen();
  for (const change of [putOf(1), putOf(2)]) await first.store.append(change);
  const seen = last((await heard(listener, 1)).events.slice(0, 1));
  await first.store.close();
  const second = await begin(first.disk, first.clock);
  await second.store.append(edited(1));
  const idle = second.events.listen().position ?? "";
  const third = await killed(second);
  await importAll(third, [putOf(3)]);
  const fourth = await begin(third.disk.afterPowerCut(nothingSurvives), third.clock);
  await fourth.store.append(deleteOf(2));
  const expected = [
    "memory.created 2",
    "memory.updated 1",
    "memory.created 3",
    "import.finished 1+0",
    "memory.deleted 2",
  ];
  assert.deepEqual(await wordsOf(fourth.events.listen(seen)), expected);
  assert.deepEqual(await wordsOf(fourth.events.listen(idle)), expected.slice(2));
  await fourth.store.close();
});

Deno.test("who was given a place while nothing happened misses nothing over restarts in which nothing does", async () => {
  let life = await begin();
  const places = [life.events.listen().position ?? ""];
  for (
    const [n, end] of (["close", "kill", "close", "write", "close", "kill", "close"] as const)
      .entries()
  ) {
    if (end === "write") {
      await life.store.append(putOf(n));
      places.push(life.events.listen().position ?? "");
    }
    if (end === "kill") life = await killed(life);
    else {
      await life.store.close();
      life = await begin(life.disk, life.clock);
    }
    places.push(life.events.listen().position ?? "");
  }
  await life.store.append(putOf(9));
  const told = await Promise.all(places.map((place) => wordsOf(life.events.listen(place))));
  const all = ["memory.created 3", "memory.created 9"];
  assert.deepEqual(told, places.map((_, n) => n < 4 ? all : all.slice(1)));
  await life.store.close();
});

Deno.test("what the journal holds no more is not known, and what it still holds is", async () => {
  let life = await begin();
  const ids: string[] = [];
  for (let n = 1; n <= 4; n++) {
    const listener = life.events.listen();
    await life.store.append(putOf(n));
    ids.push(last((await heard(listener)).events));
    if (n < 4) await life.store.compact();
  }
  life = await killed(life);
  const told = await Promise.all(ids.map((id) => wordsOf(life.events.listen(id))));
  assert.deepEqual(told, [["unknown"], ["unknown"], ["memory.created 4"], []]);
  await life.store.close();
});

Deno.test("where a file of history is damaged, gone or edited, nothing from before it is told", async () => {
  const harms: readonly (readonly [string, (disk: SimulatedDisk) => void])[] = [
    ["a byte", (disk) => {
      const path = "/data/journal/000001.log", bytes = disk.files().get(path) ?? assert.fail();
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      disk.put(path, bytes);
    }],
    ["a file", (disk) => disk.remove("/data/journal/000002.log")],
    ["an edit", (disk) => {
      const path = "/data/memories.json", bytes = disk.files().get(path) ?? assert.fail();
      disk.put(path, new TextDecoder().decode(bytes).replace("memory 1", "MEMORY 1"));
    }],
  ];
  for (const [name, harm] of harms) {
    const first = await begin();
    const listener = first.events.listen();
    for (let n = 1; n <= 4; n++) await first.store.append(putOf(n));
    const { events: [seen] } = await heard(listener);
    await first.store.close();
    const second = await begin(first.disk, first.clock);
    await second.store.append(putOf(5));
    assert.equal((await heard(second.events.listen(seen?.id))).events.length, 4, name);
    second.fs.kill();
    harm(second.disk.afterKill());
    const third = await begin(second.disk, first.clock);
    await third.store.append(putOf(6));
    assert.deepEqual(await wordsOf(third.events.listen(seen?.id)), ["unknown"], name);
    // Nor in the next run, in which nothing is wrong any more.
    const place = third.events.listen().position ?? "";
    await third.store.close();
    const fourth = await begin(third.disk, third.clock);
    await fourth.store.append(putOf(7));
    assert.deepEqual(await wordsOf(fourth.events.listen(seen?.id)), ["unknown"], name);
    assert.deepEqual(await wordsOf(fourth.events.listen(place)), ["memory.created 7"], name);
    await fourth.store.close();
  }
});

Deno.test("what the disk did not take is not told; after healing all goes on, also over a restart", async () => {
  const isSync: Fault["only"] = (kind, path) => kind === "sync" && path.includes("journal");
  const clock = new FakeClock(), life = await begin(undefined, clock);
  const listener = life.events.listen();
  await life.store.append(putOf(1));
  life.fs.faults = [{ at: 1, code: "EIO", only: isSync }];
  assert.equal(await codeOf(life.store.append(putOf(2))), "storage_failed");
  await clock.advance(5_000);
  await life.store.append(putOf(3));
  const { events } = await heard(listener);
  assert.deepEqual(events.map(inWords), ["memory.created 1", "memory.created 3"]);
  const again = await killed(life);
  assert.deepEqual(await wordsOf(again.events.listen(events[0]?.id)), ["memory.created 3"]);
  await again.store.close();
});

Deno.test("files that cannot be read just now are asked for again", async () => {
  const first = await begin();
  const listener = first.events.listen();
  for (const n of [1, 2]) await first.store.append(putOf(n));
  const { events: [seen] } = await heard(listener);
  const second = await killed(first);
  second.fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "read" }];
  assert.deepEqual(await wordsOf(second.events.listen(seen?.id)), ["unknown"]);
  assert.deepEqual(await wordsOf(second.events.listen(seen?.id)), ["memory.created 2"]);
  assert.deepEqual(second.log.map(({ event }) => event), ["history_unreadable"]);
  await second.store.close();
});
