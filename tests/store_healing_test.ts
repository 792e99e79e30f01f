/**
 * What the store does when the disk fails, fills up, is slow or comes back: in the order in which
 * callers see it, with time turned by hand.
 */
import assert from "node:assert/strict";
import type { Change } from "../src/memory.ts";
import type { Fault } from "./fakes/disk_faults.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { nothingSurvives } from "./fakes/inode.ts";
import { codeOf, contentsOf, deleteOf, open, printOf, putOf, stateOf } from "./fakes/store_kit.ts";

const isSync: Fault["only"] = (kind, path) => kind === "sync" && path.includes("journal");
const isWrite: Fault["only"] = (kind, path) => kind === "write" && path.includes("journal");

Deno.test("after a failed fsync: unknown, then read-only, then healed by new files", async () => {
  const { store, state, fs, clock, disk, log } = await open();
  await store.append(putOf(1));
  fs.faults = [{ at: 1, code: "EIO", only: isSync }];
  assert.equal(await codeOf(store.append(putOf(2))), "storage_failed");
  assert.equal(await codeOf(store.append(putOf(3))), "read_only");
  assert.equal(await codeOf(store.beginImport()), "read_only");
  assert.equal(store.status().mode, "read_only");
  assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(1)])));
  await clock.advance(4_999);
  assert.equal(await codeOf(store.append(putOf(3))), "read_only");
  await clock.advance(1);
  assert.equal(store.status().mode, "ok");
  assert.equal(await codeOf(store.append(putOf(4))), "stored");
  assert.deepEqual(log.map(({ event }) => event), ["disk_failed", "disk_healed"]);
  const after = await open(disk.afterPowerCut(nothingSurvives));
  assert.deepEqual(contentsOf(after.state), contentsOf(stateOf([putOf(1), putOf(4)])));
  assert.deepEqual(after.recovery, { integrity: "ok", notes: [] });
  await store.close();
});

