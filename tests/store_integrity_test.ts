/**
 * Damage is known until a person has said that they saw it: over restarts, crashes and
 * compactions, and whatever becomes of the notes on it.
 */
import assert from "node:assert/strict";
import { StoreOpenError } from "../src/store.ts";
import type { FileStoreOptions } from "../src/store/file_options.ts";
import { bytesAt, copyOf, JOURNAL, journalOnly, longLife, textAt } from "./fakes/damage.ts";
import type { SimulatedDisk } from "./fakes/file_system.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { nothingSurvives, randomSurvival } from "./fakes/inode.ts";
import {
  codeOf,
  kindsOf,
  open,
  PATH,
  printOf,
  putOf,
  randomOf,
  seed,
  simulated,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

function openWith(disk: SimulatedDisk, onCorruption: FileStoreOptions["onCorruption"] = "serve") {
  return open(disk, {}, new FakeClock(), { onCorruption });
}

async function damaged(): Promise<SimulatedDisk> {
  const disk = await journalOnly();
  disk.put(JOURNAL, textAt(disk, JOURNAL).replace("zwei", "drei"));
  return disk;
}

const notes = (disk: SimulatedDisk) =>
  [...disk.files().keys()].filter((path) => path.endsWith(".damage.json"));

Deno.test("what is missing as a whole is kept as a note, and known long after it shows", async () => {
  const { disk } = await longLife();
  disk.remove(PATH); // So that all files of the journal count.
  const journals = [...disk.files().keys()].filter((path) => path.startsWith("/data/journal/"));
  disk.remove(journals[0] ?? "");
  const first = await openWith(disk);
  assert.deepEqual(kindsOf(first.recovery), ["damage"]);
  const { damage } = first.store.status();
  assert.deepEqual(damage, [{
    file: "journal/000003.log",
    detail: "one or more journal files before this one are missing",
    quarantine: null,
    at: "1970-01-01T00:00:00.000Z",
  }]);
  await first.store.compact();
  await first.store.compact();
  await first.store.close();
  const second = await openWith(copyOf(first.disk));
  assert.deepEqual(second.recovery, { integrity: "degraded", notes: [] });
  assert.deepEqual(second.store.status().damage, damage);
  await second.store.acknowledgeDamage();
  await second.store.close();
  assert.equal((await openWith(second.disk)).recovery.integrity, "ok");
});

Deno.test("damage that was acknowledged and is met again is known; other damage is not", async () => {
  const first = await openWith(await damaged());
  await first.store.acknowledgeDamage();
  first.fs.kill();
  const second = await openWith(first.disk.afterPowerCut(nothingSurvives));
  assert.deepEqual(kindsOf(second.recovery), ["damage"]);
  assert.equal(second.recovery.integrity, "ok");
  second.fs.kill();
  const disk = second.disk.afterPowerCut(nothingSurvives);
  disk.put(JOURNAL, textAt(disk, JOURNAL).replace("drei", "vier"));
  const third = await openWith(disk);
  assert.equal(third.recovery.integrity, "degraded");
  assert.equal(third.store.status().damage.length, 1);
});

Deno.test("a start that dies at any operation leaves no damage unsaid", async () => {
  const random = randomOf(seed), disk = await damaged();
  let starts = 0;
  for (let dieAt = 1;; dieAt++) {
    const torn = copyOf(disk);
    const opened = simulated(torn, { dieAt });
    await Promise.race([opened.store.open(opened.state), opened.fs.died]);
    opened.fs.kill();
    for (const survival of [nothingSurvives, randomSurvival(random), randomSurvival(random)]) {
      const where = `dead at ${dieAt}, TEST_SEED=${seed}`, later = new FakeClock();
      await later.advance(1_000);
      const after = await open(torn.afterPowerCut(survival), {}, later);
      assert.equal(after.recovery.integrity, "degraded", where);
      const { damage } = after.store.status();
      const [{ file, quarantine } = { file: "", quarantine: null }] = damage;
      assert.deepEqual([file, damage.length], ["journal/000001.log", 1], where);
      assert.deepEqual(bytesAt(after.disk, `/data/${quarantine}`), bytesAt(disk, JOURNAL), where);
      starts++;
    }
    if (opened.fs.calls.length < dieAt) break;
  }
  console.log(`${starts} starts`);
});

Deno.test("an acknowledgement that dies at any operation can be given again", async () => {
  for (let more = 1;; more++) {
    const first = await openWith(await damaged());
    const torn = copyOf(first.disk);
    first.fs.kill();
    const dieAt = await callsToOpen(torn) + more;
    const opened = await open(torn, { dieAt });
    await Promise.race([opened.store.acknowledgeDamage(), opened.fs.died]);
    opened.fs.kill();
    const after = await openWith(torn.afterPowerCut(nothingSurvives));
    await after.store.acknowledgeDamage();
    assert.deepEqual(after.store.status().damage, []);
    await after.store.close();
    assert.equal((await openWith(after.disk)).recovery.integrity, "ok");
    if (opened.fs.calls.length < dieAt) break;
  }
});

async function callsToOpen(disk: SimulatedDisk): Promise<number> {
  return (await open(copyOf(disk))).fs.calls.length;
}

Deno.test("a note that cannot be read still says that there is damage; others' files say nothing", async () => {
  const first = await openWith(await damaged());
  const [note = ""] = notes(first.disk);
  await first.store.close();
  for (const text of ["", "{", "null", '{"detail": 5}']) {
    const disk = copyOf(first.disk);
    disk.put(note, text);
    const { store } = await openWith(disk);
    const [{ file, detail, quarantine } = { file: "", detail: "", quarantine: "" }, ...more] = store
      .status().damage;
    assert.equal(file, quarantine?.replace("quarantine/", ""));
    assert.deepEqual([detail, more], ["its note cannot be read", []]);
  }
  const disk = copyOf(first.disk);
  disk.remove(note);
  disk.put("/data/quarantine/notes.txt", "mine");
  disk.putOther("/data/quarantine/20260131T120000000Z-x.torn_tail.json", "folder");
  assert.equal((await openWith(disk)).recovery.integrity, "ok");
});

Deno.test("the list of damage is bounded, newest first; acknowledging takes all", async () => {
  const disk = await journalOnly();
  for (let n = 0; n < 250; n++) {
    const name = `2026013${n % 2}T120000${String(n).padStart(3, "0")}Z-x.damage.json`;
    disk.put(`/data/quarantine/${name}`, JSON.stringify({ file: `x${n}`, detail: "gone" }));
  }
  const { store } = await openWith(disk);
  const { damage } = store.status();
  assert.equal(damage.length, 100);
  assert.deepEqual([damage[0]?.file, damage[99]?.file], ["x249", "x51"]);
  await store.acknowledgeDamage();
  assert.deepEqual(store.status().damage, []);
  assert.deepEqual(notes(disk), []);
});

Deno.test("readonly: what is there can be read, nothing is written, not even at a stop", async () => {
  const { store, state, fs, disk } = await openWith(await damaged(), "readonly");
  const before = disk.files(), calls = fs.calls.length;
  assert.equal(await codeOf(store.append(putOf(9))), "read_only");
  assert.equal(await codeOf(store.beginImport()), "read_only");
  await store.compact();
  await store.close();
  assert.deepEqual(fs.calls.slice(calls), []);
  assert.deepEqual(disk.files(), before);
  const again = await openWith(disk, "readonly");
  assert.equal(printOf(again.state), printOf(state));
  await again.store.acknowledgeDamage();
  assert.equal(await codeOf(again.store.append(putOf(9))), "stored");
  await again.store.close();
});

Deno.test("readonly: nor is room made by a compaction, where there is little", async () => {
  const scarce = { onCorruption: "readonly", minFreeBytes: 2 ** 50 } as const;
  const { store, disk, clock } = await open(await damaged(), {}, new FakeClock(), scarce);
  const before = disk.files();
  await clock.advance(60_000);
  assert.equal(store.status().disk, "low");
  assert.deepEqual(disk.files(), before);
  await store.acknowledgeDamage();
  await clock.advance(60_000);
  assert.ok(disk.files().has(PATH));
  await store.close();
});

Deno.test("refuse: the start ends with what to do, and only quarantine has changed", async () => {
  const disk = await damaged();
  const before = new Map(disk.files());
  for (const round of [1, 2]) {
    const { store, state, fs } = simulated(disk, {}, new FakeClock(), { onCorruption: "refuse" });
    await assert.rejects(store.open(state), (error) => {
      assert.ok(error instanceof StoreOpenError);
      assert.equal(error.fault, "unreadable");
      assert.match(error.message, /damaged.*quarantine\/.*backup.*ON_CORRUPTION=serve/);
      return true;
    });
    assert.equal(fs.opened, 0, `round ${round}`);
  }
  const after = [...disk.files()].filter(([path]) => !/quarantine|ballast|\.lock$/.test(path));
  const data = [...before].filter(([path]) => !/ballast|\.lock$/.test(path));
  assert.deepEqual(after, data);
  const served = await openWith(disk);
  await served.store.acknowledgeDamage();
  await served.store.close();
  const well = await openWith(disk, "refuse");
  assert.equal(await codeOf(well.store.append(putOf(9))), "stored");
  await well.store.close();
});

Deno.test("an acknowledgement that the disk refuses says so, and changes nothing", async () => {
  const { store, fs } = await openWith(await damaged());
  fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "rename" }];
  assert.equal(await codeOf(store.acknowledgeDamage()), "storage_failed");
  assert.equal(store.status().integrity, "degraded");
  await store.acknowledgeDamage();
  assert.equal(store.status().integrity, "ok");
  await store.close();
});
