/** The file under the embedding cache, where it is let go of. */
import assert from "node:assert/strict";
import { closeCacheFile, openCacheFile } from "../src/embedder/cache_file.ts";
import { eventually } from "./e2e/conditions.ts";
import { Place } from "./fakes/cache_place.ts";

Deno.test("of a file that is taken away only a deleted one is emptied, to give back its room", async () => {
  using place = new Place();
  const first = openCacheFile(place.path);
  using moved = Deno.openSync(place.path);
  Deno.renameSync(place.path, `${place.path}.old`);
  closeCacheFile(first);
  const second = openCacheFile(place.path);
  using deleted = Deno.openSync(place.path);
  assert.notEqual(deleted.statSync().size, 0);
  Deno.removeSync(place.path);
  closeCacheFile(second);
  await eventually(5_000, "it is empty", () => deleted.statSync().size === 0 || undefined);
  assert.notEqual(moved.statSync().size, 0);
});
