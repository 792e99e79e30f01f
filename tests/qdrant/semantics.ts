/**
 * What the adapter takes for granted of Qdrant, asked over its plain REST interface: of the
 * stand-in always, of a real one where there is one. So the stand-in is known to do as Qdrant does.
 */
import assert from "node:assert/strict";
import { eventually } from "../e2e/conditions.ts";
import { random } from "../random.ts";
import { idsOf, INDEXES, PlainCollection } from "./plain_collection.ts";
import { FILTERS, idOf, LETTERS, POINTS } from "./semantics_table.ts";

/** The address of a Qdrant, and its end. */
export interface Served {
  readonly url: string;
  readonly close?: () => Promise<void>;
}

/** `isWhole`: false for one that keeps no quantised vectors. */
export function qdrantSemantics(
  name: string,
  isWhole: boolean,
  serve: () => Promise<Served>,
): void {
  for (
    const [promise, check] of [...FILTERING, ...WRITING, ...SCORING, ...isWhole ? QUANTISED : []]
  ) {
    Deno.test(`${name}: ${promise}`, async () => {
      const { url, close } = await serve();
      const collection = new PlainCollection(url, `semantics-${crypto.randomUUID()}`);
      try {
        await check(collection);
      } finally {
        await collection.ask("DELETE");
        await close?.();
      }
    });
  }
}

type Check = readonly [string, (collection: PlainCollection) => Promise<void>];

async function withTable(collection: PlainCollection): Promise<void> {
  await collection.create(3);
  await collection.upsert(LETTERS.map((letter, at) => (
    { id: idOf(letter), vector: [1, at / 10, 0], payload: POINTS[letter] }
  )));
}

const FILTERING: readonly Check[] = [
  ["searches, scrolls and counts let through what the filter says", async (collection) => {
    await withTable(collection);
    for (const [what, filter, letters] of FILTERS) {
      assert.deepEqual(await collection.letters("scroll", filter), [...letters], what);
      assert.deepEqual(await collection.letters("query", filter), [...letters], what);
      assert.equal(await collection.count(filter), letters.length, what);
    }
  }],
  ["what it does not know in a filter is refused, not passed over", async (collection) => {
    await withTable(collection);
    for (const filter of [{ musty: [] }, { must: [{ key: "tags", match: { value: [1] } }] }]) {
      const response = await collection.send("POST", "/points/count", { filter });
      await response.body?.cancel();
      assert.equal(response.status, 400);
    }
  }],
  ["payload indexes are shown, the tenant's as one", async (collection) => {
    await withTable(collection);
    const { payload_schema, config } = await collection.info();
    const types = Object.entries(payload_schema)
      .map(([name, { data_type }]) => [name, data_type]).sort();
    const made = Object.entries(INDEXES)
      .map(([name, schema]) => [name, typeof schema === "string" ? schema : schema.type]).sort();
    assert.deepEqual(types, made);
    assert.equal(payload_schema["brain"]?.params?.is_tenant, true);
    assert.deepEqual(config.params.vectors, { size: 3, distance: "Cosine", on_disk: true });
  }],
];

