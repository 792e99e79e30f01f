/** What a search finds in Qdrant, and what it does when Qdrant does not answer. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import { callsOf, type QdrantPlace, vectorsOf, withPlace } from "./fakes/qdrant/index_place.ts";
import { drain } from "./fakes/indexing.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

const VECTOR = Float32Array.of(1, 2, 1, 1);

/** Many at once, as an import brings them. */
async function putAll(place: QdrantPlace, contents: readonly string[]): Promise<void> {
  const memories = contents.map((content, n) => memoryOf(n, { content }));
  for (const memory of memories) place.state.set(memory.id, memory);
  await place.index.upsert(
    memories.map((memory) => ({ id: memory.id, vectors: vectorsOf(memory) })),
  );
}

async function findsTruth(place: QdrantPlace, limit: number): Promise<void> {
  const [found, truth] = [
    await place.index.search({ vector: VECTOR, limit }),
    await place.truth({ vector: VECTOR, limit }),
  ];
  assert.deepEqual(found.hits.map(({ id }) => id), truth.hits.map(({ id }) => id));
  assert.equal(found.total, truth.total);
  for (const [at, { score }] of found.hits.entries()) {
    assert.ok(Math.abs(score - (truth.hits[at]?.score ?? NaN)) < 1e-3);
  }
}

Deno.test("the page is filled behind points that are nobody's, or another version's", async () => {
  await withPlace(async (place) => {
    await putAll(place, Array.from({ length: 40 }, (_, n) => `text ${n}`));
    const { hits: [nearest] } = await place.index.search({ vector: VECTOR, limit: 1 });
    const [, best] = [...place.stored].find(([, { memory }]) => memory.id === nearest?.id) ??
      assert.fail();
    for (let n = 100; n < 130; n++) place.stored.set(idOf(n), { ...best, memory: memoryOf(n) });
    const stale = { ...best.stamp, contentHash: "of another text" };
    for (const n of [3, 5]) {
      const memory = place.state.get(idOf(n)) ?? assert.fail();
      place.stored.set(idOf(900 + n), { ...best, memory, stamp: stale });
    }
    await findsTruth(place, 5);
  });
});

Deno.test("equal scores at the end of a page are settled by id, however many there are", async () => {
  await withPlace(async (place) => {
    await putAll(place, [...Array.from({ length: 300 }, () => "same"), "other"]);
    for (const limit of [1, 3, 299, 301, 400]) await findsTruth(place, limit);
  });
});

Deno.test("long memories do not take the places of others", async () => {
  await withPlace(async (place) => {
    const long = Array.from({ length: 60 }, (_, at) => `part ${at}`).join("|");
    await putAll(place, [long, long, long, "short", "brief", "curt"]);
    for (const limit of [2, 4, 6]) await findsTruth(place, limit);
  });
});

Deno.test("a page of thousands is asked for in several requests, each with its time", async () => {
  await withPlace(async (place) => {
    await putAll(place, Array.from({ length: 2_500 }, (_, n) => `text ${n}`));
    const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    place.plan = () => {
      const wait = answers[callsOf(place, "nearest") - 1]?.promise;
      return wait && { wait };
    };
    const finding = findsTruth(place, 2_400);
    for (const [at, { resolve }] of answers.entries()) {
      while (callsOf(place, "nearest") === at) await drain();
      await place.advance(700);
      resolve();
    }
    await finding;
    assert.equal(callsOf(place, "nearest"), 2);
  });
});

Deno.test("the filter holds in Qdrant, and what it counts does not include what is not held", async () => {
  await withPlace(async (place) => {
    await place.put(1, "one", { tags: ["a"] });
    await place.put(2, "two", { tags: ["a"] });
    await place.put(3, "three", { tags: ["b"] });
    place.fail("busy", "deleteMemories");
    await place.delete(2);
    const filter = { tags: ["a"] };
    const accept = (id: string) => place.state.get(id)?.tags.includes("a") === true;
    const found = await place.index.search({ vector: VECTOR, limit: 5, filter, accept });
    assert.deepEqual([found.hits.map(({ id }) => id), found.total], [[idOf(1)], 1]);
    const none = await place.index.search({ vector: VECTOR, limit: 5, filter, except: idOf(1) });
    assert.deepEqual(none, { hits: [], total: 0 });
  });
});

