/**
 * What lies in a data folder: two snapshot names are two brains that know nothing of each other,
 * what is not of our making is not followed, and a folder that is replaced is left alone.
 */
import assert from "node:assert/strict";
import { StoreOpenError } from "../src/store.ts";
import { realFileSystem } from "../src/store/fs.ts";
import type { Fault } from "./fakes/disk_faults.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { everythingSurvives, nothingSurvives } from "./fakes/inode.ts";
import {
  codeOf,
  contentsOf,
  fileStoreOn,
  open,
  type Opened,
  PATH,
  printOf,
  putOf,
  simulated,
  stateOf,
} from "./fakes/store_kit.ts";

const OTHER = "/data/other.json";

/** What one process after the other finds on a disk under a name, then writes. */
class Place {
  disk = new SimulatedDisk();

  async life(path: string, numbers: number[], crash: boolean) {
    const { disk } = this;
    const fs = new SimulatedFileSystem(disk), state = stateOf([]);
    const store = fileStoreOn(fs, path, new FakeClock(), []);
    const recovery = await store.open(state);
    assert.deepEqual(recovery, { integrity: "ok", notes: [] });
    const found = contentsOf(state);
    for (const n of numbers) await store.append(putOf(n));
    if (crash) fs.kill();
    else await store.close();
    this.disk = disk.afterPowerCut(everythingSurvives);
    return found;
  }
}

for (const crash of [false, true]) {
  Deno.test(`each name has its own history, after ${crash ? "crashes" : "stops"} too`, async () => {
    const place = new Place();
    await place.life(PATH, [1, 2], crash);
    assert.deepEqual(await place.life(OTHER, [3], crash), contentsOf(stateOf([])));
    assert.deepEqual(
      await place.life(PATH, [4], crash),
      contentsOf(stateOf([putOf(1), putOf(2)])),
    );
    assert.deepEqual(await place.life(OTHER, [5], crash), contentsOf(stateOf([putOf(3)])));
    const all = contentsOf(stateOf([putOf(1), putOf(2), putOf(4)]));
    assert.deepEqual(await place.life(PATH, [], crash), all);
    const folders = [...place.disk.files().keys()].map((path) => path.split("/")[2]);
    assert.ok(folders.includes("journal") && folders.includes("other.journal"));
  });
}

Deno.test("a note on a journal names the file where it lies", async () => {
  const place = new Place();
  await place.life(OTHER, [1], true);
  const { disk } = place;
  const path = "/data/other.journal/000001.log";
  disk.put(path, Uint8Array.of(...disk.files().get(path) ?? [], 1, 2, 3));
  const store = fileStoreOn(new SimulatedFileSystem(disk), OTHER, new FakeClock(), []);
  const { notes } = await store.open(stateOf([]));
  assert.deepEqual(notes.map(({ file }) => file), ["other.journal/000001.log"]);
  await store.close();
});

const NAMES: readonly (readonly [string, readonly ("folder" | "other" | "file")[]])[] = [
  ["journal", ["other", "file"]],
  ["quarantine", ["other", "file"]],
  ["exports", ["other", "file"]],
  [".lock", ["other", "folder"]],
  ["ballast.bin", ["other", "folder"]],
  ["embeddings.db", ["other", "folder"]],
  ["brain.id", ["other", "folder"]],
  ["memories.json", ["other"]],
  ["memories.prev.json", ["other"]],
];

Deno.test("a link, pipe or folder under a name of ours is refused by name, and nothing is touched", async () => {
  for (const [name, kinds] of NAMES) {
    for (const kind of kinds) {
      const disk = new SimulatedDisk();
      if (kind === "file") disk.put(`/data/${name}`, "mine");
      else disk.putOther(`/data/${name}`, kind);
      const { store, state, fs } = simulated(disk);
      await assert.rejects(store.open(state), (error) => {
        assert.ok(error instanceof StoreOpenError, `${name}: ${error}`);
        assert.equal(error.fault, "no_access");
        assert.ok(error.message.startsWith(`Cannot use the data folder: "${name}" in it is`));
        return true;
      });
      const changes = ["create", "write", "rename", "remove", "link", "truncate", "lock"];
      assert.deepEqual(
        fs.calls.filter((call) => changes.includes(call.kind)),
        [],
        `${name} ${kind}`,
      );
      assert.equal(fs.opened, 0);
    }
  }
});

