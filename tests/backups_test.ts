/** Automatic backups: when there is one, when none is needed, and what they hold. */
import assert from "node:assert/strict";
import { parseBackupName } from "../src/backup_name.ts";
import {
  backupsOn,
  create,
  DAILY,
  eventsOf,
  FOLDER,
  held,
  HOUR,
  memoriesIn,
  pass,
  withHoused,
} from "./fakes/backup_kit.ts";
import { bytesAt, longLife } from "./fakes/damage.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { canonical, importLines, opened } from "./fakes/housed_brain.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";

Deno.test("the first backup comes with the first memories, the next an interval later if they changed", async () => {
  await withHoused({}, async (all) => {
    await pass(all, 48 * HOUR);
    assert.deepEqual(backupsOn(all.disk), []);
    await create(all, 1);
    await pass(all, HOUR);
    const [first = "", ...none] = backupsOn(all.disk);
    assert.deepEqual(none, []);
    assert.match(first, /^backup-20260202T130000Z-[0-9a-f]{8}\.json$/);
    await pass(all, 48 * HOUR);
    assert.deepEqual(backupsOn(all.disk), [first]);
    await create(all, 2);
    await pass(all, 24 * HOUR);
    const [, second = "", ...more] = backupsOn(all.disk);
    assert.deepEqual(more, []);
    assert.deepEqual((await memoriesIn(all.disk, second)).map(({ memory }) => memory.content), [
      "memory 1",
      "memory 2",
    ]);
    const { backups } = all.brain.stats.all();
    const at = parseBackupName(second)?.at;
    assert.deepEqual(backups, { last_at: at, last_file: `exports/${second}`, kept: 2 });
    assert.equal(all.brain.stats.health().checks.backup, "ok");
    assert.deepEqual(eventsOf(all), ["backup_written", "backup_written"]);
  });
});

Deno.test("a backup holds all there is, vectors of the client's own to the last bit", async () => {
  await withHoused({}, async (all) => {
    const embedding = Float32Array.of(1 / 3, -1e-30, 3.4e38, 16_777_217);
    await all.brain.memories.create({
      id: idOf(1),
      content: 'ümläut 🙂 "quoted" \u0000\u2028\n',
      metadata: JSON.parse('{"__proto__":{"x":1},"n":1e20}'),
      tags: ["a", "b"],
      embedding,
    });
    all.brain.memories.read(idOf(1));
    await pass(all, HOUR);
    const [name = ""] = backupsOn(all.disk);
    const { memory, access } = all.brain.memories.peek(idOf(1));
    assert.deepEqual(await memoriesIn(all.disk, name), [{ memory, access }]);
    assert.equal(access.access_count, 1);
  });
});

Deno.test("only the newest are kept, and files of others are left alone", async () => {
  const disk = new SimulatedDisk();
  disk.put("/data/exports/backup-20260101T000000Z-12345678.json", "of long ago");
  disk.put("/data/exports/backup-20990101T000000Z-12345678.json", "of a wrong clock");
  disk.put("/data/memo", "mine");
  await withHoused({ disk }, async (all) => {
    for (let n = 1; n <= 5; n++) {
      await create(all, n);
      await pass(all, 25 * HOUR);
    }
    const days = backupsOn(disk).map((name) => parseBackupName(name)?.at.slice(0, 10));
    assert.deepEqual(days, ["2026-02-03", "2026-02-04", "2026-02-05"]);
    assert.ok(disk.files().has("/data/memo"));
  });
});

Deno.test("while damage is not acknowledged no old backup goes: it may be the whole one", async () => {
  const { disk } = await longLife();
  disk.put("/data/journal/000003.log", bytesAt(disk, "/data/journal/000003.log").fill(0, 300, 310));
  await withHoused({ disk }, async (all) => {
    assert.equal(all.brain.stats.health().checks.integrity, "degraded");
    for (let n = 11; n <= 15; n++) {
      await create(all, n);
      await pass(all, 25 * HOUR);
    }
    assert.equal(backupsOn(disk).length, 6);
  });
});

