/** A comparison that breaks off, is asked for twice, or has what it looks at change under it. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import { awayFrom, callsOf, MINUTE_MS, withPlace } from "./fakes/qdrant/index_place.ts";
import { drain } from "./fakes/indexing.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

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

Deno.test("other fields that are written while it is compared cost no vector", async () => {
  await withPlace(async (place) => {
    const contentOf = (n: number) => `${n} ${"x".repeat(100_000)}`;
    for (let n = 0; n < 100; n++) await place.put(n, contentOf(n));
    const gate = Promise.withResolvers<void>();
    place.plan = (call) => call === "scroll" ? { wait: gate.promise } : undefined;
    const converging = place.index.elsewhere.converge();
    await drain();
    for (let n = 0; n < 100; n++) {
      place.state.set(idOf(n), memoryOf(n, { content: contentOf(n), tags: ["new"] }));
    }
    const refreshing = place.index.elsewhere.refresh([...place.state.keys()]);
    gate.resolve();
    await Promise.all([converging, refreshing]);
    assert.deepEqual([place.read, place.prints()], [[], place.wanted()]);
  });
});

Deno.test("a narrowed search that finds less than a page has them counted, too", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    await place.advance(2 * MINUTE_MS);
    place.stored.clear();
    const query = { vector: Float32Array.of(1, 1, 1, 1), limit: 5, except: idOf(9) };
    assert.deepEqual((await place.index.search(query)).hits, []);
    await place.advance(1_000);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("former versions put back in their places are noticed by a search, and go", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    const snapshot = new Map(place.stored);
    await place.put(3, "edited since");
    await place.advance(2 * MINUTE_MS);
    for (const [point, stored] of snapshot) place.stored.set(point, stored);
    await place.advance(30 * MINUTE_MS);
    assert.notDeepEqual(place.prints(), place.wanted());
    assert.deepEqual((await place.ids()).sort(), [idOf(1), idOf(2)]);
    await place.advance(MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
    // But not time and again.
    const before = callsOf(place, "scroll");
    for (const [point, stored] of snapshot) place.stored.set(point, stored);
    for (let minute = 0; minute < 8; minute++) {
      await place.ids();
      await place.advance(MINUTE_MS);
    }
    assert.equal(callsOf(place, "scroll"), before);
  });
});

Deno.test("a version that is found while another is on its way is no reason to compare", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    await place.advance(2 * MINUTE_MS);
    const gate = Promise.withResolvers<void>();
    place.plan = (call) => call === "upsert" ? { wait: gate.promise } : undefined;
    place.state.set(idOf(1), memoryOf(1, { content: "edited" }));
    void place.index.upsert([{ id: idOf(1), vectors: [Float32Array.of(1, 2, 3, 4)] }]);
    const before = callsOf(place, "scroll");
    assert.deepEqual(await place.ids(), []);
    gate.resolve();
    await place.advance(5 * MINUTE_MS);
    assert.equal(callsOf(place, "scroll"), before);
  });
});

Deno.test("what it has from before is said once it is back, and taken over", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    place.forgotten.add("text 1").add("text 2");
    place.fail("away");
    await place.restart();
    assert.deepEqual([await place.adopt(), place.found], [[], []]);
    place.plan = () => undefined;
    await place.advance(MINUTE_MS / 2);
    assert.deepEqual(place.found.toSorted(), [idOf(1), idOf(2)]);
    assert.deepEqual(await place.adopt(), [idOf(1), idOf(2)]);
    assert.deepEqual([await place.ids(), place.lost, place.read], [[idOf(1), idOf(2)], [], []]);
  });
});