Deno.test("real links and pipes under our names are not followed", async () => {
  for (const [name] of NAMES) {
    for (const make of ["link", "dangling", "pipe"]) {
      const root = await Deno.makeTempDir({ prefix: "store-" });
      await Deno.mkdir(`${root}/data`);
      const path = `${root}/data/${name}`;
      const isFolder = ["journal", "quarantine", "exports"].includes(name);
      if (isFolder) await Deno.mkdir(`${root}/elsewhere`);
      else await Deno.writeTextFile(`${root}/elsewhere`, "mine");
      if (make === "link") await Deno.symlink(`${root}/elsewhere`, path);
      if (make === "dangling") await Deno.symlink(`${root}/nothing`, path);
      if (make === "pipe") await new Deno.Command("mkfifo", { args: [path] }).output();
      const store = fileStoreOn(realFileSystem, `${root}/data/memories.json`, new FakeClock(), []);
      await assert.rejects(store.open(stateOf([])), { name: "StoreOpenError", fault: "no_access" });
      assert.deepEqual([...Deno.readDirSync(`${root}/data`)].map((entry) => entry.name), [name]);
      if (isFolder) assert.deepEqual([...Deno.readDirSync(`${root}/elsewhere`)], []);
      else assert.equal(await Deno.readTextFile(`${root}/elsewhere`), "mine");
      assert.equal(await realFileSystem.exists(`${root}/nothing`), false);
      await Deno.remove(root, { recursive: true });
    }
  }
});

/** What another process made of the folder while ours ran. */
const REPLACEMENTS: Readonly<Record<string, (disk: SimulatedDisk) => void>> = {
  "the lock was removed": (disk) => disk.remove("/data/.lock"),
  "the lock is another's": (disk) => disk.put("/data/.lock", "another"),
  "the folder is gone": (disk) => disk.remove("/data"),
  "the folder is another": (disk) => {
    disk.remove("/data");
    disk.put("/data/memories.json", "another's");
    disk.put("/data/.lock", "another");
  },
};

for (const [what, replace] of Object.entries(REPLACEMENTS)) {
  Deno.test(`${what}: read-only for good, said aloud, and nothing of the other's is touched`, async () => {
    const { store, state, disk, clock, log } = await open();
    await store.append(putOf(1));
    const before = printOf(state);
    replace(disk);
    const others = new Map(disk.files());
    await clock.advance(9_999);
    assert.equal(store.status().mode, "ok");
    await clock.advance(1);
    assert.deepEqual([store.status().mode, store.status().disk], ["read_only", "lost"]);
    assert.deepEqual(log.map(({ event }) => event), ["folder_lost"]);
    assert.equal(await codeOf(store.append(putOf(2))), "read_only");
    assert.equal(await codeOf(store.beginImport()), "read_only");
    assert.equal(await codeOf(store.acknowledgeDamage()), "read_only");
    await store.compact();
    await clock.advance(3_600_000);
    assert.deepEqual([store.status().mode, store.status().isStuck], ["read_only", false]);
    assert.equal(printOf(state), before, "reading goes on: it may be the only copy");
    await store.close();
    assert.deepEqual(disk.files(), others);
    assert.equal(log.length, 1);
    assert.equal(clock.waiting, 0);
  });
}

/** Each of these writes by name, and so would write into another's folder. */
const WRITERS: Readonly<Record<string, (opened: Opened) => Promise<void>>> = {
  compaction: ({ store }) => store.compact(),
  stop: ({ store }) => store.close(),
  healing: async ({ store, fs, clock }) => {
    fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "sync" }];
    assert.equal(await codeOf(store.append(putOf(2))), "storage_failed");
    await clock.advance(5_000);
  },
};

for (const [name, write] of Object.entries(WRITERS)) {
  Deno.test(`a ${name} before the next look sees for itself that the folder was replaced`, async () => {
    const opened = await open();
    const { store, disk, clock, log } = opened;
    await store.append(putOf(1));
    REPLACEMENTS["the folder is another"]?.(disk);
    const others = new Map(disk.files());
    await write(opened);
    await clock.advance(3_600_000);
    assert.deepEqual(disk.files(), others);
    const said = log.map(({ event }) => event).filter((event) => /folder|heal|look/.test(event));
    assert.deepEqual(said, ["folder_lost"], "once, and it is not tried again");
    assert.deepEqual([store.status().mode, store.status().isStuck], ["read_only", false]);
    await store.close();
    assert.equal(clock.waiting, 0);
  });
}

