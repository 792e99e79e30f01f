/** The collection: its name, how it is made, and when it may be made anew. */
import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import { Client } from "../src/vector_index/qdrant/client.ts";
import { collectionName } from "../src/vector_index/qdrant/collection.ts";
import { QdrantError } from "../src/vector_index/qdrant/points.ts";
import {
  COLLECTION,
  entryOf,
  NEVER,
  restPoints,
  scrolled,
} from "./fakes/qdrant/rest_points_kit.ts";
import type { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";
import { memoryOf } from "./fakes/store_kit.ts";

const X = [1, 0, 0];
const QUANTISED = { scalar: { type: "int8", always_ram: true } };

function writes({ requests }: StandIn): unknown[] {
  return requests.filter(({ method }) => method !== "GET")
    .map(({ method, path, body }) => [`${method} ${path.replace(COLLECTION, "C")}`, body]);
}

const INDEXES = [
  ["brain", { type: "keyword", is_tenant: true }],
  ["memory_id", "keyword"],
  ["chunk", "integer"],
  ["memory_type", "keyword"],
  ["tags", "keyword"],
  ["importance", "float"],
  ["created_at", "datetime"],
  ["metadata", "keyword"],
].map(([field_name, field_schema]) => [
  "PUT /collections/C/index",
  { field_name, field_schema },
]);

Deno.test("another model, or another length, has another collection", () => {
  const names = ([
    ["text-embedding-3-small", 1536, "second-brain-text-embedding-3-small-1536"],
    ["text-embedding-3-small", 512, "second-brain-text-embedding-3-small-512"],
    ["BAAI/bge-m3", 1024, "second-brain-BAAI-bge-m3-PIN-1024"],
    ["BAAI-bge-m3", 1024, "second-brain-BAAI-bge-m3-1024"],
    [null, 3, "second-brain-own-vectors-3"],
    ["own-vectors", 3, "second-brain-own-vectors-PIN-3"],
    ["../x?y", 3, "second-brain-..-x-y-PIN-3"],
    ["", 3, "second-brain--3"],
  ] as const).map(([model, length, name]) => [collectionName(model, length), name]);
  const pin = (name: string | undefined) => name?.replace(/-[0-9a-f]{8}-(?=\d+$)/, "-PIN-");
  assert.deepEqual(names.map(([name]) => pin(name)), names.map(([, name]) => name));
  assert.equal(new Set(names.map(([name]) => name)).size, names.length);
  const long = collectionName("é".repeat(5_000), 8192);
  assert.ok(long.length < 200 && long !== collectionName("é".repeat(5_001), 8192), long);
});

Deno.test("a collection is made with every index that a filter needs, once", async () => {
  await withStandIn(async (standIn) => {
    await restPoints(standIn.url).ensure(NEVER);
    assert.deepEqual(writes(standIn), [
      ["PUT /collections/C", {
        vectors: { size: 3, distance: "Cosine", on_disk: false },
        on_disk_payload: true,
      }],
      ...INDEXES,
    ]);
    const count = standIn.requests.length;
    await restPoints(standIn.url).ensure(NEVER);
    assert.equal(standIn.requests.length, count + 1, "one look is enough");
  });
});

Deno.test("a Qdrant that knows no tenants gets the same index without that", async () => {
  await withStandIn(async (standIn) => {
    await restPoints(standIn.url).ensure(NEVER);
    assert.deepEqual(writes(standIn).slice(1), [
      INDEXES[0],
      ["PUT /collections/C/index", { field_name: "brain", field_schema: "keyword" }],
      ...INDEXES.slice(1),
    ]);
  }, { version: "1.10.1" });
});

Deno.test("quantisation is set with a new collection and with one that has none, and searched with", async () => {
  await withStandIn(async (standIn) => {
    const other = restPoints(standIn.url, { collection: "second-brain-new-3", isQuantised: true });
    await other.ensure(NEVER);
    assert.deepEqual(standIn.requests.find(({ route }) => route === "create")?.body, {
      vectors: { size: 3, distance: "Cosine", on_disk: true },
      on_disk_payload: true,
      quantization_config: QUANTISED,
    });
    await restPoints(standIn.url).ensure(NEVER);
    const points = restPoints(standIn.url, { isQuantised: true });
    await points.ensure(NEVER);
    const { method, body } = standIn.requests.at(-1) ?? {};
    assert.deepEqual([method, body], ["PATCH", {
      vectors: { "": { on_disk: true } },
      quantization_config: QUANTISED,
    }]);
    await points.nearest({ vector: Float32Array.from(X), limit: 1, offset: 0 }, NEVER);
    assert.deepEqual(standIn.requests.at(-1)?.body, {
      query: X,
      filter: { must: [{ key: "brain", match: { value: "b" } }] },
      limit: 1,
      offset: 0,
      with_payload: ["memory_id", "content_hash"],
      params: { quantization: { rescore: true, oversampling: 2 } },
    });
  });
});

const isUnfit = (error: unknown) => error instanceof QdrantError && error.fault === "unfit";

Deno.test("a collection for other vectors is made anew where all in it is this brain's", async () => {
  await withStandIn(async (standIn) => {
    const former = restPoints(standIn.url);
    await former.ensure(NEVER);
    await former.upsert([entryOf(memoryOf(1), [X])], NEVER);
    const points = restPoints(standIn.url, { length: 4 });
    await points.ensure(NEVER);
    await points.upsert([entryOf(memoryOf(2), [[...X, 0]])], NEVER);
    assert.equal((await scrolled(points)).length, 1);
    // One that is empty, but of our making, as well.
    await points.deleteMemories([memoryOf(2).id], NEVER);
    await former.ensure(NEVER);
    await former.upsert([entryOf(memoryOf(1), [X])], NEVER);
  });
});

Deno.test("a collection for other vectors stays where another brain or another program has points in it, or nobody knows whose it is", async () => {
  await withStandIn(async (standIn) => {
    const former = restPoints(standIn.url, { brain: "c" });
    await former.ensure(NEVER);
    await former.upsert([entryOf(memoryOf(1), [X])], NEVER);
    const points = restPoints(standIn.url, { length: 4 });
    await assert.rejects(points.ensure(NEVER), isUnfit);
    // This brain's beside the other's.
    const mine = restPoints(standIn.url);
    await mine.upsert([entryOf(memoryOf(2), [X])], NEVER);
    await assert.rejects(points.ensure(NEVER), isUnfit);
    assert.equal(standIn.collections.get(COLLECTION)?.size, 2);
  });
  await withStandIn(async (standIn) => {
    await put(standIn, { vectors: { size: 4, distance: "Cosine" } });
    await assert.rejects(restPoints(standIn.url).ensure(NEVER), isUnfit);
    assert.deepEqual([...standIn.collections.keys()], [COLLECTION]);
  });
});

Deno.test("a collection that fits is taken where it is empty, not where it holds what is not ours", async () => {
  await withStandIn(async (standIn) => {
    await put(standIn, { vectors: { size: 3, distance: "Cosine" } });
    standIn.collections.get(COLLECTION)?.upsert([{ id: 7, vector: X, payload: { theirs: 1 } }]);
    await assert.rejects(restPoints(standIn.url).ensure(NEVER), isUnfit);
    assert.equal(standIn.collections.get(COLLECTION)?.size, 1);
    standIn.collections.get(COLLECTION)?.delete([7]);
    await restPoints(standIn.url).ensure(NEVER);
    assert.deepEqual(writes(standIn).slice(-INDEXES.length), INDEXES);
  });
});

Deno.test("a collection of the right length that does not measure by cosine does not fit", async () => {
  await withStandIn(async (standIn) => {
    await put(standIn, { vectors: { size: 3, distance: "Dot" } });
    await assert.rejects(restPoints(standIn.url).ensure(NEVER), isUnfit);
  });
});

/** Somebody else is quicker: between the look whether the collection is there and its making. */
class Overtaken extends Client {
  #overtake: (() => Promise<void>) | undefined;

  constructor(url: string, overtake: () => Promise<void>) {
    super({ url, clock: systemClock });
    this.#overtake = overtake;
  }

  override async ask<T>(...words: Parameters<typeof Client.prototype.ask<T>>): Promise<T> {
    try {
      return await super.ask<T>(...words);
    } finally {
      const overtake = this.#overtake;
      this.#overtake = undefined;
      await overtake?.();
    }
  }
}

Deno.test("two that make the same collection at once both have it", async () => {
  await withStandIn(async (standIn) => {
    const theirs = restPoints(standIn.url, { brain: "c" });
    const client = new Overtaken(standIn.url, () => theirs.ensure(NEVER));
    const mine = restPoints(standIn.url, { client });
    await mine.ensure(NEVER);
    assert.equal(standIn.requests.filter(({ route }) => route === "create").length, 2);
    for (const points of [mine, theirs]) assert.equal(await points.countPoints(NEVER), 0);
  });
});

Deno.test("whoever is overtaken by one that has other vectors leaves it the collection", async () => {
  await withStandIn(async (standIn) => {
    const theirs = restPoints(standIn.url, { brain: "c", length: 4 });
    const client = new Overtaken(standIn.url, async () => {
      await theirs.ensure(NEVER);
      await theirs.upsert([entryOf(memoryOf(1), [[...X, 0]])], NEVER);
    });
    await assert.rejects(restPoints(standIn.url, { client }).ensure(NEVER), isUnfit);
    assert.equal(await theirs.countPoints(NEVER), 1);
  });
});

async function put({ url }: StandIn, body: object): Promise<void> {
  const response = await fetch(`${url}/collections/${COLLECTION}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200, await response.text());
}
