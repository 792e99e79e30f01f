/** A comparison that breaks off, is asked for twice, or has what it looks at change under it. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import { awayFrom, callsOf, MINUTE_MS, withPlace } from "./fakes/qdrant/index_place.ts";
import { drain } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";

const BUSY = new QdrantError("busy", "Cannot: busy");

Deno.test("a comparison that breaks off changes nothing that is right, and is made again", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3, 4, 5]) await place.put(n);
    place.stored.delete(place.point(5));
    let pages = 0;
    place.plan = (call) => call === "scroll" && ++pages === 2 ? { error: BUSY } : undefined;
    await assert.rejects(
      place.index.elsewhere.converge(),
      new VectorIndexUnavailable("Cannot: busy"),
    );
    assert.deepEqual([place.lost, place.status], [[], "ok, well, 0 pending"]);
    await place.advance(2 * MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
  }, { pageSize: 2 });
});

Deno.test("who asks for a comparison shares one that has not begun, else has another made", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    const before = callsOf(place, "scroll");
    const read = Promise.withResolvers<void>();
    place.plan = (call) => call === "scroll" ? { wait: read.promise } : undefined;
    const { converge } = place.index.elsewhere;
    const first = converge();
    await drain();
    const later = [converge(), converge()];
    place.stored.clear();
    const writing = place.put(2);
    read.resolve();
    await Promise.all([first, ...later, writing]);
    assert.equal(callsOf(place, "scroll") - before, 2);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("a comparison on demand reaches for Qdrant at once, and says if it is not there", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    await awayFrom(place);
    await place.put(2);
    await assert.rejects(
      place.index.elsewhere.converge(),
      new VectorIndexUnavailable("Cannot: away"),
    );
    place.plan = () => undefined;
    await place.index.elsewhere.converge();
    assert.deepEqual([place.prints(), place.status], [place.wanted(), "ok, well, 0 pending"]);
  });
});

Deno.test("what is written or deleted while it is compared is not undone", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3, 4]) await place.put(n);
    for (const isAway of [false, true]) {
      if (isAway) await awayFrom(place);
      const read = Promise.withResolvers<void>();
      let pages = 0;
      place.plan = (call) =>
        call === "scroll" && ++pages === 2 ? { wait: read.promise } : undefined;
      const converging = place.index.elsewhere.converge();
      await drain();
      const writes = [
        place.delete(1),
        place.put(2, `edited ${isAway}`),
        place.put(3, isAway ? "text 3" : "a|b"),
        place.delete(4),
        place.put(4),
        place.put(5, `new ${isAway}`),
      ];
      read.resolve();
      await Promise.all([converging, ...writes]);
      assert.deepEqual([place.prints(), place.lost], [place.wanted(), []], `away: ${isAway}`);
      await place.put(1);
    }
  }, { pageSize: 2 });
});

Deno.test("what is written while its former vectors are read is neither lost nor overwritten", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    place.forgotten.add("text 1");
    place.stored.clear();
    const read = Promise.withResolvers<void>();
    place.reading = () => read.promise;
    const converging = place.index.elsewhere.converge();
    await drain();
    const writes = [place.put(1, "edited"), place.put(2, "edited|too"), place.delete(3)];
    read.resolve();
    await Promise.all([converging, ...writes]);
    assert.deepEqual([place.prints(), place.lost], [place.wanted(), []]);
    assert.deepEqual([...place.index.elsewhere.ids()].sort(), [idOf(1), idOf(2)]);
  });
});
