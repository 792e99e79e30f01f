/** What listeners are told of: each durable change once, in the journal's order, over restarts. */
import assert from "node:assert/strict";
import { Events } from "../src/events.ts";
import { State } from "../src/state.ts";
import { RamStore } from "../src/store/ram.ts";
import { begin, heard, inWords, last, wordsOf } from "./fakes/listening.ts";
import { deleteOf, idOf, importAll, memoryOf, putOf, receiptOf, TIME } from "./fakes/store_kit.ts";

const forever = new AbortController().signal;
const edited = (n: number) => ({ op: "put", memory: memoryOf(n, { content: "edited" }) } as const);

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

Deno.test("an import that is being applied keeps its place, whatever is written meanwhile", async () => {
  const { store, state, events } = await begin(undefined, undefined, { most: 3 });
  const unit = await store.beginImport(), changes = [putOf(1), putOf(2)];
  await unit.stage(changes);
  await unit.commit();
  for (const n of [11, 12, 13, 14, 15]) await store.append(putOf(n));
  const joined = events.listen();
  assert.deepEqual(await wordsOf(joined), []);
  for (const change of changes) state.apply(change);
  unit.finish();
  assert.deepEqual(await wordsOf(joined), ["behind"]);
  assert.deepEqual(await wordsOf(events.listen()), []);
  await store.append(putOf(16));
  await store.close();
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
