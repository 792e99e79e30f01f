/** One brain's points in a Qdrant: what is written, what is found, and what is left alone. */
import assert from "node:assert/strict";
import { z } from "zod";
import { fieldsPayload } from "../src/vector_index/qdrant/payload.ts";
import { pointId } from "../src/vector_index/qdrant/point_id.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import type { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";
import {
  COLLECTION,
  entryOf,
  NEVER,
  restPoints,
  scrolled,
} from "./fakes/qdrant/rest_points_kit.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

const X = [1, 0, 0], Y = [0, 1, 0], Z = [0, 0, 1];

function held(standIn: StandIn, collection = COLLECTION): string[] {
  const points = standIn.collections.get(collection)?.matching(() => true) ?? [];
  return [...points].map(({ id }) => String(id)).sort();
}

function callsOf(standIn: StandIn): (string | undefined)[] {
  return standIn.requests.map(({ route }) => route);
}

const Batch = z.object({
  operations: z.array(z.object({ upsert: z.object({ points: z.array(z.unknown()) }).optional() })),
});

/** How many points a request adds or replaces, and what else it does. */
function parts(body: unknown): { upserted: number; others: number } {
  const { operations } = Batch.parse(body);
  const upserts = operations.flatMap(({ upsert }) => upsert?.points ?? []);
  return { upserted: upserts.length, others: operations.filter(({ upsert }) => !upsert).length };
}

/** Of memory and chunk, as they are listed. */
function pointIds(...places: readonly (readonly [number, number, string?])[]): string[] {
  return places.map(([n, chunk, brain = "b"]) => pointId(brain, idOf(n), chunk)).sort();
}

Deno.test("a memory is one point with what filters look at, and a long one several", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    const short = entryOf(memoryOf(1), [X]);
    const long = entryOf(memoryOf(2, { tags: ["a", "b"], importance_score: 1 }), [X, Y]);
    await points.upsert([short, long], NEVER);
    const collection = standIn.collections.get(COLLECTION);
    const [first, second] = [0, 1].map((chunk) => collection?.get(pointId("b", idOf(2), chunk)));
    const payload = {
      brain: "b",
      memory_id: idOf(2),
      chunks: 2,
      content_hash: long.stamp.contentHash,
      ...await fieldsPayload(long),
    };
    assert.deepEqual(first?.payload, { ...payload, chunk: 0 });
    assert.deepEqual(second?.payload, { ...payload, chunk: 1 });
    assert.deepEqual(second && collection?.vectorOf(second), Y);
    const stored = (entry: typeof short, chunk: number) => ({
      point: pointId("b", entry.memory.id, chunk),
      memoryId: entry.memory.id,
      chunk,
      chunks: entry.vectors.length,
      ...entry.stamp,
    });
    assert.deepEqual(
      await scrolled(points),
      [stored(short, 0), stored(long, 0), stored(long, 1)].sort((a, b) =>
        a.point < b.point ? -1 : 1
      ),
    );
    assert.equal(await points.countPoints(NEVER), 3);
  });
});

for (const formerChunks of [3, undefined]) {
  Deno.test(`of ${formerChunks ?? "who knows how many"} points none is left beyond those it has now`, async () => {
    await withStandIn(async (standIn) => {
      const points = restPoints(standIn.url);
      await points.ensure(NEVER);
      await points.upsert([entryOf(memoryOf(1), [X, Y, Z]), entryOf(memoryOf(2), [X, Y])], NEVER);
      const count = standIn.requests.length;
      await points.upsert([entryOf(memoryOf(1), [Z], formerChunks)], NEVER);
      assert.deepEqual(held(standIn), pointIds([1, 0], [2, 0], [2, 1]));
      // At once: nobody sees some of the old beside the new for longer than it takes.
      assert.deepEqual(callsOf(standIn).slice(count), ["batch"]);
    });
  });
}

Deno.test("what cannot have more points than now is not searched for more", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    await points.upsert([entryOf(memoryOf(1), [X], 0), entryOf(memoryOf(2), [X], 1)], NEVER);
    const body = JSON.stringify(standIn.requests.at(-1)?.body);
    assert.match(body, /^\{"operations":\[\{"upsert":/);
    assert.ok(!body.includes("delete"), body);
  });
});

