/** Two snapshot names in one folder: two brains, one after the other, that know nothing of each other. */
import assert from "node:assert/strict";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { everythingSurvives } from "./fakes/inode.ts";
import { contentsOf, fileStoreOn, PATH, putOf, stateOf } from "./fakes/store_kit.ts";

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
