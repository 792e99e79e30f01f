/** Exports as files: what is ours there, what is not, and how much of it there is. */
import assert from "node:assert/strict";
import { AppError } from "../src/errors.ts";
import { ExportFiles } from "../src/store/export_files.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";

const FOLDER = "/data/exports";

async function* bytes(count: number) {
  yield new Uint8Array(count);
}

Deno.test("a start removes our own drafts and nobody else's", async () => {
  const disk = new SimulatedDisk();
  disk.put(`${FOLDER}/export-20260131T120000000Z-00000001.json.tmp`, "half");
  disk.put(`${FOLDER}/export-20260131T120000000Z-00000002.json`, "whole");
  disk.put(`${FOLDER}/notes.tmp`, "mine");
  const folder = new ExportFiles(new SimulatedFileSystem(disk), FOLDER);
  await folder.open();
  assert.equal(folder.bytes, "whole".length + "mine".length);
  const names = [...disk.files().keys()].map((path) => path.split("/").at(-1)).sort();
  assert.deepEqual(names, ["export-20260131T120000000Z-00000002.json", "notes.tmp"]);
});

Deno.test("files removed by hand are noticed at the next export", async () => {
  const disk = new SimulatedDisk();
  const folder = new ExportFiles(new SimulatedFileSystem(disk), FOLDER);
  await folder.open();
  await folder.write("export-1.json", bytes(1_000));
  await folder.write("export-2.json", bytes(100));
  assert.equal(folder.bytes, 1_100);
  disk.remove(`${FOLDER}/export-1.json`);
  await Promise.all([3, 4].map((n) => folder.write(`export-${n}.json`, bytes(10))));
  assert.equal(folder.bytes, 120);
});

Deno.test("exports that begin at the same time share the folder that the first one makes", async () => {
  const disk = new SimulatedDisk();
  const folder = new ExportFiles(new SimulatedFileSystem(disk), FOLDER);
  await folder.open();
  await Promise.all([1, 2, 3].map((n) => folder.write(`export-${n}.json`, bytes(10))));
  assert.equal(folder.bytes, 30);
});

Deno.test("no file is written without room, and none changed where the folder is not ours", async () => {
  const disk = new SimulatedDisk();
  disk.put(`${FOLDER}/export-1.json`, "whole");
  const before = disk.files();
  const code = (work: Promise<unknown>) => work.then(() => "done", ({ code }) => code);
  const requireFolder = (code: "read_only" | "insufficient_storage") => async (grows: boolean) => {
    await Promise.resolve();
    if (grows || code === "read_only") throw new AppError(code, "Cannot write: not now");
  };
  const on = (code: Parameters<typeof requireFolder>[0]) =>
    new ExportFiles(new SimulatedFileSystem(disk), FOLDER, 0, requireFolder(code));
  assert.equal(await code(on("read_only").write("export-2.json", bytes(10))), "read_only");
  assert.equal(await code(on("read_only").remove("export-1.json")), "read_only");
  const full = on("insufficient_storage");
  assert.equal(await code(full.write("export-2.json", bytes(10))), "insufficient_storage");
  assert.deepEqual(disk.files(), before);
  assert.equal(await code(full.remove("export-1.json")), "done");
});
