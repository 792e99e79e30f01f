/** Over restarts, crashes, damage and failing disks listeners go on where they were, or are told that they cannot. */
import assert from "node:assert/strict";
import type { OperationKind } from "./fakes/disk_faults.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { drain } from "./fakes/indexing.ts";
import { nothingSurvives } from "./fakes/inode.ts";
import { begin, heard, inWords, last, type Life, wordsOf } from "./fakes/listening.ts";
import { codeOf, deleteOf, importAll, memoryOf, putOf } from "./fakes/store_kit.ts";

const isSync = (kind: OperationKind, path: string) => kind === "sync" && path.includes("journal");
const edited = (n: number) => ({ op: "put", memory: memoryOf(n, { content: "edited" }) } as const);

/** Ends the process without a word, and begins another over what is left. */
async function killed(life: Life): Promise<Life> {
  life.fs.kill();
  return await begin(life.disk.afterKill(), life.clock);
}

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

Deno.test("over a restart an import is told as it was; one without its commit, or without a change, takes nothing away", async () => {
  const first = await begin();
  const place = first.events.listen().position ?? "";
  const lost = await first.store.beginImport();
  await lost.stage([putOf(1)]);
  lost.finish();
  await importAll(first, []);
  const existing = { ...putOf(3), existing: true } as const;
  await importAll(first, [putOf(2), existing, deleteOf(4)]);
  const told = await heard(first.events.listen(place));
  assert.deepEqual(told.events.map(inWords), [
    "import.finished 0+0",
    "memory.created 2",
    "memory.updated 3",
    "memory.deleted 4",
    "import.finished 1+1",
  ]);
  const second = await killed(first);
  for (const [n, id] of [place, ...told.events.map(({ id }) => id)].entries()) {
    const later = await heard(second.events.listen(id));
    assert.deepEqual(later, { events: told.events.slice(n) }, `behind ${id}`);
  }
  await second.store.close();
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
  const both = ["memory.created 3", "memory.created 4"];
  assert.deepEqual(told, [["unknown"], both, both.slice(1), []]);
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

async function copyOf(disk: SimulatedDisk, isWanted: (path: string) => boolean) {
  const copy = new SimulatedDisk();
  await new SimulatedFileSystem(copy).makeFolder("/data/journal");
  for (const [path, bytes] of disk.files()) if (isWanted(path)) copy.put(path, bytes);
  return copy;
}

Deno.test("an id of what a backup, or a copy of the folder, took the place of is not known, be the lines the same", async () => {
  const first = await begin();
  for (const n of [1, 2]) await first.store.append(putOf(n));
  const known = last((await heard(first.events.listen("1.0.00000000"))).events);
  await first.store.close();
  const backup = await copyOf(first.disk, (path) => path === "/data/memories.json");
  const copy = await copyOf(first.disk, () => true);
  const lost = await begin(first.disk, first.clock);
  const listener = lost.events.listen();
  for (const change of [putOf(7), deleteOf(1), deleteOf(2)]) await lost.store.append(change);
  const { events } = await heard(listener);
  await lost.store.close();
  await lost.clock.advance(1);
  for (const [disk, told] of [[backup, "unknown"], [copy, "memory.created 8"]] as const) {
    const next = await begin(disk, lost.clock);
    for (const change of [putOf(8), deleteOf(1)]) await next.store.append(change);
    for (const { id } of events) {
      assert.deepEqual(await wordsOf(next.events.listen(id)), ["unknown"]);
    }
    assert.equal((await wordsOf(next.events.listen(known)))[0], told);
    const again = await killed(next);
    for (const { id } of events) {
      assert.deepEqual(await wordsOf(again.events.listen(id)), ["unknown"]);
    }
    await again.store.close();
  }
});

/** A write that the disk fails, and what the store does about it: all is written anew. */
async function heal(life: Life): Promise<void> {
  life.fs.faults = [{ at: 1, code: "EIO", only: isSync }];
  assert.equal(await codeOf(life.store.append(putOf(9))), "storage_failed");
  await life.clock.advance(5_000);
}

Deno.test("what the disk did not take is not told; after healing all goes on, also over a restart", async () => {
  const life = await begin();
  const listener = life.events.listen();
  await life.store.append(putOf(1));
  await heal(life);
  await life.store.append(putOf(3));
  const { events } = await heard(listener);
  assert.deepEqual(events.map(inWords), ["memory.created 1", "memory.created 3"]);
  const again = await killed(life);
  assert.deepEqual(await wordsOf(again.events.listen(events[0]?.id)), ["memory.created 3"]);
  await again.store.close();
});

Deno.test("where the files of before are gone, one who asks for what was in them takes nothing from others", async () => {
  const first = await begin();
  for (const n of [1, 2]) await first.store.append(putOf(n));
  const { events } = await heard(first.events.listen("1.0.00000000"));
  await first.store.close();
  for (const writes of [0, 3]) {
    const life = await begin(first.disk, first.clock);
    for (const _ of [1, 2, 3]) {
      if (writes > 0) await life.store.append(putOf(3));
      else await heal(life);
      await life.store.compact();
    }
    const gone = life.events.listen(events[0]?.id);
    assert.deepEqual(await wordsOf(gone), ["unknown"]);
    const place = life.events.listen().position ?? "";
    const told = Array.from({ length: writes }, () => "memory.created 3");
    assert.deepEqual(await wordsOf(life.events.listen(last(events))), told);
    assert.deepEqual(await wordsOf(life.events.listen(place)), []);
    life.fs.kill();
    first.disk.afterKill();
  }
});

Deno.test("a file that goes while it is read takes only what was before it", async () => {
  const first = await begin();
  for (const n of [1, 2]) {
    await first.store.append(putOf(n));
    await first.store.compact();
  }
  const listener = first.events.listen();
  for (const n of [3, 4]) await first.store.append(putOf(n));
  const { events: [seen, later] } = await heard(listener);
  first.fs.kill();
  let isGoing = false, opened = 0;
  const went = Promise.withResolvers<void>();
  // Its header is read first, then all of it.
  const gate = (kind: string, path: string) => {
    const isIt = isGoing && kind === "open" && path.endsWith("000002.log");
    return isIt && ++opened === 2 ? went.promise : undefined;
  };
  const second = await begin(first.disk.afterKill(), first.clock, { gate });
  isGoing = true;
  const told = second.events.listen(seen?.id).next(10, new AbortController().signal);
  await drain();
  first.disk.remove("/data/journal/000002.log");
  went.resolve();
  assert.deepEqual([await told, opened, second.log], [{ events: [later] }, 2, []]);
  await second.store.close();
});

Deno.test("who is stopped, or waits no longer, while the files are read is told so", async () => {
  const first = await begin();
  await first.store.append(putOf(1));
  first.fs.kill();
  const slow = Promise.withResolvers<void>(), stop = new AbortController();
  let isSlow = false;
  const gate = (kind: string) => kind === "read" && isSlow ? slow.promise : undefined;
  const second = await begin(first.disk.afterKill(), first.clock, { gate });
  isSlow = true;
  const aborted = second.events.listen("1.0.00000000").next(10, stop.signal);
  const stopped = second.events.listen("1.0.00000000");
  const end = stopped.next(10, new AbortController().signal);
  const told = second.events.listen("1.1.00000000").next(10, new AbortController().signal);
  stop.abort(new Error("enough"));
  second.events.stop();
  slow.resolve();
  await assert.rejects(aborted, /enough/);
  assert.deepEqual(await Promise.all([end, told]), [{ end: "stopping" }, { end: "unknown" }]);
  await second.store.close();
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