Deno.test("many points, or much metadata, are cut into requests, with none lost between", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    const metadata = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n]));
    const many = Array.from({ length: 250 }, (_, n) => {
      return entryOf(memoryOf(n, n % 249 === 0 ? { metadata } : {}), n % 10 === 0 ? [X, Y] : [X]);
    });
    await points.upsert(many, NEVER);
    assert.equal(await points.countPoints(NEVER), 275);
    assert.equal(await points.countMemories({}, NEVER), 250);
    const sizes = standIn.requests.filter(({ route }) => route === "batch")
      .map(({ body }) => JSON.stringify(body).length);
    assert.ok(sizes.length >= 4 && Math.max(...sizes) < 1_000_000, `${sizes}`);
    await points.setFields(many.map(({ memory, stamp }) => ({ memory, stamp })), NEVER);
    assert.equal(await points.countPoints(NEVER), 275);
    for (const { body } of standIn.requests.filter(({ route }) => route === "batch")) {
      const { upserted, others } = parts(body);
      assert.ok(upserted <= 100 && others <= 100, `${upserted} points, ${others} operations`);
    }
  });
});

Deno.test("the nearest come best first, within the filter, without the one that is left out", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    await points.upsert([
      entryOf(memoryOf(1), [X]),
      entryOf(memoryOf(2, { memory_type: "episodic" }), [[1, 1, 0], X]),
      entryOf(memoryOf(3, { metadata: { n: { deep: [3] } } }), [[-3, 0, 0]]),
    ], NEVER);
    const near = async (query: object) => {
      const vector = Float32Array.from(X);
      const found = await points.nearest({ vector, limit: 10, offset: 0, ...query }, NEVER);
      return found.map(({ memoryId, score }) => [memoryId.slice(-1), Number(score.toFixed(6))]);
    };
    const best = await near({});
    assert.deepEqual(best.slice(2), [["2", 0.707107], ["3", -1]]);
    assert.deepEqual(await near({ limit: 2, offset: 2 }), best.slice(2));
    assert.deepEqual(await near({ filter: { memory_type: ["episodic"] } }), [
      ["2", 1],
      ["2", 0.707107],
    ]);
    assert.deepEqual(await near({ except: idOf(2) }), [["1", 1], ["3", -1]]);
    const deep = { metadata: { n: { deep: [3] } } };
    assert.deepEqual(await near({ filter: deep }), [["3", -1]]);
    assert.equal(await points.countMemories({ filter: deep }, NEVER), 1);
    assert.equal(await points.countMemories({ except: idOf(2) }, NEVER), 2);
    assert.equal(await points.countMemories({ filter: { tags_any: [] } }, NEVER), 0);
  });
});

Deno.test("fields change on all points of a memory, and its vectors stay", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    await points.upsert([entryOf(memoryOf(1), [X, Y])], NEVER);
    const changed = entryOf(memoryOf(1, { tags: [], metadata: {}, importance_score: 0 }), []);
    await points.setFields([changed, entryOf(memoryOf(9), [])], NEVER);
    const stored = await scrolled(points);
    assert.deepEqual(stored.map(({ fieldsHash }) => fieldsHash), [
      changed.stamp.fieldsHash,
      changed.stamp.fieldsHash,
    ]);
    const collection = standIn.collections.get(COLLECTION);
    const point = collection?.get(pointId("b", idOf(1), 1));
    assert.deepEqual(point && [collection?.vectorOf(point), point.payload["tags"]], [Y, []]);
    assert.equal(await points.countMemories({ filter: { tags: ["a"] } }, NEVER), 0);
  });
});

Deno.test("memories and points are deleted by the thousand, and unknown ones are no error", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    await points.deleteMemories([], NEVER);
    await points.upsert([1, 2, 3].map((n) => entryOf(memoryOf(n), [X, Y])), NEVER);
    const unknown = Array.from({ length: 999 }, (_, n) => idOf(n + 100));
    await points.deleteMemories([...unknown, idOf(1), "other"], NEVER);
    await points.deletePoints([...unknown, pointId("b", idOf(2), 1), "7"], NEVER);
    assert.deepEqual(held(standIn), pointIds([2, 0], [3, 0], [3, 1]));
    const writes = standIn.requests.filter(({ path }) => /points\/(?:batch|delete)$/.test(path));
    assert.deepEqual(new Set(writes.map(({ query }) => query)), new Set(["?wait=true"]));
    assert.equal(callsOf(standIn).filter((route) => route === "delete").length, 4);
  });
});

