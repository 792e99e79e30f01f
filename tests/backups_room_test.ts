/** Automatic backups take only room that nobody else needs. */
import assert from "node:assert/strict";
import {
  backupsOn,
  create,
  eventsOf,
  held,
  HOUR,
  memoriesIn,
  pass,
  withHoused,
} from "./fakes/backup_kit.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { opened } from "./fakes/housed_brain.ts";
import { drain } from "./fakes/indexing.ts";

Deno.test("with a quota, a backup for which there is no room costs no older one", async () => {
  await withHoused({ limits: { memories: 0, bytes: 60_000 } }, async (all) => {
    for (let n = 1; n <= 4; n++) {
      await create(all, n, "x".repeat(2_000));
      await pass(all, 25 * HOUR);
    }
    assert.equal(backupsOn(all.disk).length, 3);
    while (all.brain.stats.storedBytes < 50_000) {
      await create(all, 10 + all.brain.stats.totalMemories, "x".repeat(4_000));
    }
    const before = backupsOn(all.disk);
    assert.equal(before.length, 3);
    await pass(all, 25 * HOUR);
    assert.deepEqual(backupsOn(all.disk), before);
    assert.equal(all.brain.stats.health().checks.backup, "failed");
    assert.equal((await memoriesIn(all.disk, before.at(-1) ?? "")).length, 4);
  });
});

Deno.test("no write is refused for a backup's sake: the oldest go first, at last the last one", async () => {
  await withHoused({ limits: { memories: 0, bytes: 60_000 } }, async (all) => {
    for (let n = 1; n <= 3; n++) {
      await create(all, n, "x".repeat(3_000));
      await pass(all, 25 * HOUR);
    }
    const seen = new Set([backupsOn(all.disk).length]);
    const newest = backupsOn(all.disk).at(-1);
    let bytes = 0;
    for (let n = 10;; n++) {
      const before = backupsOn(all.disk);
      const done = await create(all, n, "x".repeat(3_000)).then(() => true, () => false);
      if (!done) break;
      bytes = all.brain.stats.storedBytes;
      const left = backupsOn(all.disk);
      assert.deepEqual(left, before.slice(before.length - left.length));
      if (left.length > 0) assert.equal(left.at(-1), newest);
      seen.add(left.length);
    }
    assert.ok(bytes > 54_000 && bytes <= 60_000, String(bytes));
    assert.deepEqual([...seen], [3, 2, 1, 0]);
  });
});

Deno.test("where all backups together would not be room enough, none of them goes", async () => {
  await withHoused({ limits: { memories: 0, bytes: 60_000 } }, async (all) => {
    for (const n of [1, 2]) {
      await create(all, n, "x".repeat(3_000));
      await pass(all, 25 * HOUR);
    }
    const before = backupsOn(all.disk);
    const refused = create(all, 3, "x".repeat(59_000));
    await assert.rejects(refused, { code: "insufficient_storage" });
    assert.deepEqual([before.length, backupsOn(all.disk)], [2, before]);
  });
});

Deno.test("a backup under way gives way to a write that needs its room", async () => {
  await withHoused({ limits: { memories: 0, bytes: 60_000 } }, async (all) => {
    for (let n = 1; n <= 6; n++) await create(all, n, "x".repeat(3_000));
    const gate = Promise.withResolvers<void>();
    const write = all.exportFolder.write.bind(all.exportFolder);
    all.exportFolder.write = (name, content, verify) => write(name, held(content, gate), verify);
    await pass(all, HOUR);
    const before = all.brain.stats.storedBytes;
    const written = [7, 8, 9, 10].map((n) => create(all, n, "x".repeat(5_000)));
    await drain();
    gate.resolve();
    await Promise.all(written);
    assert.ok(all.brain.stats.storedBytes > before + 20_000);
    assert.deepEqual(backupsOn(all.disk), []);
    assert.deepEqual(eventsOf(all), ["backup_given_up"]);
  });
});

Deno.test("on a disk that is nearly full no backup is begun", async () => {
  const free = { bytes: 100 };
  await withHoused({ freeBytes: () => Promise.resolve(free.bytes) }, async (all) => {
    await create(all, 1);
    await pass(all, HOUR);
    assert.deepEqual(backupsOn(all.disk), []);
    const detail = { error: "insufficient_storage", again_s: 300 };
    assert.deepEqual(all.log, [{ event: "backup_failed", detail }]);
    free.bytes = 100_000;
    await pass(all, HOUR);
    assert.equal(backupsOn(all.disk).length, 1);
  });
});

Deno.test("on a disk that becomes nearly full old backups go, and the newest stays", async () => {
  const free = { bytes: 1e9 };
  await withHoused({ freeBytes: () => Promise.resolve(free.bytes) }, async (all) => {
    for (const n of [1, 2, 3]) {
      await create(all, n);
      await pass(all, 25 * HOUR);
    }
    const newest = backupsOn(all.disk).slice(-1);
    free.bytes = 1e6;
    await pass(all, HOUR / 2);
    assert.deepEqual(backupsOn(all.disk), newest);
  });
});

Deno.test("exports removed by hand make room at once", async () => {
  const disk = new SimulatedDisk();
  disk.put("/data/exports/export-1.json", new Uint8Array(50_000));
  const all = await opened({ disk, limits: { memories: 0, bytes: 60_000 } });
  await all.exportFolder.open();
  await assert.rejects(create(all, 1, "x".repeat(20_000)), { code: "insufficient_storage" });
  disk.remove("/data/exports/export-1.json");
  await create(all, 1, "x".repeat(20_000));
  await all.brain.close();
});
