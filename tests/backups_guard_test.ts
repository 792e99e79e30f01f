/** When a backup must not go, whatever is in want of its room. */
import assert from "node:assert/strict";
import {
  backupsOn,
  create,
  eventsOf,
  FOLDER,
  HOUR,
  memoriesIn,
  pass,
  withHoused,
} from "./fakes/backup_kit.ts";
import { bytesAt, longLife } from "./fakes/damage.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { type Housed, type HousedOptions, importLines } from "./fakes/housed_brain.ts";
import { idOf } from "./fakes/store_kit.ts";

const QUOTA = { memories: 0, bytes: 60_000 };
/** Two of 20,000 bytes: half of them must go for a memory of 25,000 characters. */
const OLD = ["backup-20260129T120000Z-12345678.json", "backup-20260130T120000Z-12345678.json"];

function withOldBackups(disk: SimulatedDisk, bytes = 20_000): SimulatedDisk {
  for (const name of OLD) disk.put(FOLDER + name, new Uint8Array(bytes));
  return disk;
}

/** A brain whose journal is damaged, and two backups of before. */
async function damagedDisk(): Promise<SimulatedDisk> {
  const { disk } = await longLife();
  disk.put("/data/journal/000003.log", bytesAt(disk, "/data/journal/000003.log").fill(0, 300, 310));
  return withOldBackups(disk);
}

interface Refused {
  readonly what: string;
  readonly code: string;
  readonly options?: HousedOptions;
  readonly begin?: (all: Housed) => void | Promise<void>;
}

const isJournal = (_: string, path: string) => path.startsWith("/data/journal/");
const heap = { isShort: false, isFull: false };

const REFUSED: readonly Refused[] = [
  {
    what: "too many memories",
    code: "insufficient_storage",
    options: { limits: { memories: 1, bytes: 60_000 } },
  },
  {
    what: "a full heap",
    code: "insufficient_storage",
    options: { heap },
    begin: () => void (heap.isFull = true),
  },
  {
    what: "a failed disk",
    code: "read_only",
    begin: async (all) => {
      all.fs.faults = [{ at: 1, code: "EIO", sticky: true, only: isJournal }];
      await assert.rejects(create(all, 2), { code: "storage_failed" });
    },
  },
  {
    what: "a full disk",
    code: "insufficient_storage",
    begin: async (all) => {
      all.disk.capacityBytes = 1;
      await assert.rejects(create(all, 2), { code: "insufficient_storage" });
    },
  },
  {
    what: "too little room on the disk",
    code: "insufficient_storage",
    options: { storeOptions: { minFreeBytes: 1_000_000 } },
    begin: async (all) => {
      all.disk.capacityBytes = 900_000;
      await pass(all, 15_000);
    },
  },
];

for (const { what, code, options, begin } of REFUSED) {
  Deno.test(`a write that is refused for ${what} costs no backup`, async () => {
    const disk = withOldBackups(new SimulatedDisk());
    await withHoused({ disk, limits: QUOTA, ...options }, async (all) => {
      await create(all, 1);
      await begin?.(all);
      await assert.rejects(create(all, 3, "x".repeat(25_000)), { code });
      assert.deepEqual(backupsOn(disk), OLD);
      all.fs.faults = [];
    });
  });
}

Deno.test("a write that would be taken costs the oldest backup", async () => {
  const disk = withOldBackups(new SimulatedDisk());
  await withHoused({ disk, limits: QUOTA }, async (all) => {
    await create(all, 3, "x".repeat(25_000));
    assert.deepEqual(backupsOn(disk), OLD.slice(1));
  });
});

Deno.test("a write that is refused for damage costs no backup, an import neither", async () => {
  const disk = await damagedDisk();
  const storeOptions = { onCorruption: "readonly" } as const;
  await withHoused({ disk, limits: QUOTA, storeOptions }, async (all) => {
    const before = backupsOn(disk);
    assert.deepEqual(before.slice(0, 2), OLD);
    const content = "x".repeat(25_000);
    await assert.rejects(create(all, 90, content), { code: "read_only" });
    const imported = importLines(all.brain, [{ content }], "skip");
    await assert.rejects(imported, { code: "read_only" });
    assert.deepEqual(backupsOn(disk), before);
  });
});

Deno.test("while damage is not acknowledged a write that needs a backup's room is refused", async () => {
  const disk = await damagedDisk();
  await withHoused({ disk, limits: QUOTA }, async (all) => {
    const before = backupsOn(disk);
    const used = all.brain.stats.storedBytes;
    await assert.rejects(create(all, 90, "x".repeat(25_000)), {
      code: "insufficient_storage",
      message:
        `Cannot store more: ${used} of 60000 bytes are used, and backups stay until damage ` +
        "is acknowledged and the disk is well; delete memories or exports, or raise STORAGE_QUOTA_BYTES",
    });
    assert.deepEqual(backupsOn(disk), before);
    await all.brain.acknowledgeDamage();
    await create(all, 90, "x".repeat(25_000));
    assert.ok(!backupsOn(disk).includes(OLD[0] ?? ""));
  });
});