Deno.test("a start goes by the age of the newest backup, and sees that nothing has changed", async () => {
  const disk = new SimulatedDisk(), clock = new FakeClock();
  await clock.advance(Date.parse("2026-01-31T12:00:00.000Z"));
  await withHoused({ disk, clock }, async (all) => {
    await create(all, 1);
    await pass(all, HOUR);
  });
  const first = backupsOn(disk);
  assert.equal(first.length, 1);
  await withHoused({ disk, clock }, (all) => create(all, 2).then(() => pass(all, 22 * HOUR)));
  assert.deepEqual(backupsOn(disk), first);
  await withHoused({ disk, clock }, (all) => pass(all, 2 * HOUR));
  assert.equal(backupsOn(disk).length, 2);
  await clock.leap(100 * HOUR);
  await withHoused({ disk, clock }, (all) => pass(all, 100 * HOUR));
  assert.equal(backupsOn(disk).length, 2);
});

Deno.test("a backup that was damaged since does not stand for the memories", async () => {
  await withHoused({}, async (all) => {
    await create(all, 1);
    await pass(all, HOUR);
    const [name = ""] = backupsOn(all.disk);
    const bytes = all.disk.files().get(FOLDER + name) ?? assert.fail(name);
    bytes[bytes.length - 10] = 0x20;
    await all.brain.close();
    all.disk.put(FOLDER + name, bytes);
    await withHoused({ disk: all.disk, clock: all.clock }, (again) => pass(again, 30 * HOUR));
    assert.equal(backupsOn(all.disk).length, 2);
  });
});

Deno.test("a newest backup that is damaged or cannot be read while the brain runs is made again", async () => {
  await withHoused({}, async (all) => {
    await create(all, 1);
    await pass(all, HOUR);
    const [first = ""] = backupsOn(all.disk);
    all.disk.put(FOLDER + first, bytesAt(all.disk, FOLDER + first).subarray(0, -20));
    await pass(all, 25 * HOUR);
    assert.equal(backupsOn(all.disk).length, 2);
    const [, second = ""] = backupsOn(all.disk);
    const only = (kind: string, path: string) => kind === "open" && path === FOLDER + second;
    all.fs.faults = [{ at: 1, code: "EIO", sticky: true, only }];
    await pass(all, 25 * HOUR);
    assert.equal(backupsOn(all.disk).length, 3);
    assert.deepEqual(all.log.at(-2), {
      event: "backup_unreadable",
      detail: { file: second, error: "EIO" },
    });
    assert.equal(all.brain.stats.health().checks.backup, "ok");
  });
});

Deno.test("a clock that was ahead, and is set right, does not put the next backup off", async () => {
  await withHoused({}, async (all) => {
    await create(all, 1);
    await pass(all, HOUR);
    // The timers go on as they are: they count what goes by, not what the clock says.
    const now = all.clock.now.bind(all.clock);
    let aheadMs = 365 * 24 * HOUR;
    all.clock.now = () => now() + aheadMs;
    await create(all, 2);
    await pass(all, 25 * HOUR);
    const years = () => backupsOn(all.disk).map((name) => parseBackupName(name)?.at.slice(0, 4));
    assert.deepEqual(years(), ["2026", "2027"]);
    aheadMs = 0;
    await create(all, 3);
    await pass(all, 25 * HOUR);
    assert.deepEqual(years(), ["2026", "2026", "2027"]);
  });
});

Deno.test("without an interval there are no backups, before an import either", async () => {
  await withHoused({ backupPlan: undefined }, async (all) => {
    await create(all, 1);
    await importLines(all.brain, [{ id: idOf(1), content: "other" }], "overwrite");
    await pass(all, 1_000 * HOUR);
    assert.deepEqual(backupsOn(all.disk), []);
    assert.equal(all.brain.stats.health().checks.backup, "off");
    assert.equal(all.brain.stats.health().status, "ok");
  });
});

Deno.test("before an import that replaces memories there is a backup of what they were", async () => {
  await withHoused({}, async (all) => {
    await create(all, 1, "before");
    const later = { id: idOf(1), content: "after", updated_at: "2030-01-01T00:00:00Z" };
    await importLines(all.brain, [later], "skip");
    await importLines(all.brain, [{ id: idOf(2), content: "new" }], "overwrite");
    assert.deepEqual(backupsOn(all.disk), []);
    await importLines(all.brain, [later], "newest");
    const [name = "", ...none] = backupsOn(all.disk);
    assert.deepEqual(none, []);
    const contents = (await memoriesIn(all.disk, name)).map(({ memory }) => memory.content);
    assert.deepEqual(contents, ["before", "new"]);
    assert.equal(all.brain.memories.peek(idOf(1)).memory.content, "after");
  });
});

