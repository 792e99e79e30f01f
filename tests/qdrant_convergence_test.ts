/** What Qdrant lacks, has too much of, or has in another version is found and put right. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { pointId } from "../src/vector_index/qdrant/point_id.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import { awayFrom, callsOf, MINUTE_MS, withPlace } from "./fakes/qdrant/index_place.ts";
import { drain } from "./fakes/indexing.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

const LATE = { error: new QdrantError("busy", "Cannot: too late"), done: "late" } as const;

Deno.test("what was deleted while Qdrant was away is gone from it after the next start", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    place.fail("away");
    await assert.rejects(place.ids(), VectorIndexUnavailable);
    await place.delete(2);
    await place.restart();
    assert.deepEqual(await place.adopt(), []);
    place.plan = () => undefined;
    await place.advance(60_000);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("also where nothing is left of the memories, with the first search", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    await awayFrom(place);
    await place.delete(1);
    await place.restart();
    place.plan = () => undefined;
    await assert.rejects(place.ids(), VectorIndexUnavailable);
    await place.advance(1_000);
    assert.deepEqual([await place.ids(), place.prints()], [[], []]);
  });
});

Deno.test("what is there from before is taken over as it is now, and no vector is read for it", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3, 4, 5]) await place.put(n, n === 2 ? "long|longer" : `text ${n}`);
    await place.restart();
    place.state.set(idOf(1), memoryOf(1, { content: "text 1", tags: ["new"] }));
    place.state.set(idOf(3), memoryOf(3, { content: "edited" }));
    place.state.delete(idOf(4));
    place.stored.delete(place.point(5));
    assert.deepEqual(await place.adopt(), [idOf(1), idOf(2)]);
    await drain();
    for (const n of [3, 5]) place.state.delete(idOf(n));
    assert.deepEqual(place.prints(), place.wanted());
    assert.deepEqual([place.read, callsOf(place, "upsert")], [[], 5]);
  }, { pageSize: 2 });
});

Deno.test("what changes between the comparison and the taking over is seen", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3, 4]) await place.put(n);
    await place.restart();
    assert.deepEqual([...await place.index.elsewhere.adopt([])], []);
    const memories = [...place.state.values()];
    place.state.set(idOf(1), memoryOf(1, { content: "text 1", importance_score: 1 }));
    place.state.set(idOf(2), memoryOf(2, { content: "edited" }));
    await place.delete(3);
    const adopted = await place.index.elsewhere.adopt(memories);
    assert.deepEqual([...adopted], [idOf(1), idOf(4)]);
    await drain();
    place.state.delete(idOf(2));
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("points that the state fits stay until the indexer takes them over", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    await place.restart();
    await place.index.elsewhere.adopt([]);
    await place.advance(25 * MINUTE_MS);
    await place.index.elsewhere.converge();
    assert.deepEqual([await place.adopt(), await place.ids()], [[idOf(1), idOf(2)], [
      idOf(1),
      idOf(2),
    ]]);
  });
});

Deno.test("memories that are yet to be embedded are not missed", async () => {
  await withPlace(async (place) => {
    place.state.set(idOf(1), memoryOf(1));
    await place.put(2);
    await place.index.elsewhere.converge();
    assert.deepEqual([place.lost, place.read, place.status], [[], [], "ok, well, 0 pending"]);
  });
});

Deno.test("what is lost without a word is found by counting, and written again unasked", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    await place.advance(2 * MINUTE_MS);
    place.stored.delete(place.point(2));
    await place.advance(10 * MINUTE_MS);
    assert.deepEqual([place.prints(), place.read], [place.wanted(), [idOf(2)]]);
  });
});

Deno.test("a search that finds too few has them counted soon", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    await place.advance(2 * MINUTE_MS);
    place.stored.clear();
    await assert.rejects(place.ids(), VectorIndexUnavailable);
    await place.advance(1_000);
    assert.deepEqual(place.prints(), place.wanted());
    assert.deepEqual((await place.ids()).sort(), [1, 2, 3].map((n) => idOf(n)));
  });
});

Deno.test("a count that is right costs no comparison", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    await place.restart();
    await place.index.elsewhere.adopt([]);
    await place.advance(2 * MINUTE_MS);
    await place.put(1, "not what was there");
    const before = callsOf(place, "scroll");
    await place.advance(60 * MINUTE_MS);
    assert.deepEqual([callsOf(place, "scroll") - before, callsOf(place, "countPoints")], [0, 6]);
  });
});

Deno.test("what is lost and nowhere remembered is said to be lost, and is not held any more", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n, `text|${n}`);
    place.forgotten.add("text|2");
    place.odd.add("text|3");
    for (const n of [2, 3]) place.stored.delete(place.point(n));
    await place.index.elsewhere.converge();
    assert.deepEqual(place.lost, [idOf(2), idOf(3)]);
    assert.deepEqual([...place.index.elsewhere.ids()], [idOf(1)]);
    assert.deepEqual([...place.stored.values()].map(({ memory }) => memory.id), [idOf(1), idOf(1)]);
    for (const n of [2, 3]) await place.put(n, `text|${n}`);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("vectors that cannot be read just now are read later", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n);
    place.stored.clear();
    place.reading = () => Promise.reject(new TypeError("no"));
    await assert.rejects(place.index.elsewhere.converge(), VectorIndexUnavailable);
    assert.equal(place.status, "ok, well, 3 pending");
    place.reading = () => Promise.resolve();
    await place.advance(MINUTE_MS);
    assert.deepEqual([place.prints(), place.lost], [place.wanted(), []]);
    assert.deepEqual(place.logged, [
      "info: Qdrant is in use",
      "warn: Qdrant is not brought in line: TypeError, to be tried again",
    ]);
  });
});

Deno.test("an upsert that fails and is carried out late does not last", async () => {
  await withPlace(async (place) => {
    await place.put(1, "before");
    await place.advance(5 * MINUTE_MS);
    place.plan = (call) => call === "upsert" ? LATE : undefined;
    await place.put(1, "meanwhile");
    place.plan = () => undefined;
    await place.delete(1);
    await place.put(1, "after");
    await place.advance(20_000);
    assert.deepEqual(place.prints(), place.wanted());
    for (const points of place.points) points.late();
    assert.notDeepEqual(place.prints(), place.wanted());
    await assert.rejects(place.ids(), VectorIndexUnavailable);
    await place.advance(2 * MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("a delete that fails and is carried out late does not last", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    await place.advance(5 * MINUTE_MS);
    place.plan = (call) => call === "deleteMemories" ? LATE : undefined;
    await place.delete(1);
    place.plan = () => undefined;
    await place.put(1);
    await place.advance(20_000);
    for (const points of place.points) points.late();
    assert.notDeepEqual(place.prints(), place.wanted());
    await place.advance(2 * MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("a write of a former process that is carried out late does not last", async () => {
  await withPlace(async (place) => {
    await place.put(1, "before");
    place.plan = (call) => call === "upsert" ? LATE : undefined;
    await place.put(1, "meanwhile");
    place.plan = () => undefined;
    const [former] = place.points;
    await place.restart();
    await place.adopt();
    await place.put(1, "after");
    former?.late();
    await place.advance(2 * MINUTE_MS);
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("deleted and made again while Qdrant was away, it is there once", async () => {
  await withPlace(async (place) => {
    await place.put(1, "a|b|c");
    await place.put(2, "a|b|c");
    await awayFrom(place);
    await place.delete(1);
    await place.put(1, "a|b");
    await place.delete(2);
    await place.put(2, "a|b|c");
    await place.quiet();
    assert.deepEqual([place.prints(), place.lost], [place.wanted(), []]);
  });
});

Deno.test("what a failed delete left behind goes with the next upsert", async () => {
  await withPlace(async (place) => {
    await place.put(1, "a|b|c");
    place.fail("busy", "deleteMemories");
    await place.delete(1);
    place.plan = () => undefined;
    await place.put(1, "short");
    assert.deepEqual(place.prints(), place.wanted());
  });
});

Deno.test("what was there from before and is written or deleted is not taken over", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2, 3]) await place.put(n, `a|b|${n}`);
    await place.restart();
    await place.index.elsewhere.adopt([]);
    await place.put(1, "short");
    assert.equal(place.prints().length, 7);
    const deleted = place.state.get(idOf(2)) ?? assert.fail();
    await place.delete(2);
    place.state.set(deleted.id, deleted);
    assert.deepEqual(await place.adopt(), [idOf(3)]);
  });
});

Deno.test("other fields are written without their vectors being read", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    await place.put(1, "text 1", { tags: ["new"] });
    assert.deepEqual(place.prints(), place.wanted());
    place.fail("busy", "setFields");
    await place.put(2, "text 2", { tags: ["new"] });
    assert.equal(place.status, "ok, well, 1 pending");
    place.plan = () => undefined;
    await awayFrom(place);
    await place.put(1, "text 1", { tags: ["newer"] });
    await place.quiet();
    assert.deepEqual([place.prints(), place.read], [place.wanted(), []]);
  });
});

Deno.test("points that are a memory's by what they say, and not by their id or number, go", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    const [, point] = [...place.stored][0] ?? assert.fail();
    place.stored.set(idOf(8), point);
    place.stored.set(pointId("brain", idOf(1), 1), { ...point, chunk: 1 });
    await place.index.elsewhere.converge();
    assert.deepEqual([place.prints(), place.read], [place.wanted(), []]);
  });
});

Deno.test("the points of others in the same collection are left alone", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    const [, point] = [...place.stored][0] ?? assert.fail();
    place.stored.set(idOf(7), { ...point, brain: "another", memory: memoryOf(7) });
    await place.index.elsewhere.converge();
    await place.restart();
    await place.adopt();
    assert.deepEqual([await place.ids(), [...place.stored.keys()]], [[idOf(1)], [
      place.point(1),
      idOf(7),
    ]]);
  });
});
