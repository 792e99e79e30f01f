/**
 * `restore`: at whatever moment it ends, there is the old brain or the new one, whole; and whatever
 * was there before is kept, also where it could not be opened.
 */
import assert from "node:assert/strict";
import { State } from "../src/state.ts";
import { restore } from "../src/store/restoration.ts";
import { bytesAt, copyOf, longLife, PREVIOUS } from "./fakes/damage.ts";
import { SimulatedDisk, SimulatedFileSystem, type SimulatedOptions } from "./fakes/file_system.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./fakes/inode.ts";
import {
  fileStoreOn,
  kindsOf,
  memoryOf,
  open,
  type Opened,
  PATH,
  printOf,
  putOf,
  randomOf,
  seed,
  stateOf,
  TIME,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

const SOURCE = "/data/exports/backup.json";
const NEW = [7, 8, 9].map((n) => ({ ...memoryOf(n), access_count: n, last_accessed_at: TIME }));
const WANTED = printOf(stateOf(NEW.map(({ access_count, last_accessed_at, ...memory }) => ({
  op: "put",
  memory,
  access: { access_count, last_accessed_at },
}))));

let ids = 0;

async function restoreOn(
  disk: SimulatedDisk,
  options: SimulatedOptions = {},
  source = SOURCE,
  now = TIME,
) {
  const fs = new SimulatedFileSystem(disk, options);
  const defaults = { newId: () => `new-${++ids}`, now };
  const holder = "a test";
  const restored = restore({
    fs,
    memoriesPath: PATH,
    source,
    state: new State(),
    defaults,
    holder,
  });
  restored.catch(() => {});
  await Promise.race([restored.catch(() => {}), fs.died]);
  return { fs, restored };
}

async function withSource(): Promise<{ disk: SimulatedDisk; running: Opened }> {
  const { disk, running } = await longLife();
  disk.put(SOURCE, JSON.stringify({ total_memories: 3, memories: NEW }));
  return { disk, running };
}

/** What a folder that a restore put aside would come up with. */
async function keptState(disk: SimulatedDisk, folder: string): Promise<string> {
  const inside = new SimulatedDisk();
  for (const [path, bytes] of disk.files()) {
    if (path.startsWith(`${folder}/`)) inside.put(`/data${path.slice(folder.length)}`, bytes);
  }
  return printOf((await open(inside)).state);
}

function keptFolder(disk: SimulatedDisk): string | undefined {
  const path = [...disk.files().keys()].find((name) => name.startsWith("/data/replaced-"));
  return path?.split("/").slice(0, 3).join("/");
}

Deno.test("a backup is put in place, with nothing of the old brain in it, and what was there is kept", async () => {
  const { disk, running } = await withSource();
  const old = printOf(running.state);
  const { restored } = await restoreOn(disk);
  const { memories, kept = "" } = await restored;
  assert.deepEqual([memories, kept], [3, "/data/replaced-20260131T120000000Z"]);
  assert.equal(await keptState(disk, kept), old);
  const left = [...disk.files().keys()].filter((path) => !path.startsWith(kept)).sort();
  assert.deepEqual(left, ["/data/.lock", "/data/ballast.bin", SOURCE, PATH].sort());
  const started = await open(disk);
  assert.equal(printOf(started.state), WANTED);
  assert.deepEqual(kindsOf(started.recovery), ["hand_edited"]);
  await started.store.append(putOf(20));
  await started.store.close();
  const again = await open(disk);
  assert.deepEqual([again.recovery.notes, [...again.state.memories()].length], [[], 4]);
  await again.store.close();
});

Deno.test("what a restore put aside can be put in place again, receipts and all", async () => {
  const { disk, running } = await withSource();
  const { kept = "" } = await (await restoreOn(disk)).restored;
  const later = "2026-02-01T12:00:00.000Z";
  const undone = await (await restoreOn(disk, {}, kept, later)).restored;
  assert.deepEqual(undone, { memories: 5, kept: "/data/replaced-20260201T120000000Z" });
  assert.equal(await keptState(disk, undone.kept ?? ""), WANTED);
  const started = await open(disk);
  assert.equal(printOf(started.state), printOf(running.state));
  await started.store.close();
});

Deno.test("at every operation: the power goes, and there is the old brain or the new one", async () => {
  const random = randomOf(seed);
  let states = 0, committed = 0;
  for (const options of [{}, { withoutLinks: true, shorten: (n: number) => Math.max(1, n >> 1) }]) {
    const { disk: made, running } = await withSource();
    const old = printOf(running.state);
    const { fs } = await restoreOn(copyOf(made), options);
    for (let dieAt = 1; dieAt <= fs.calls.length; dieAt++) {
      const disk = copyOf(made);
      await restoreOn(disk, { ...options, dieAt });
      for (const survival of [nothingSurvives, everythingSurvives, randomSurvival(random)]) {
        const after = disk.afterPowerCut(survival);
        const where = `dead at ${dieAt}, TEST_SEED=${seed}`;
        const started = await open(copyOf(after));
        const found = printOf(started.state);
        assert.ok(found === old || found === WANTED, `${where}: neither the old nor the new`);
        assert.ok(!kindsOf(started.recovery).includes("damage"), where);
        if (found === WANTED) {
          assert.equal(await keptState(after, keptFolder(after) ?? ""), old, where);
          committed++;
        }
        await started.store.close();
        const again = await open(copyOf(started.disk));
        assert.equal(printOf(again.state), found, `${where}: not the same at the next start`);
        const later = { newId: () => "", now: "2026-02-01T00:00:00.000Z" };
        const state = new State(), fs = new SimulatedFileSystem(after);
        const all = { fs, memoriesPath: PATH, source: SOURCE, state, defaults: later, holder: "" };
        await restore(all);
        assert.equal(printOf((await open(after)).state), WANTED, `${where}: tried again`);
        states++;
      }
    }
  }
  assert.ok(committed > 0 && committed < states);
  console.log(`${states} crash states`);
});

/** Folders that no start can make anything of, or not all. */
const RUINS: Readonly<Record<string, (disk: SimulatedDisk) => void>> = {
  "nothing in it can be read": (disk) => {
    for (const path of [PATH, PREVIOUS]) disk.put(path, "\u0000\u0000");
    for (const path of disk.files().keys()) if (/journal/.test(path)) disk.put(path, "\u0000");
  },
  "a newer version wrote it": (disk) =>
    disk.put(PATH, '{"format":"second-brain/9","memories":[\n]}'),
  "a folder lies in place of the snapshot": (disk) => {
    disk.remove(PATH);
    disk.putOther(PATH, "folder");
  },
  "the journal has a hole": (disk) => disk.remove("/data/journal/000002.log"),
  "the newest journal file is a folder": (disk) => {
    disk.remove("/data/journal/000003.log");
    disk.putOther("/data/journal/000003.log", "folder");
  },
};

for (const [what, ruin] of Object.entries(RUINS)) {
  Deno.test(`a folder is restored although ${what}, and its bytes are kept`, async () => {
    const { disk } = await withSource();
    ruin(disk);
    const before = [...disk.files()].filter(([path]) => /memories|journal/.test(path));
    const { kept = "" } = await (await restoreOn(disk)).restored;
    for (const [path, bytes] of before) {
      assert.deepEqual(bytesAt(disk, path.replace("/data", kept)), bytes, path);
    }
    const started = await open(disk);
    assert.equal(printOf(started.state), WANTED);
    assert.equal(started.recovery.integrity, "ok");
    await started.store.close();
  });
}

Deno.test("damage that was noted of the old brain does not stay up over the new one", async () => {
  const { disk } = await withSource();
  const bytes = bytesAt(disk, "/data/journal/000003.log");
  bytes[300] = 0;
  disk.put("/data/journal/000003.log", bytes);
  disk.put(PATH, "");
  const damaged = await open(disk);
  assert.equal(damaged.recovery.integrity, "degraded");
  await damaged.store.close();
  await (await restoreOn(disk)).restored;
  const started = await open(disk);
  assert.equal(started.recovery.integrity, "ok");
  await started.store.close();
});

Deno.test("what is not wholly good is refused, and nothing in the folder is changed", async () => {
  const { disk } = await withSource();
  const good = new TextDecoder().decode(bytesAt(disk, SOURCE));
  const snapshot = bytesAt(disk, PATH);
  const sources: readonly [string, string | Uint8Array, RegExp][] = [
    ["a.json", good.slice(0, -2), /ends too early/],
    ["a.json", good.replace('"memory 9"', "7"), /record 2: content/],
    ["a.json", good.replace(':3,"', ':4,"'), /it says 4, but holds 3/],
    ["a.json", good.replaceAll(NEW[1]?.id ?? "", NEW[0]?.id ?? ""), /record 1: id is there twice/],
    ["a.json", "", /ends too early/],
    ["a.json", "{}", /neither an array nor an object/],
    ["a.ndjson", `${JSON.stringify(NEW[0])}\n{broken\n`, /record 1: Cannot read the JSON/],
    ["backup-20260131T120000Z-00000000.json", good, /not those that its name tells/],
    ["memories.json", snapshot.subarray(0, -20), /its checksum/],
    ["memories.json", '{"format":"second-brain/4","memories":[\n]}', /newer version/],
  ];
  for (const [name, text, message] of sources) {
    disk.put(`/elsewhere/${name}`, text);
    const before = disk.files();
    const { fs, restored } = await restoreOn(disk, {}, `/elsewhere/${name}`);
    await assert.rejects(restored, { message });
    assert.deepEqual(disk.files(), before);
    assert.equal(fs.opened, 0);
  }
  await assert.rejects((await restoreOn(disk, {}, "/none")).restored, /there is no such file/);
  await assert.rejects((await restoreOn(disk, {}, "/data/exports")).restored, /no brain in that/);
});

Deno.test("while a service runs nothing is restored", async () => {
  const { disk, running } = await withSource();
  const store = fileStoreOn(new SimulatedFileSystem(disk), PATH, running.clock, []);
  await store.take();
  const before = disk.files();
  const { restored } = await restoreOn(disk);
  await assert.rejects(restored, { name: "StoreOpenError", fault: "locked" });
  assert.deepEqual(disk.files(), before);
  await store.close();
});

Deno.test("an empty folder, and every kind of source", async () => {
  const { disk: made } = await withSource();
  const lines = NEW.map((record) => JSON.stringify(record)).join("\n");
  for (
    const [name, text, count] of [
      ["a.json", JSON.stringify(NEW), 3],
      ["a.ndjson", lines, 3],
      ["a.json", '{"memories":[{"content":"a","memory_type":"generic","user_id":"u"}]}', 1],
      ["a.json", "[]", 0],
      ["memories.json", bytesAt(made, PATH), 5],
    ] as const
  ) {
    const disk = new SimulatedDisk();
    disk.put(`/elsewhere/${name}`, text);
    const { memories, kept } = await (await restoreOn(disk, {}, `/elsewhere/${name}`)).restored;
    assert.deepEqual([memories, kept], [count, undefined]);
    const started = await open(disk);
    assert.equal([...started.state.memories()].length, count);
    await started.store.close();
  }
});

Deno.test("a folder that cannot be synced is said; before the new brain is in place the old one stays", async () => {
  for (const folder of ["/data/journal", "/data"]) {
    const { disk } = await withSource();
    disk.afterKill();
    const fault = {
      at: 1,
      code: "EIO",
      sticky: true,
      only: (kind: string, path: string) => kind === "syncFolder" && path === folder,
    };
    const { restored } = await restoreOn(disk, { faults: [fault] });
    await assert.rejects(restored, /EIO/, folder);
    const after = await open(disk.afterKill());
    const isNew = folder === "/data/journal";
    assert.equal(printOf(after.state) === WANTED, isNew, folder);
  }
});