/** What the disk may do to a backup, and what is said of it. */
const FAULTS: readonly [
  string,
  "EIO" | "ENOSPC",
  (kind: string, path: string) => boolean,
  string,
][] = [
  ["cannot be begun", "EIO", (kind) => kind === "create", "EIO"],
  ["cannot be written", "EIO", (kind) => kind === "write", "EIO"],
  ["finds the disk full", "ENOSPC", (kind) => kind === "write", "insufficient_storage"],
  ["cannot be synced", "EIO", (kind) => kind === "sync", "EIO"],
  ["cannot be read back", "EIO", (kind) => kind === "read", "EIO"],
  ["cannot get its name", "EIO", (kind) => kind === "rename", "EIO"],
];

for (const [what, code, fails, said] of FAULTS) {
  Deno.test(`a backup that ${what} leaves nothing, is told, and is tried again`, async () => {
    await withHoused({}, async (all) => {
      await create(all, 1);
      all.fs.faults = [{
        at: 1,
        code,
        sticky: true,
        only: (kind, path) => path.startsWith(FOLDER) && fails(kind, path),
      }];
      await pass(all, HOUR);
      assert.deepEqual(backupsOn(all.disk), []);
      assert.deepEqual(all.log, [{
        event: "backup_failed",
        detail: { error: said, again_s: 300 },
      }]);
      const { status, checks } = all.brain.stats.health();
      assert.deepEqual([status, checks.backup], ["degraded", "failed"]);
      await create(all, 2);
      await pass(all, 10 * 60_000);
      assert.deepEqual(eventsOf(all), ["backup_failed", "backup_failed"]);
      all.fs.faults = [];
      await pass(all, HOUR);
      assert.equal(backupsOn(all.disk).length, 1);
      assert.deepEqual(all.brain.stats.health().status, "ok");
    });
  });
}

Deno.test("a backup whose bytes change on their way to the disk never counts", async () => {
  await withHoused({}, async (all) => {
    await create(all, 1, "x".repeat(1_000));
    const write = all.exportFolder.write.bind(all.exportFolder);
    all.exportFolder.write = (name, content, verify) => write(name, changed(content), verify);
    await pass(all, HOUR);
    assert.deepEqual(backupsOn(all.disk), []);
    assert.deepEqual(eventsOf(all), ["backup_failed"]);
  });
});

async function* changed(content: AsyncIterable<Uint8Array>) {
  for await (const piece of content) {
    yield piece.map((byte) => byte === 0x78 ? 0x79 : byte);
  }
}

Deno.test("a stop ends the backup under way, and leaves no half of it", async () => {
  const all = await opened({ backupPlan: DAILY });
  await create(all, 1);
  const gate = Promise.withResolvers<void>();
  const write = all.exportFolder.write.bind(all.exportFolder);
  all.exportFolder.write = (name, content, verify) => write(name, held(content, gate), verify);
  await pass(all, HOUR);
  const closed = all.brain.close();
  gate.resolve();
  await closed;
  assert.deepEqual(backupsOn(all.disk), []);
  assert.deepEqual(eventsOf(all), ["backup_given_up"]);
  assert.equal(all.clock.waiting, 0);
});

Deno.test("what a person put into the snapshot by hand is backed up as it is", async () => {
  const disk = new SimulatedDisk();
  const odd = {
    id: "one",
    content: " ",
    memory_type: "semantic",
    importance_score: 7,
    tags: [" a ", " a "],
    metadata: {},
    created_at: "2024-01-01T00:00:00.000Z",
    updated_at: "2024-01-02T00:00:00.000Z",
    access_count: 0,
    last_accessed_at: null,
  };
  disk.put("/data/memories.json", JSON.stringify([odd]));
  await withHoused({ disk }, async (all) => {
    const before = await canonical(all.brain);
    await pass(all, HOUR);
    const [name = ""] = backupsOn(disk);
    const [entry] = await memoriesIn(disk, name);
    const { access_count, last_accessed_at, ...memory } = odd;
    assert.deepEqual(entry, { memory, access: { access_count, last_accessed_at } });
    assert.equal(await canonical(all.brain), before);
  });
});
