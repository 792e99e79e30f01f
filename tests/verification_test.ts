/**
 * `verify`: it says what the next start would say, of every kind of damage that the tests of
 * recovery know, and not one byte of the folder is changed by it, nor one name.
 */
import assert from "node:assert/strict";
import { backupName } from "../src/backup_name.ts";
import type { FolderReport } from "../src/folder_report.ts";
import { State } from "../src/state.ts";
import { DataFolder } from "../src/store/folder.ts";
import { holdsBrain, verifyFile, verifyFolder } from "../src/store/verification.ts";
import { bytesAt, copyOf, JOURNAL, journalOnly, longLife, PREVIOUS } from "./fakes/damage.ts";
import type { OperationKind } from "./fakes/disk_faults.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { below, open, PATH, printOf, putOf, randomOf, seed, TIME } from "./fakes/store_kit.ts";
import { tornDisk } from "./fakes/torn_starts.ts";

console.log(`TEST_SEED=${seed}`);

let ids = 0;
const DEFAULTS = { newId: () => `new-${++ids}`, now: TIME };
const READING: readonly OperationKind[] = ["open", "size", "exists", "list", "kind", "read"];

function fileSystemOf(disk: SimulatedDisk): SimulatedFileSystem {
  return new SimulatedFileSystem(disk);
}

/** Verifies, and sees that nothing else was asked of the disk than to be read. */
async function verify(disk: SimulatedDisk): Promise<{ report: FolderReport; state: State }> {
  const before = disk.files();
  const fs = fileSystemOf(disk), state = new State();
  const hold = () => Promise.resolve({ stands: () => Promise.resolve(true), close: () => {} });
  const report = await verifyFolder({ fs, hold, memoriesPath: PATH, state, defaults: DEFAULTS });
  assert.deepEqual(fs.calls.filter(({ kind }) => !READING.includes(kind)), []);
  assert.deepEqual(disk.files(), before);
  assert.equal(fs.opened, 0);
  return { report, state };
}

/** Holds what `verify` says against what a start on the same disk does. */
async function assertAgrees(disk: SimulatedDisk, where: string): Promise<FolderReport> {
  const { report, state } = await verify(disk);
  const started = await open(copyOf(disk)).catch((error: Error) => error);
  if (started instanceof Error) {
    const told = report.findings.some(({ detail }) => detail === started.message);
    assert.ok(!report.sound && told, `${where}: ${started.message}`);
    return report;
  }
  assert.equal(printOf(state), printOf(started.state), where);
  const { notes } = started.recovery;
  const said = report.findings.map(({ kind, file, detail }) => ({ kind, file, detail }));
  for (const { kind, file, detail } of notes) {
    assert.ok(
      said.some((found) => found.kind === kind && found.file === file && found.detail === detail),
      `${where}: ${kind} of ${file} is not said`,
    );
  }
  if (notes.some(({ kind }) => kind === "damage")) assert.equal(report.sound, false, where);
  return report;
}

Deno.test("an older file that ends in a batch with a hole is no damage: it counts up to the hole", async () => {
  const { store, disk } = await open(await tornDisk());
  await store.append(putOf(40));
  await store.compact();
  await store.append(putOf(41));
  const { report } = await verify(copyOf(disk));
  assert.deepEqual([report.sound, report.memories, report.findings], [true, 7, []]);
});

Deno.test("a folder that is well is sound, and every file of it is named", async () => {
  const { disk, running } = await longLife();
  const { report, state } = await verify(disk);
  assert.equal(printOf(state), printOf(running.state));
  assert.deepEqual([report.sound, report.memories, report.findings], [true, 5, []]);
  assert.deepEqual(report.files.map(({ file }) => file), [
    "memories.json",
    "memories.prev.json",
    "journal/000002.log",
    "journal/000003.log",
  ]);
});

Deno.test("a file of ours cut at any byte is told as a start tells it", async () => {
  for (
    const [made, paths] of [[await journalOnly(), [JOURNAL]], [
      (await longLife()).disk,
      [PATH, PREVIOUS, "/data/journal/000003.log"],
    ]] as const
  ) {
    for (const path of paths) {
      const bytes = bytesAt(made, path);
      for (let length = 0; length < bytes.length; length += 7) {
        const disk = copyOf(made);
        disk.put(path, bytes.subarray(0, length));
        await assertAgrees(disk, `${path} cut at ${length}`);
      }
    }
  }
});