Deno.test("while damage is not acknowledged no backup goes for want of room on the disk", async () => {
  const disk = await damagedDisk();
  const free = { bytes: 1e6 };
  await withHoused({ disk, freeBytes: () => Promise.resolve(free.bytes) }, async (all) => {
    const before = backupsOn(disk);
    assert.equal(before.length, 3);
    await pass(all, HOUR);
    assert.deepEqual(backupsOn(disk), before);
    free.bytes = 100;
    await create(all, 90);
    await pass(all, 25 * HOUR);
    assert.equal(all.brain.stats.health().checks.backup, "failed");
    assert.deepEqual(backupsOn(disk), before);
  });
});

Deno.test("with a quota, old backups make room for a new one", async () => {
  const disk = withOldBackups(new SimulatedDisk());
  await withHoused({ disk, limits: QUOTA }, async (all) => {
    await create(all, 1, "x".repeat(12_000));
    await pass(all, HOUR);
    assert.deepEqual(eventsOf(all), ["backup_removed", "backup_written"]);
    assert.deepEqual(backupsOn(disk).slice(0, -1), OLD.slice(1));
  });
});

Deno.test("where old backups together would not make room for a new one, none goes", async () => {
  const disk = withOldBackups(new SimulatedDisk(), 5_000);
  await withHoused({ disk, limits: QUOTA }, async (all) => {
    await create(all, 1, "x".repeat(28_000));
    await pass(all, HOUR);
    assert.deepEqual([backupsOn(disk), eventsOf(all)], [OLD, ["backup_failed"]]);
  });
});

Deno.test("an import that replaces memories is refused before it costs the newest backup", async () => {
  await withHoused({ limits: QUOTA }, async (all) => {
    for (let n = 1; n <= 6; n++) await create(all, n, "good ".repeat(700));
    await pass(all, HOUR);
    const before = backupsOn(all.disk);
    assert.equal(before.length, 1);
    const records = [1, 2, 3, 4, 5, 6].map((n) => ({ id: idOf(n), content: "bad ".repeat(900) }));
    const used = all.brain.stats.storedBytes;
    await assert.rejects(importLines(all.brain, records, "overwrite"), {
      code: "insufficient_storage",
      message: `Cannot store more: ${used} of 60000 bytes are used, and the newest backup stays; ` +
        "delete memories or exports, or raise STORAGE_QUOTA_BYTES",
    });
    assert.deepEqual(backupsOn(all.disk), before);
    assert.equal(all.brain.memories.peek(idOf(1)).memory.content, "good ".repeat(700));
    // What only adds is a write as any other.
    await importLines(all.brain, records.map(({ content }) => ({ content })), "overwrite");
    assert.deepEqual(backupsOn(all.disk), []);
  });
});

Deno.test("the backup before an import comes first, and its room is not the import's", async () => {
  await withHoused({ limits: QUOTA }, async (all) => {
    await create(all, 1, "x".repeat(5_000));
    await pass(all, 25 * HOUR);
    const [old = ""] = backupsOn(all.disk);
    await create(all, 2, "y".repeat(10_000));
    const change = (length: number) =>
      importLines(all.brain, [{ id: idOf(2), content: "z".repeat(length) }], "overwrite");
    await assert.rejects(change(34_000), { code: "insufficient_storage" });
    // Of the same second as the one before.
    const [name = "", ...more] = backupsOn(all.disk).filter((other) => other !== old);
    assert.deepEqual([backupsOn(all.disk).length, more], [2, []]);
    const contents = (await memoriesIn(all.disk, name)).map(({ memory }) => memory.content.length);
    assert.deepEqual(contents, [5_000, 10_000]);
    await change(26_000);
    assert.deepEqual(backupsOn(all.disk), [name]);
  });
});

Deno.test("an export to a file does not cost the newest backup", async () => {
  await withHoused({ limits: QUOTA }, async (all) => {
    await create(all, 1, "x".repeat(19_000));
    await pass(all, HOUR);
    await create(all, 2, "x".repeat(2_000));
    const before = backupsOn(all.disk);
    assert.equal(before.length, 1);
    const request = { format: "json", includeEmbeddings: false } as const;
    await assert.rejects(all.brain.exports.toFile(request), { code: "insufficient_storage" });
    assert.deepEqual(backupsOn(all.disk), before);
  });
});

Deno.test("when the last backup went for a write, it is told, and soon there is another try", async () => {
  await withHoused({ limits: QUOTA }, async (all) => {
    await create(all, 1, "x".repeat(15_000));
    await pass(all, HOUR);
    await create(all, 2, "x".repeat(40_000));
    assert.deepEqual(all.log.at(-1), {
      event: "backup_removed",
      detail: {
        file: all.log[0]?.detail["file"] ?? "",
        reason: "a write needed its room",
        kept: 0,
      },
    });
    assert.equal(all.brain.stats.health().checks.backup, "ok");
    await pass(all, HOUR);
    assert.equal(all.brain.stats.health().checks.backup, "failed");
  });
});