Deno.test("an edited memory is not found by its former text while the new one is written", async () => {
  await withPlace(async (place) => {
    await place.put(1, "before");
    await place.put(2, "beside");
    const written = Promise.withResolvers<void>();
    place.plan = (call) => call === "nearest" ? undefined : { wait: written.promise };
    const editing = place.put(1, "after");
    assert.deepEqual(await place.ids(), [idOf(2)]);
    written.resolve();
    await editing;
    assert.deepEqual((await place.ids()).sort(), [idOf(1), idOf(2)]);
  });
});

Deno.test("what is deleted while the others are counted is not found any more", async () => {
  await withPlace(async (place) => {
    for (const n of [1, 2]) await place.put(n);
    const counted = Promise.withResolvers<void>();
    place.plan = (call) => call === "countMemories" ? { wait: counted.promise } : undefined;
    const filter = { min_importance: 0 };
    const search = place.index.search({ vector: VECTOR, limit: 5, filter });
    await drain();
    await place.delete(1);
    counted.resolve();
    assert.deepEqual((await search).hits.map(({ id }) => id), [idOf(2)]);
  });
});

Deno.test("a search that is not answered in time is out of reach, and so is one without its count", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    place.plan = () => ({ wait: new Promise(() => {}) });
    const slow = place.index.search({ vector: VECTOR, limit: 5 });
    const refused = assert.rejects(slow, (error) => {
      assert.ok(error instanceof VectorIndexUnavailable);
      assert.equal(error.message, "Cannot search in Qdrant: no answer within 800 ms");
      return true;
    });
    await place.advance(799);
    await place.advance(1);
    await refused;
    place.fail("busy", "countMemories");
    const filter = { tags: ["a"] };
    const uncounted = place.index.search({ vector: VECTOR, limit: 5, filter });
    await assert.rejects(uncounted, VectorIndexUnavailable);
    assert.equal(place.status, "ok, well, 0 pending");
  });
});

Deno.test("a caller that leaves gets its own reason, and Qdrant is not blamed for it", async () => {
  await withPlace(async (place) => {
    await place.put(1);
    for (let times = 0; times < 4; times++) {
      place.plan = () => ({ wait: new Promise(() => {}) });
      const leaving = new AbortController(), reason = new Error("the client left");
      const search = place.index.search({ vector: VECTOR, limit: 5, signal: leaving.signal });
      await drain();
      leaving.abort(reason);
      await assert.rejects(search, reason);
    }
    place.plan = () => undefined;
    assert.deepEqual(await place.ids(), [idOf(1)]);
  });
});

Deno.test("what a search throws is said without its cause's words where that is unexpected", async () => {
  await withPlace(async (place) => {
    await place.put(1, "secret");
    place.plan = () => ({ wait: Promise.reject(new TypeError("secret")) });
    await assert.rejects(place.ids(), new VectorIndexUnavailable("Cannot search in Qdrant"));
    place.plan = () => ({ error: new QdrantError("busy", "Cannot use Qdrant: it answered 503") });
    await assert.rejects(
      place.ids(),
      new VectorIndexUnavailable("Cannot use Qdrant: it answered 503"),
    );
  });
});

Deno.test("pairs are not looked for in Qdrant", async () => {
  await withPlace(async (place) => {
    await assert.rejects(place.index.nearPairs(), VectorIndexUnavailable);
  });
});

Deno.test("it keeps no vectors, and says what it takes instead", async () => {
  await withPlace(async (place) => {
    await putAll(place, Array.from({ length: 100 }, (_, n) => `text ${n}`));
    assert.equal(place.index.bytes, 18_000);
    assert.deepEqual([place.index.size, place.index.dimensions], [100, 4]);
    assert.equal([...place.index.elsewhere.ids()].length, 100);
  });
});

Deno.test("a search hashes nothing of what it finds", async () => {
  await withPlace(async (place) => {
    const embedding = Float32Array.of(1, 2, 3, 4);
    const { buffer } = embedding;
    let hashed = 0;
    Object.defineProperty(embedding, "buffer", { get: () => (hashed++, buffer) });
    await place.put(1, "text", { embedding });
    const before = hashed;
    assert.ok(before > 0);
    assert.deepEqual([await place.ids(), hashed], [[idOf(1)], before]);
  });
});
