/**
 * Room on the disk: growing writes are refused before it is used up; where it is used up all the
 * same, that is a definite no, deletes go on with the room in reserve, and it ends by itself.
 */
import assert from "node:assert/strict";
import { StoreOpenError } from "../src/store.ts";
import { type Fault, takesSpace } from "./fakes/disk_faults.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { drain } from "./fakes/indexing.ts";
import { everythingSurvives, nothingSurvives } from "./fakes/inode.ts";
import {
  assertDurable,
  BALLAST,
  BALLAST_BYTES,
  fill,
  large,
  LOOK_MS,
  openOn,
} from "./fakes/room.ts";
import {
  codeOf,
  contentsOf,
  deleteOf,
  open,
  printOf,
  putOf,
  seed,
  stateOf,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

Deno.test("the reserve is made at the start, of real bytes, once, and durably", async () => {
  const { disk, fs } = await openOn();
  const bytes = disk.files().get(BALLAST) ?? new Uint8Array();
  assert.equal(bytes.length, BALLAST_BYTES);
  assert.ok(new Set(bytes).size > 200, "bytes of all kinds");
  assert.deepEqual(disk.afterPowerCut(nothingSurvives).files().get(BALLAST), bytes);
  fs.kill();
  const again = await openOn({ disk: disk.afterKill() });
  assert.equal(
    again.fs.calls.some(({ kind, path }) => kind === "create" && path === BALLAST),
    false,
  );
  again.fs.kill();
  // One that a crash cut off is made anew.
  disk.put(BALLAST, bytes.slice(0, 100));
  await openOn({ disk: disk.afterKill() });
  assert.deepEqual(disk.files().get(BALLAST), bytes);
});

Deno.test("where the reserve does not fit beside some room, nothing grows: a delete could not follow", async () => {
  const disk = new SimulatedDisk();
  for (const capacityBytes of [1.5, 2.5]) {
    disk.capacityBytes = capacityBytes * BALLAST_BYTES;
    const opened = await openOn({ disk });
    const { store } = opened;
    const isFull = capacityBytes < 2;
    assert.equal(store.status().disk, isFull ? "full" : "ok");
    assert.equal(disk.files().has(BALLAST), !isFull);
    const code = await codeOf(store.append(putOf(1)));
    assert.equal(code, isFull ? "insufficient_storage" : "stored");
    assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
    opened.fs.kill();
    disk.afterKill();
    // What gives way to others just then has a timer, which is this test's.
    await drain();
  }
});

Deno.test("a full disk: a definite no to what grows, deletes go on, and it ends by itself", async () => {
  const opened = await openOn();
  const { store, disk, clock } = opened;
  disk.capacityBytes = 60_000;
  const refused = await fill(opened);
  assert.deepEqual([store.status().mode, store.status().disk], ["ok", "full"]);
  assert.equal(disk.files().has(BALLAST), false);
  await assertDurable(opened);
  const codes = await Promise.all([
    codeOf(store.append(deleteOf(1))),
    codeOf(store.append(large(2))),
    codeOf(store.append({ op: "access", accesses: [] })),
    codeOf(store.append(deleteOf(3))),
  ]);
  const no = "insufficient_storage";
  assert.deepEqual(codes, ["stored", no, no, "stored"]);
  await assertDurable(opened);
  disk.capacityBytes = 200_000;
  await clock.advance(LOOK_MS);
  assert.equal(store.status().disk, "ok");
  assert.equal(disk.files().get(BALLAST)?.length, BALLAST_BYTES);
  assert.equal(await codeOf(store.append(large(refused))), "stored");
  await assertDurable(opened);
  await store.close();
  assert.equal(clock.waiting, 0);
});

Deno.test("a DELETE that is the first to meet the full disk is stored, what is beside it is not", async () => {
  const opened = await openOn();
  const { store, disk, log } = opened;
  await Promise.all([1, 2, 3].map((n) => store.append(large(n))));
  disk.capacityBytes = usedBytes(disk) + 10;
  const codes = await Promise.all([
    codeOf(store.append(large(4))),
    codeOf(store.append(deleteOf(1))),
    codeOf(store.append(large(5))),
  ]);
  assert.deepEqual(codes, ["insufficient_storage", "stored", "insufficient_storage"]);
  assert.deepEqual(log.map(({ event }) => event), ["disk_full"]);
  assert.deepEqual(contentsOf(opened.state), contentsOf(stateOf([large(2), large(3)])));
  await assertDurable(opened);
  await store.close();
});

function usedBytes(disk: SimulatedDisk): number {
  return [...disk.files().values()].reduce((sum, bytes) => sum + bytes.length, 0);
}

Deno.test("what is deleted on a full disk gives its room back, without a restart", async () => {
  const opened = await openOn();
  const { store, disk, clock } = opened;
  for (let n = 1; n <= 3; n++) await store.append(large(n));
  await store.compact();
  disk.capacityBytes = 30_000;
  const refused = await fill(opened);
  for (let n = 1; n < refused; n++) assert.equal(await codeOf(store.append(deleteOf(n))), "stored");
  // Two looks have it compacted: the snapshot before and its journal stay until then.
  await clock.advance(3 * LOOK_MS);
  assert.equal(store.status().disk, "ok");
  assert.equal(await codeOf(store.append(large(refused))), "stored");
  await assertDurable(opened);
  await store.close();
});

Deno.test("reading is counted in memory only while the disk is full: the reserve is for deletes", async () => {
  const opened = await openOn();
  const { store, disk, fs } = opened;
  disk.capacityBytes = 40_000;
  await fill(opened);
  const before = fs.count("write");
  for (let n = 0; n < 100; n++) {
    assert.equal(
      await codeOf(store.append({ op: "access", accesses: [] })),
      "insufficient_storage",
    );
  }
  assert.equal(fs.count("write"), before);
  assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
  await store.close();
});

Deno.test("an import that meets the full disk never was, and ends there", async () => {
  const opened = await openOn();
  const { store, disk } = opened;
  await store.append(large(1));
  disk.capacityBytes = usedBytes(disk) + 3_000;
  const unit = await store.beginImport();
  assert.equal(await codeOf(unit.stage([large(2)])), "stored");
  assert.equal(await codeOf(unit.stage([large(3), large(4)])), "insufficient_storage");
  assert.equal(await codeOf(unit.commit()), "insufficient_storage");
  unit.finish();
  assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
  await store.close();
  disk.capacityBytes = undefined;
  assert.equal((await openOn({ disk })).state.size, 0);
});

Deno.test("below the free bytes that are wanted nothing grows; it ends when there is room", async () => {
  for (const atStart of [false, true]) {
    const disk = new SimulatedDisk();
    if (atStart) disk.capacityBytes = 50_000;
    const opened = await openOn({ minFreeBytes: 100_000, disk });
    const { store, clock } = opened;
    if (!atStart) {
      disk.capacityBytes = 200_000;
      for (let n = 0; n < 50; n++) await store.append(putOf(n));
      disk.capacityBytes = 50_000;
      await clock.advance(LOOK_MS);
    }
    assert.deepEqual([store.status().mode, store.status().disk], ["ok", "low"]);
    assert.equal(await codeOf(store.append(putOf(60))), "insufficient_storage");
    assert.equal(
      await codeOf((await store.beginImport()).stage([putOf(61)])),
      "insufficient_storage",
    );
    assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
    disk.capacityBytes = 300_000;
    assert.equal(await codeOf(store.append(putOf(60))), "insufficient_storage");
    await clock.advance(LOOK_MS);
    assert.equal(store.status().disk, "ok");
    assert.equal(await codeOf(store.append(putOf(60))), "stored");
    opened.fs.kill();
    await drain();
  }
});

Deno.test("where the system does not tell what is free, a full disk still ends by itself", async () => {
  const opened = await openOn({ minFreeBytes: 1e12, simulated: { hidesFreeBytes: true } });
  const { store, disk, clock } = opened;
  disk.capacityBytes = 40_000;
  await fill(opened);
  await clock.advance(3 * LOOK_MS);
  assert.equal(store.status().disk, "full");
  assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
  disk.capacityBytes = 100_000;
  await clock.advance(LOOK_MS);
  assert.equal(store.status().disk, "ok");
  assert.equal(await codeOf(store.append(large(1))), "stored");
  await store.close();
});

Deno.test("a start on a full disk takes the reserve, deletes, and is well once there is room", async () => {
  const first = await openOn();
  first.disk.capacityBytes = 40_000;
  const refused = await fill(first);
  first.disk.capacityBytes = 80_000;
  await first.clock.advance(LOOK_MS);
  first.fs.kill();
  const disk = first.disk.afterPowerCut(everythingSurvives);
  assert.ok(disk.files().has(BALLAST));
  disk.capacityBytes = usedBytes(disk);
  const second = await openOn({ disk });
  const { store, clock } = second;
  assert.equal(store.status().disk, "full");
  assert.equal(printOf(second.state), printOf(first.state));
  assert.equal(await codeOf(store.append(large(refused))), "insufficient_storage");
  assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
  disk.capacityBytes = 100_000;
  await clock.advance(LOOK_MS);
  assert.equal(await codeOf(store.append(large(refused))), "stored");
  await assertDurable(second);
  await store.close();
});

Deno.test("a quota that is used up is a full disk", async () => {
  const { store, fs, clock, disk } = await openOn();
  const none: Fault = { at: 1, code: "EDQUOT", sticky: true, only: takesSpace, part: 0.9 };
  fs.faults = [none];
  const full = await Promise.all([2, 3, 4].map((n) => codeOf(store.append(putOf(n)))));
  assert.deepEqual(full, Array(3).fill("insufficient_storage"));
  assert.equal(store.status().disk, "full");
  await clock.advance(5 * LOOK_MS);
  assert.equal(store.status().disk, "full", "statfs knows nothing of quotas: the reserve tells");
  fs.faults = [];
  await clock.advance(LOOK_MS);
  assert.equal(await codeOf(store.append(putOf(5))), "stored");
  const after = await open(disk.afterPowerCut(nothingSurvives));
  assert.deepEqual(contentsOf(after.state), contentsOf(stateOf([putOf(5)])));
  await store.close();
});

Deno.test("healing has the reserve too", async () => {
  const opened = await openOn();
  const { store, fs, disk, clock } = opened;
  await store.append(large(1));
  fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "sync" }];
  assert.equal(await codeOf(store.append(large(2))), "storage_failed");
  disk.capacityBytes = usedBytes(disk) + 100;
  await clock.advance(5_000);
  assert.deepEqual([store.status().disk, disk.files().has(BALLAST)], ["failed", false]);
  await clock.advance(10_000);
  assert.deepEqual([store.status().mode, store.status().disk], ["ok", "full"]);
  assert.equal(await codeOf(store.append(deleteOf(1))), "stored");
  await assertDurable(opened);
  await store.close();
});

Deno.test("a start that a quota refuses says so, and the next one has the room of the reserve", async () => {
  const { store, fs, disk } = await openOn();
  await store.append(large(1));
  fs.kill();
  disk.afterKill();
  const isWriting: Fault["only"] = (kind) => kind === "create" || kind === "write";
  const faults = [{ at: 1, code: "EDQUOT", sticky: true, only: isWriting }];
  await assert.rejects(openOn({ disk, simulated: { faults } }), (error) => {
    assert.ok(error instanceof StoreOpenError);
    assert.equal(error.fault, "no_access");
    assert.match(error.message, /^Cannot open the data folder: the disk is full/);
    return true;
  });
  assert.equal(disk.files().has(BALLAST), false);
  const next = await openOn({ disk });
  assert.deepEqual(contentsOf(next.state), contentsOf(stateOf([large(1)])));
  await next.store.close();
});