Deno.test("healing is tried again at growing distances", async () => {
  const { store, fs, clock, log } = await open();
  fs.faults = [{ at: 1, code: "EIO", sticky: true }];
  assert.equal(await codeOf(store.append(putOf(1))), "storage_failed");
  const tries = () => log.filter(({ event }) => event === "heal_failed").length;
  const after: number[] = [];
  for (const seconds of [5, 10, 20, 40, 80, 160, 300, 300, 300]) {
    await clock.advance(seconds * 1000 - 1);
    after.push(tries());
    await clock.advance(1);
    assert.equal(tries(), after.length);
  }
  assert.deepEqual(after, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  fs.faults = [];
  await clock.advance(300_000);
  assert.equal(await codeOf(store.append(putOf(2))), "stored");
  await store.close();
});

Deno.test("a full disk that cannot be cleared up is no definite answer", async () => {
  const { store, fs, clock } = await open();
  fs.faults = [
    { at: 1, code: "ENOSPC", only: isWrite, part: 0.5 },
    { at: 1, code: "EIO", only: (kind) => kind === "truncate" },
  ];
  assert.equal(await codeOf(store.append(putOf(1))), "storage_failed");
  assert.equal(await codeOf(store.append(putOf(2))), "read_only");
  await clock.advance(5_000);
  assert.equal(await codeOf(store.append(putOf(2))), "stored");
  await store.close();
});

Deno.test("an import that the disk fails in the middle of is gone as a whole", async () => {
  const { store, fs, clock, disk } = await open();
  const unit = await store.beginImport();
  await unit.stage([putOf(1)]);
  fs.faults = [{ at: 1, code: "EIO", only: isSync }];
  assert.equal(await codeOf(store.append(putOf(2))), "storage_failed");
  await clock.advance(60_000);
  assert.equal(store.status().mode, "read_only", "healing waits for the import's end");
  assert.equal(await codeOf(unit.stage([putOf(3)])), "read_only");
  unit.finish();
  await clock.advance(60_000);
  assert.equal(store.status().mode, "ok");
  assert.equal(await codeOf(unit.commit()), "read_only");
  await store.close();
  assert.equal((await open(disk)).state.size, 0);
});

Deno.test("compaction that fails leaves writes going on, and is tried again later", async () => {
  const { store, fs, clock, log, disk, state } = await open();
  const isSnapshot: Fault["only"] = (_, path) => path.endsWith("memories.json.tmp");
  fs.faults = [{ at: 1, code: "ENOSPC", sticky: true, only: isSnapshot }];
  const large = (n: number): Change => putOf(n, { content: "x".repeat(500_000) });
  const failures = () => log.filter(({ event }) => event === "compaction_failed").length;
  for (let n = 0; n < 20; n++) await store.append(large(n));
  await clock.advance(59_000);
  assert.equal(failures(), 1);
  await store.append(large(20));
  await clock.advance(1_001);
  await store.append(large(21));
  await clock.advance(1);
  assert.equal(failures(), 2);
  fs.faults = [];
  await clock.advance(119_000);
  await store.append(deleteOf(1));
  assert.equal(store.status().memoriesBytes, 0);
  await clock.advance(1_001);
  await store.append(deleteOf(2));
  for (let turns = 0; turns < 1_000 && store.status().memoriesBytes === 0; turns++) await drain();
  assert.ok(store.status().memoriesBytes > 9_000_000);
  assert.ok(store.status().journalBytes < 1_000);
  assert.equal(failures(), 2);
  const after = await open(disk.afterPowerCut(nothingSurvives));
  assert.deepEqual([...after.state.memories()].length, state.size);
  assert.equal(printOf(after.state), printOf(state));
  await store.close();
});

Deno.test("a clock that is set back does not put off the compaction that failed", async () => {
  const { store, fs, clock, log } = await open();
  await clock.leap(100 * 3_600_000);
  const isSnapshot: Fault["only"] = (_, path) => path.endsWith("memories.json.tmp");
  fs.faults = [{ at: 1, code: "ENOSPC", sticky: true, only: isSnapshot }];
  const large = (n: number): Change => putOf(n, { content: "x".repeat(500_000) });
  for (let n = 0; n < 20; n++) await store.append(large(n));
  await clock.advance(1);
  assert.deepEqual(log.map(({ event }) => event), ["compaction_failed"]);
  fs.faults = [];
  await clock.leap(-90 * 3_600_000);
  await store.append(large(20));
  for (let turns = 0; turns < 1_000 && store.status().memoriesBytes === 0; turns++) await drain();
  assert.ok(store.status().memoriesBytes > 9_000_000);
  await store.close();
});

/** Holds up operations until they are let go. */
class Gate {
  #held = Promise.withResolvers<void>();
  #reached = Promise.withResolvers<void>();
  closedFor: Fault["only"] = undefined;

  readonly wait = (kind: string, path: string): Promise<void> | undefined => {
    if (this.closedFor?.(kind as "write", path) !== true) return undefined;
    this.#reached.resolve();
    return this.#held.promise;
  };

  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  letGo(): void {
    this.closedFor = undefined;
    this.#held.resolve();
  }
}

async function openGated() {
  const gate = new Gate(), disk = new SimulatedDisk(), clock = new FakeClock();
  const opened = await open(disk, { gate: gate.wait }, clock);
  return { ...opened, gate };
}

Deno.test("while the disk is slow changes wait, up to a limit; none is lost", async () => {
  const { store, state, gate, disk } = await openGated();
  gate.closedFor = isSync;
  const first = codeOf(store.append(putOf(0)));
  await gate.reached;
  const others = Array.from({ length: 5_050 }, (_, n) => codeOf(store.append(putOf(n + 1))));
  await Promise.resolve();
  assert.equal(store.status().queued, 5_000);
  assert.equal(state.size, 0);
  gate.letGo();
  const codes = [await first, ...await Promise.all(others)];
  assert.deepEqual(codes, [...Array(5_001).fill("stored"), ...Array(50).fill("overloaded")]);
  assert.equal(store.status().queued, 0);
  const after = await open(disk.afterPowerCut(nothingSurvives));
  assert.equal(printOf(after.state), printOf(state));
  assert.equal(state.size, 5_001);
  await store.close();
});

Deno.test("what waits is bounded in size too, and one change is", async () => {
  const { store, gate } = await openGated();
  gate.closedFor = isSync;
  const large = (n: number, length: number) =>
    codeOf(store.append(putOf(n, { content: "x".repeat(length) })));
  const first = large(0, 1);
  await gate.reached;
  const others = Array.from({ length: 4 }, (_, n) => large(n + 1, 3_000_000));
  const huge = [
    large(9, 5_000_000),
    codeOf(store.append(putOf(9, { content: "ü".repeat(2_500_000) }))),
  ];
  gate.letGo();
  assert.deepEqual(await Promise.all([first, ...others, ...huge]), [
    ..."stored stored stored overloaded overloaded too_large too_large".split(" "),
  ]);
  await store.close();
});

Deno.test("closing writes what waits, takes nothing more, and may be asked twice", async () => {
  const { store, gate, disk } = await openGated();
  gate.closedFor = isSync;
  const waiting = [codeOf(store.append(putOf(1)))];
  await gate.reached;
  waiting.push(codeOf(store.append(putOf(2))), codeOf(store.append(putOf(3))));
  const closing = [store.close(), store.close()];
  const late = codeOf(store.append(putOf(4)));
  gate.letGo();
  assert.deepEqual(await Promise.all([...waiting, late]), [
    "stored",
    "stored",
    "stored",
    "not_ready",
  ]);
  assert.equal(await codeOf(store.append(putOf(5))), "not_ready");
  await Promise.all(closing);
  const after = await open(disk);
  assert.deepEqual(contentsOf(after.state), contentsOf(stateOf([putOf(1), putOf(2), putOf(3)])));
  assert.ok(after.store.status().memoriesBytes > 0);
  assert.ok(after.store.status().journalBytes < 1_000);
});

Deno.test("closing waits for healing under way, which then has healed or harmed nothing", async () => {
  for (const failing of [false, true]) {
    const { store, gate, fs, disk, clock } = await openGated();
    await store.append(putOf(1));
    fs.faults = [{ at: 1, code: "EIO", only: isSync }];
    assert.equal(await codeOf(store.append(putOf(2))), "storage_failed");
    gate.closedFor = (kind, path) => kind === "rename" && path.endsWith("/memories.json");
    const healing = clock.advance(5_000);
    await gate.reached;
    let closed = false;
    const closing = store.close().then(() => closed = true);
    await drain();
    assert.equal(closed, false);
    assert.equal(disk.locks.size, 1);
    if (failing) fs.faults = [{ at: 1, code: "EIO", sticky: true }];
    gate.letGo();
    await Promise.all([healing, closing]);
    assert.equal(clock.waiting, 0);
    assert.equal(disk.locks.size, 0);
    assert.equal(fs.opened, 0);
    const after = await open(disk.afterPowerCut(nothingSurvives));
    assert.deepEqual(
      contentsOf(after.state).entries.slice(0, 1),
      contentsOf(stateOf([putOf(1)])).entries,
    );
  }
});

Deno.test("writes during a compaction are in neither or both of snapshot and journal, never lost", async () => {
  const { store, state, gate, disk } = await openGated();
  for (let n = 0; n < 20; n++) await store.append(putOf(n));
  gate.closedFor = (kind, path) => kind === "write" && path.endsWith(".json.tmp");
  const compaction = store.compact();
  await gate.reached;
  for (let n = 0; n < 20; n += 2) await store.append(deleteOf(n));
  await Promise.all([store.append(putOf(5)), store.append(putOf(30))]);
  const unit = await store.beginImport();
  await unit.stage([putOf(31), deleteOf(1)]);
  await unit.commit();
  state.apply(putOf(31));
  state.apply(deleteOf(1));
  const cut = disk.afterPowerCut(nothingSurvives);
  gate.letGo();
  await compaction;
  unit.finish();
  assert.equal(printOf((await open(cut)).state), printOf(state));
  assert.equal(printOf((await open(disk.afterPowerCut(nothingSurvives))).state), printOf(state));
  await store.close();
});

Deno.test("a snapshot that reads back differently does not replace the one there is", async () => {
  const disk = new SimulatedDisk();
  const gate = (kind: string, path: string): undefined => {
    if (kind === "open" && path.endsWith("memories.json.tmp")) {
      disk.put(path, "not what was written");
    }
  };
  const { store, log } = await open(disk, { gate });
  await store.append(putOf(1));
  await store.compact();
  assert.deepEqual(log.map(({ event }) => event), ["compaction_failed"]);
  assert.equal(disk.files().has("/data/memories.json"), false);
  assert.equal((await open(disk.afterPowerCut(nothingSurvives))).state.size, 1);
});
