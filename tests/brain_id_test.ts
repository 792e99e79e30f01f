/** The id by which a brain's vectors are told from others': made once, and durable before it is used. */
import assert from "node:assert/strict";
import { brainId } from "../src/store/brain_id.ts";
import { DataFolder } from "../src/store/folder.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { nothingSurvives } from "./fakes/inode.ts";

const ID = "6f1d1a52-8a0e-4a7b-9b52-0c2a4f3f7d11", OTHER = "0b0f5e3c-52d4-4e0a-8a38-8f4f6f5a1c22";

async function idOn(disk: SimulatedDisk, made: string, path = "/data/memories.json") {
  const fs = new SimulatedFileSystem(disk), said: string[] = [];
  await fs.makeFolder("/data");
  const folder = new DataFolder(fs, path, () => "");
  const id = await brainId(folder, () => made, (message) => said.push(message));
  assert.equal(fs.opened, 0);
  return { id, said };
}

Deno.test("a brain's id is made once, survives a power cut, and is each name's own", async () => {
  const disk = new SimulatedDisk();
  assert.deepEqual(await idOn(disk, ID), { id: ID, said: [] });
  const after = disk.afterPowerCut(nothingSurvives);
  assert.deepEqual(await idOn(after, OTHER), { id: ID, said: [] });
  assert.deepEqual(await idOn(after, OTHER, "/data/other.json"), { id: OTHER, said: [] });
  assert.deepEqual([...after.files().keys()].toSorted(), [
    "/data/brain.id",
    "/data/other.brain.id",
  ]);
});

Deno.test("an id that is none is made anew, which is said", async () => {
  for (const bad of ["", ID.slice(1), `${ID}0`, `${ID}\n${OTHER}`, "x".repeat(1_000_000)]) {
    const disk = new SimulatedDisk();
    disk.put("/data/brain.id", bad);
    const { id, said } = await idOn(disk, OTHER);
    assert.deepEqual([id, said.length], [OTHER, 1]);
    assert.deepEqual(await idOn(disk, ID), { id: OTHER, said: [] });
  }
});

Deno.test("an id that cannot be read now is left as it is", async () => {
  const disk = new SimulatedDisk();
  disk.put("/data/brain.id", ID.toUpperCase() + "\n");
  const fs = new SimulatedFileSystem(disk, {
    faults: [{ at: 1, code: "EIO", only: (kind) => kind === "read" }],
  });
  const folder = new DataFolder(fs, "/data/memories.json", () => "");
  const said: string[] = [];
  assert.equal(await brainId(folder, () => OTHER, (message) => said.push(message)), OTHER);
  assert.equal(said.length, 1);
  assert.deepEqual(await idOn(disk, OTHER), { id: ID, said: [] });
});

Deno.test("where it cannot be kept, one is made for this run, which is said", async () => {
  for (const failing of ["create", "write", "sync"] as const) {
    const disk = new SimulatedDisk();
    const fs = new SimulatedFileSystem(disk, {
      faults: [{ at: 1, code: "ENOSPC", only: (kind) => kind === failing }],
    });
    await fs.makeFolder("/data");
    const folder = new DataFolder(fs, "/data/memories.json", () => "");
    const said: string[] = [];
    assert.equal(await brainId(folder, () => ID, (message) => said.push(message)), ID);
    assert.equal(said.length, 1, failing);
  }
});