Deno.test("healing that ends after the folder was replaced has not healed it", async () => {
  const held = Promise.withResolvers<void>();
  const gate = (kind: string, path: string) =>
    kind === "write" && path.endsWith(".json.tmp") ? held.promise : undefined;
  const { store, fs, disk, clock, log } = await open(new SimulatedDisk(), { gate });
  fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "sync" }];
  assert.equal(await codeOf(store.append(putOf(1))), "storage_failed");
  await clock.advance(5_000);
  disk.remove("/data/.lock");
  await clock.advance(5_000);
  assert.equal(store.status().disk, "lost");
  held.resolve();
  await clock.advance(60_000);
  assert.deepEqual([store.status().mode, store.status().disk], ["read_only", "lost"]);
  assert.equal(log.some(({ event }) => event === "disk_healed"), false);
  await store.close();
});

Deno.test("an import that runs while the folder is replaced is refused its next step", async () => {
  const { store, disk, clock } = await open();
  const unit = await store.beginImport();
  await unit.stage([putOf(1)]);
  disk.remove("/data/.lock");
  await clock.advance(10_000);
  assert.equal(await codeOf(unit.commit()), "read_only");
  unit.finish();
  await store.close();
});

Deno.test("a look that fails for a moment loses nothing", async () => {
  const { store, fs, clock, log } = await open();
  fs.faults = [{ at: 1, code: "EIO", only: (kind) => kind === "stands" }];
  await clock.advance(10_000);
  assert.deepEqual(log, [{ event: "look_failed", detail: { error: "EIO" } }]);
  assert.equal(store.status().mode, "ok");
  assert.equal(await codeOf(store.append(putOf(1))), "stored");
  await store.close();
});

Deno.test("real files: a folder that is moved away or replaced is noticed", async () => {
  for (const how of ["moved", "removed", "replaced", "lock removed"]) {
    const root = await Deno.makeTempDir({ prefix: "store-" });
    const clock = new FakeClock(), state = stateOf([]);
    const store = fileStoreOn(realFileSystem, `${root}/data/memories.json`, clock, []);
    await store.open(state);
    await store.append(putOf(1));
    await store.requireFolder(); // It is still ours.
    if (how === "lock removed") await Deno.remove(`${root}/data/.lock`);
    else if (how === "removed") await Deno.remove(`${root}/data`, { recursive: true });
    else await Deno.rename(`${root}/data`, `${root}/away`);
    if (how === "replaced") {
      const other = fileStoreOn(realFileSystem, `${root}/data/memories.json`, new FakeClock(), []);
      await other.open(stateOf([]));
      await other.close();
    }
    await clock.advance(10_000);
    for (let turns = 0; turns < 5_000 && store.status().disk === "ok"; turns++) await drain();
    assert.equal(store.status().disk, "lost", how);
    assert.equal(await codeOf(store.append(putOf(2))), "read_only", how);
    assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(1)])));
    await store.close();
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("the real file system tells what is free", async () => {
  const free = await realFileSystem.freeBytes(".");
  assert.ok(free === undefined || Number.isSafeInteger(free) && free > 0, `${free}`);
  await assert.rejects(realFileSystem.freeBytes("./no such folder"), { code: "ENOENT" });
});

Deno.test("without a file handle to spare writes go on, and a compaction waits", async () => {
  const { store, state, fs, clock, log, disk } = await open();
  await store.append(putOf(1));
  const opens: Fault["only"] = (kind) => ["create", "open", "list", "syncFolder"].includes(kind);
  fs.faults = [{ at: 1, code: "EMFILE", sticky: true, only: opens }];
  assert.equal(await codeOf(store.append(putOf(2))), "stored");
  await store.compact();
  assert.deepEqual(log, [{ event: "compaction_failed", detail: { error: "EMFILE" } }]);
  await clock.advance(60_000);
  assert.equal(await codeOf(store.append(putOf(3))), "stored");
  assert.deepEqual([store.status().mode, store.status().disk], ["ok", "ok"]);
  fs.faults = [];
  await store.compact();
  assert.equal(log.length, 1);
  assert.equal(printOf((await open(disk.afterPowerCut(nothingSurvives))).state), printOf(state));
  await store.close();
});