Deno.test("brains that share a collection neither see nor touch each other's points, of the same memory either", async () => {
  await withStandIn(async (standIn) => {
    const mine = restPoints(standIn.url), theirs = restPoints(standIn.url, { brain: "c" });
    await mine.ensure(NEVER);
    await theirs.ensure(NEVER);
    await mine.upsert([entryOf(memoryOf(1), [X])], NEVER);
    await theirs.upsert([entryOf(memoryOf(2), [X])], NEVER);
    await mine.upsert([entryOf(memoryOf(2), [Y])], NEVER);
    await mine.deleteMemories([idOf(2)], NEVER);
    await mine.deletePoints([pointId("c", idOf(2), 0)], NEVER);
    await mine.setFields([entryOf(memoryOf(2, { tags: ["mine"] }), [])], NEVER);
    const [point] = await scrolled(theirs);
    assert.deepEqual(point?.fieldsHash, entryOf(memoryOf(2), []).stamp.fieldsHash);
    assert.equal(await mine.countPoints(NEVER), 1);
    const query = { vector: Float32Array.from(X), limit: 5, offset: 0 };
    assert.deepEqual((await mine.nearest(query, NEVER)).map(({ memoryId }) => memoryId), [idOf(1)]);
  });
});

Deno.test("more points than a page are scrolled through, and what is none of ours in them is shown as nobody's", async () => {
  await withStandIn(async (standIn) => {
    const points = restPoints(standIn.url);
    await points.ensure(NEVER);
    const many = Array.from({ length: 1_234 }, (_, n) => entryOf(memoryOf(n), [X], 0));
    await points.upsert(many, NEVER);
    standIn.collections.get(COLLECTION)?.upsert([
      { id: 7, vector: X, payload: { brain: "b", chunk: "x" } },
    ]);
    const stored = await scrolled(points);
    assert.equal(new Set(stored.map(({ point }) => point)).size, 1_235);
    assert.deepEqual(stored.find(({ point }) => point === "7"), {
      point: "7",
      memoryId: "",
      chunk: 0,
      chunks: 0,
      contentHash: "",
      fieldsHash: "",
    });
    await points.deletePoints(["7"], NEVER);
    assert.equal(await points.countPoints(NEVER), 1_234);
  });
});

Deno.test("points of former models go, those of others and of living ones stay", async () => {
  await withStandIn(async (standIn) => {
    const collections = ["second-brain-old-3", "second-brain-alive-3", COLLECTION, "theirs"];
    for (const collection of collections) {
      for (const [n, brain] of ["b", "c"].entries()) {
        const points = restPoints(standIn.url, { collection, brain });
        await points.ensure(NEVER);
        await points.upsert([entryOf(memoryOf(n), [X])], NEVER);
      }
    }
    await restPoints(standIn.url).forgetFormer(new Set(["second-brain-alive-3"]), NEVER);
    assert.deepEqual(collections.map((name) => held(standIn, name)), [
      pointIds([1, 0, "c"]),
      ...Array.from({ length: 3 }, () => pointIds([0, 0], [1, 0, "c"])),
    ]);
  });
});

Deno.test("a key that may only read forgets no former model, and that is no error", async () => {
  await withStandIn(async (standIn) => {
    const collection = "second-brain-old-3";
    const former = restPoints(standIn.url, { apiKey: "all", collection });
    await former.ensure(NEVER);
    await former.upsert([entryOf(memoryOf(1), [X])], NEVER);
    const reader = restPoints(standIn.url, { apiKey: "read" });
    await reader.forgetFormer(new Set(), NEVER);
    assert.deepEqual(held(standIn, collection), pointIds([1, 0]));
    assert.equal(callsOf(standIn).at(-1), "delete");
    await assert.rejects(
      reader.ensure(NEVER),
      (error) => error instanceof QdrantError && error.fault === "denied",
    );
  }, { apiKey: "all", readOnlyApiKey: "read" });
});

Deno.test("former models are not forgotten while Qdrant is busy, and whoever asked is told", async () => {
  await withStandIn(async (standIn) => {
    standIn.faults.add({ kind: "unavailable" });
    await assert.rejects(
      restPoints(standIn.url).forgetFormer(new Set(), NEVER),
      (error) => error instanceof QdrantError && error.fault === "busy",
    );
  });
});
