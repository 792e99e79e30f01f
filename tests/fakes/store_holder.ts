/** A process that writes one memory, and then holds the folder until it is killed. */
import { realFileSystem } from "../../src/store/fs.ts";
import { FakeClock } from "./indexing.ts";
import { fileStoreOn, putOf, stateOf } from "./store_kit.ts";

const store = fileStoreOn(realFileSystem, Deno.args[0] ?? "", new FakeClock(), []);
await store.open(stateOf([]));
await store.append(putOf(1));
console.log("holding");
setInterval(() => {}, 1_000_000);
