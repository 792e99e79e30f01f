/** The store's contract on each adapter, and what only the one on disk promises. */
import { realFileSystem } from "../src/store/fs.ts";
import { RamStore } from "../src/store/ram.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { SimulatedDisk, SimulatedFileSystem } from "./fakes/file_system.ts";
import { fileStoreOn, PATH, seed } from "./fakes/store_kit.ts";
import { storeContract } from "./store_contract.ts";

console.log(`TEST_SEED=${seed}`);

storeContract("FileStore, real files", {
  place() {
    const root = Deno.makeTempDirSync({ prefix: "store-" });
    return {
      make: () => fileStoreOn(realFileSystem, `${root}/new/memories.json`, new FakeClock(), []),
      remove: () => Deno.removeSync(root, { recursive: true }),
    };
  },
});

storeContract("FileStore, simulated files", {
  place() {
    const disk = new SimulatedDisk();
    return {
      make: () => fileStoreOn(new SimulatedFileSystem(disk), PATH, new FakeClock(), []),
      remove: () => {},
    };
  },
});

storeContract("RamStore", {
  forgets: "it forgets at the end of the process, as it says",
  place: () => ({ make: () => new RamStore(), remove: () => {} }),
});