const WRITING: readonly Check[] = [
  [
    "a scroll shows each point once, in the order of ids, also if some go meanwhile",
    async (collection) => {
      await withTable(collection);
      const first = await collection.find("scroll", { limit: 2 });
      assert.deepEqual(idsOf(first), [idOf("a"), idOf("b")]);
      assert.equal(first.next_page_offset, idOf("c"));
      await collection.ask("POST", "/points/delete?wait=true", { points: [idOf("a"), idOf("c")] });
      const rest = await collection.find("scroll", { limit: 100, offset: first.next_page_offset });
      assert.deepEqual(idsOf(rest), LETTERS.slice(3).map(idOf));
      assert.equal(rest.next_page_offset ?? null, null);
    },
  ],
  ["setting fields replaces them, and keeps the others and the vector", async (collection) => {
    await withTable(collection);
    const payload = { tags: ["z"], importance: 0.5 };
    await collection.ask("POST", "/points/payload?wait=true", { payload, points: [idOf("b")] });
    assert.deepEqual(await collection.payload("b"), { ...POINTS.b, ...payload });
    const filter = { must: [{ key: "memory_id", match: { value: "m1" } }] };
    await collection.ask("POST", "/points/payload?wait=true", { payload: { tags: [] }, filter });
    assert.deepEqual(await collection.payload("a"), { ...POINTS.a, tags: [] });
    const nearest = await collection.find("query", { query: [1, 0.1, 0] });
    assert.equal(idsOf(nearest)[0], idOf("b"));
  }],
  ["an upsert replaces the payload whole", async (collection) => {
    await withTable(collection);
    await collection.upsert([{ id: idOf("b"), vector: [0, 1, 0], payload: { brain: "one" } }]);
    assert.deepEqual(await collection.payload("b"), { brain: "one" });
  }],
  ["a batch is done in its order", async (collection) => {
    await withTable(collection);
    const point = (tag: string) => ({ id: idOf("a"), vector: [1, 0, 0], payload: { tags: [tag] } });
    await collection.ask("POST", "/points/batch?wait=true", {
      operations: [
        { upsert: { points: [point("first")] } },
        { delete: { filter: { must: [{ key: "tags", match: { value: "first" } }] } } },
        { upsert: { points: [point("last"), { ...point("gone"), id: idOf("b") }] } },
        { set_payload: { payload: { chunk: 7 }, points: [idOf("a")] } },
        { delete: { points: [idOf("b")] } },
      ],
    });
    assert.deepEqual(await collection.payload("a"), { tags: ["last"], chunk: 7 });
    assert.equal(await collection.payload("b"), undefined);
  }],
  [
    "deleting by a filter takes what it lets through, and unknown ids are no error",
    async (collection) => {
      await withTable(collection);
      const filter = {
        must: [{ key: "brain", match: { value: "one" } }],
        must_not: [{ key: "memory_id", match: { any: ["m1"] } }],
      };
      await collection.ask("POST", "/points/delete?wait=true", { filter });
      assert.deepEqual(await collection.letters("scroll", undefined), ["a", "d"]);
      await collection.ask("POST", "/points/delete?wait=true", { points: [idOf("b")] });
      assert.equal(await collection.count(undefined), 2);
    },
  ],
  ["a vector of another length is refused, in a write and in a search", async (collection) => {
    await withTable(collection);
    const points = [{ id: idOf("a"), vector: [1, 2], payload: {} }];
    const requests = [["PUT", "/points?wait=true", { points }], ["POST", "/points/query", {
      query: [1, 2],
    }]] as const;
    for (const [method, path, body] of requests) {
      const response = await collection.send(method, path, body);
      assert.match(
        await response.text(),
        /Wrong input: Vector dimension error: expected dim: 3, got 2/,
      );
      assert.equal(response.status, 400);
    }
    assert.deepEqual(await collection.payload("a"), POINTS.a);
  }],
];

const SCORING: readonly Check[] = [
  ["scores are the cosine within 1e-6, best first", async (collection) => {
    const { query, vectors } = vectorsOf(100, 1536);
    await collection.create(1536);
    await collection.upsert(vectors.map((vector, id) => ({ id, vector })));
    await agrees(collection, { query, limit: 100 }, vectors);
  }],
  ["of equal scores all come where all fit", async (collection) => {
    await collection.create(3);
    const ids = Array.from({ length: 300 }, (_, at) => at + 1);
    await collection.upsert(ids.map((id) => ({ id, vector: [1, 1, 1] })));
    const found = await collection.find("query", { query: [1, 1, 1], limit: ids.length });
    assert.deepEqual(idsOf(found).toSorted((a, b) => Number(a) - Number(b)), ids);
  }],
];

const QUANTISED: readonly Check[] = [
  ["of quantised vectors too, once indexed and rescored", async (collection) => {
    const { query, vectors } = vectorsOf(600, 256);
    await collection.create(256, {
      quantization_config: { scalar: { type: "int8", always_ram: true } },
      optimizers_config: { indexing_threshold: 100 },
    });
    await collection.upsert(vectors.map((vector, id) => ({ id, vector })));
    await collection.ask("PATCH", "", { optimizers_config: { indexing_threshold: 100 } });
    await eventually(20_000, "vectors are indexed", async () => {
      const info = await collection.info();
      return info.indexed_vectors_count >= 300 ? true : undefined;
    });
    const quantization = { rescore: true, oversampling: 2 };
    await agrees(collection, { query, limit: 20, params: { quantization } }, vectors);
    const params = { quantization: { rescore: false } };
    await assert.rejects(agrees(collection, { query, limit: 20, params }, vectors), / for /);
  }],
];

/** Whether the scores are the cosines, best first. */
async function agrees(
  collection: PlainCollection,
  search: { readonly query: readonly number[]; readonly limit: number; readonly params?: unknown },
  vectors: readonly (readonly number[])[],
): Promise<void> {
  const { points } = await collection.find("query", search);
  const scores = points.map(({ score }) => score ?? NaN);
  assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
  assert.equal(scores.length, search.limit);
  for (const { id, score = NaN } of points) {
    const cosine = cosineOf(search.query, vectors[Number(id)] ?? []);
    assert.ok(Math.abs(score - cosine) <= 1e-6, `${score} for ${cosine}`);
  }
}

function vectorsOf(count: number, length: number): { query: number[]; vectors: number[][] } {
  const next = random(5);
  const one = () => Array.from({ length }, () => next() - 0.5);
  return { query: one(), vectors: Array.from({ length: count }, one) };
}

function cosineOf(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
