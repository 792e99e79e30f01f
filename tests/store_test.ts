/** The store's contract on each adapter, and what only the one on disk promises. */
import assert from "node:assert/strict";
import { StoreOpenError } from "../src/store.ts";
import { realFileSystem } from "../src/store/fs.ts";
import { RamStore } from "../src/store/ram.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { contentsOf, fileStoreOn, PATH, putOf, seed, stateOf } from "./fakes/store_kit.ts";
import { storeContract } from "./store_contract.ts";

console.log(`TEST_SEED=${seed}`);

storeContract("FileStore, real files", {
  place() {
    const root = Deno.makeTempDirSync({ prefix: "store-" });
    return {
      make: (clock) => fileStoreOn(realFileSystem, `${root}/new/memories.json`, clock, []),
      remove: () => Deno.removeSync(root, { recursive: true }),
    };
  },
});

storeContract("FileStore, simulated files", {
  place() {
    const disk = new SimulatedDisk();
    return {
      make: (clock) => fileStoreOn(new SimulatedFileSystem(disk), PATH, clock, []),
      remove: () => {},
    };
  },
});

storeContract("RamStore", {
  forgets: "it forgets at the end of the process, as it says",
  place: () => ({ make: () => new RamStore(), remove: () => {} }),
});

Deno.test("one folder, one process: the second is refused until the first is gone", async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  const path = `${root}/memories.json`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("./fakes/store_holder.ts", import.meta.url).pathname, path],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = holder.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "holding\n");
  const second = fileStoreOn(realFileSystem, path, new FakeClock(), []);
  const isLocked = (error: unknown) => error instanceof StoreOpenError && error.fault === "locked";
  await assert.rejects(second.open(stateOf([])), isLocked);
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  const state = stateOf([]);
  const third = fileStoreOn(realFileSystem, path, new FakeClock(), []);
  assert.deepEqual(await third.open(state), { integrity: "ok", notes: [] });
  assert.deepEqual(contentsOf(state), contentsOf(stateOf([putOf(1)])));
  await third.close();
  await Deno.remove(root, { recursive: true });
});

Deno.test("the data folder may be reached by a link", async () => {
  const root = await Deno.makeTempDir({ prefix: "store-" });
  await Deno.mkdir(`${root}/real`);
  await Deno.symlink(`${root}/real`, `${root}/link`);
  for (const folder of ["link", "link/below", "real"]) {
    const store = fileStoreOn(realFileSystem, `${root}/${folder}/m.json`, new FakeClock(), []);
    const state = stateOf([]);
    await store.open(state);
    assert.deepEqual(contentsOf(state), contentsOf(stateOf(folder === "real" ? [putOf(1)] : [])));
    await store.append(putOf(1));
    await store.close();
  }
  await Deno.remove(root, { recursive: true });
});