Deno.test("a byte changed anywhere is told as a start tells it, and in older files as well", async () => {
  const random = randomOf(seed);
  const { disk: made } = await longLife();
  const paths = [...made.files().keys()].filter((path) => /memories|journal/.test(path));
  for (const path of paths) {
    const bytes = bytesAt(made, path);
    for (let at = below(random, 5); at < bytes.length; at += 5) {
      const disk = copyOf(made), changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << below(random, 8));
      disk.put(path, changed);
      const where = `${path} changed at ${at}, TEST_SEED=${seed}`;
      const report = await assertAgrees(disk, where);
      const isTail = /journal/.test(path) && at >= bytes.lastIndexOf(10, -2);
      if (!isTail && path !== PATH) {
        assert.equal(report.sound, false, `${where}: not found`);
      }
    }
  }
});

Deno.test("what is missing, empty or no file at all is told as a start tells it", async () => {
  const { disk: made } = await longLife();
  const paths = [...made.files().keys()].filter((path) => /memories|journal/.test(path));
  for (const path of paths) {
    for (const change of ["removed", "empty", "folder"] as const) {
      if (change === "folder" && path.includes("journal")) continue; // A start takes its name.
      const disk = copyOf(made);
      if (change === "empty") disk.put(path, "");
      else disk.remove(path);
      if (change === "folder") disk.putOther(path, "folder");
      await assertAgrees(disk, `${path} ${change}`);
    }
  }
  for (const text of ["null", "[]", '{"format":"second-brain/4","memories":[\n]}']) {
    const disk = copyOf(made);
    disk.put(PATH, text);
    await assertAgrees(disk, text);
  }
});

Deno.test("each backup is read to its end, and held against its name; what is not ours is passed over", async () => {
  const { disk } = await longLife();
  const good = '{"total_memories":1,"memories":[{"content":"a"}]}\n';
  const sum = Array.from(
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(good))),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
  const named = backupName(TIME, sum);
  const other = backupName(TIME, "0".repeat(64));
  const files: readonly [string, string, number | null, RegExp | null][] = [
    [other, good, null, /its bytes are not those that its name tells/],
    [named, good, 1, null],
    ["export-1.json", good.replace(":1,", ":2,"), null, /it says 2, but holds 1/],
    ["export-2.json", good.slice(0, 30), null, /ends too early/],
    ["export-3.ndjson", '{"content":"a"}\n{"content":"b"}\n', 2, null],
    ["export-4.ndjson", '{"content":"a"}\n{"content":7}\n', null, /record 1: content Invalid/],
    ["export-5.json", '[{"id":"a"}]', null, /record 0: id must be a UUID/],
  ];
  for (const [name, text] of files) disk.put(`/data/exports/${name}`, text);
  disk.put("/data/exports/holiday.json", "mine");
  disk.put("/data/exports/backup-x.json.tmp", "half");
  const { report } = await verify(disk);
  assert.equal(report.sound, false);
  assert.deepEqual(
    report.backups.map(({ file }) => file),
    files.map(([name]) => `exports/${name}`),
  );
  for (const [i, [name, text, memories, fault]] of files.entries()) {
    const found = report.backups[i] ?? assert.fail(name);
    assert.deepEqual([found.bytes, found.memories], [text.length, memories], name);
    if (fault === null) assert.equal(found.fault, null);
    else assert.match(found.fault ?? "", fault);
    const path = `/data/exports/${name}`;
    const alone = await verifyFile(fileSystemOf(disk), path, DEFAULTS);
    assert.deepEqual(alone, { ...found, file: path });
  }
});

Deno.test("a snapshot under any name is held against its own checksum", async () => {
  const { disk } = await longLife();
  const bytes = bytesAt(disk, PATH);
  disk.put("/data/copy.json", bytes);
  const fs = fileSystemOf(disk);
  const good = await verifyFile(fs, "/data/copy.json", DEFAULTS);
  assert.deepEqual([good.memories, good.fault], [5, null]);
  const changed = bytes.slice();
  changed[200] = 0x20;
  disk.put("/data/copy.json", changed);
  const bad = await verifyFile(fs, "/data/copy.json", DEFAULTS);
  assert.match(bad.fault ?? "", /^Cannot take the snapshot: its checksum/);
});

Deno.test("while a service holds the folder nothing is said of it, and an empty folder is no brain", async () => {
  const { disk } = await longLife();
  const fs = fileSystemOf(disk), state = new State();
  const hold = () => Promise.resolve(undefined);
  await assert.rejects(
    verifyFolder({ fs, hold, memoriesPath: PATH, state, defaults: DEFAULTS }),
    { name: "StoreOpenError", fault: "locked" },
  );
  const folderOn = (disk: SimulatedDisk) => new DataFolder(fileSystemOf(disk), PATH, () => TIME);
  assert.equal(await holdsBrain(folderOn(disk)), true);
  assert.equal(await holdsBrain(folderOn(new SimulatedDisk())), false);
});
