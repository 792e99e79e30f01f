/** `POST /search`: what is found, what is really used, and pages that fit together. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import {
  CANARY,
  idsIn,
  indexed,
  type Json,
  NOW,
  problemOf,
  put,
  search,
  withApp,
} from "./http_app.ts";

/** An index that can be taken out of reach for searches, with something that stands in or not. */
class FarIndex extends FloatScan {
  away = false;
  isStoodInFor = false;

  override async search(query: Parameters<FloatScan["search"]>[0]) {
    if (this.away) throw new VectorIndexUnavailable("away");
    return { ...await super.search(query), isPoorer: this.isStoodInFor };
  }
}

const contents = ({ results }: Json) => results.map(({ memory }: Json) => memory.content).join(" ");
const OFF = { importance: 0, recency: 0 };

Deno.test("the reply is the whole memory, its score, and what that is made of", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: `${CANARY} fence`, importance_score: 0.9, tags: ["a"] });
    await put(app, { content: "nothing of it" });
    const body = await search(app, { query: "fence" });
    const [{ score, scores }] = body.results;
    assert.deepEqual(body, {
      results: [{
        memory: {
          id,
          content: `${CANARY} fence`,
          memory_type: "semantic",
          importance_score: 0.9,
          tags: ["a"],
          metadata: {},
          created_at: NOW,
          updated_at: NOW,
          last_accessed_at: null,
          access_count: 0,
        },
        score,
        scores: { semantic: null, keyword: scores.keyword, importance: 0.9, recency: 1 },
      }],
      total: 1,
      mode: "keyword",
      degraded: null,
      took_ms: 0,
    });
    assert.ok(score > 0 && score < scores.keyword, `${score} ${scores.keyword}`);
    // Searching is no reading.
    assert.equal((await app.done(200, "GET", "/memories")).memories[1].access_count, 0);
  });
});

/** Fault of provider and index, request -> mode, degraded, and how many are found. */
const LADDER: readonly [string, Json, string, string | null, number][] = [
  ["none", { query: "fence" }, "keyword", null, 1],
  ["none", { query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["none", { query: "fence", embedding: [1, 2, 3, 4] }, "hybrid", null, 1],
  ["none", { embedding: [1, 2, 3, 4], mode: "semantic" }, "semantic", null, 0],
  ["ok", { query: "fence" }, "hybrid", null, 2],
  ["ok", { query: "fence", mode: "hybrid" }, "hybrid", null, 2],
  ["ok", { query: "fence", mode: "semantic" }, "semantic", null, 2],
  ["ok", { query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["ok", { embedding: [1, 2, 3, 4] }, "semantic", null, 2],
  ["ok", { embedding: [1, 2, 3, 4], query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["ok", { query: "fence", embedding: null }, "hybrid", null, 2],
  ["failing", { query: "fence" }, "keyword", "embeddings_unavailable", 1],
  ["failing", { query: "fence", mode: "hybrid" }, "keyword", "embeddings_unavailable", 1],
  ["failing", { query: "fence", mode: "semantic" }, "keyword", "embeddings_unavailable", 1],
  ["failing", { query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["failing", { query: "fence", embedding: [1, 2, 3, 4] }, "hybrid", null, 2],
  ["down", { query: "fence" }, "keyword", "embeddings_unavailable", 1],
  ["length", { query: "fence" }, "keyword", "embeddings_unavailable", 1],
  ["away", { query: "fence" }, "keyword", "vector_store_unavailable", 1],
  ["away", { query: "fence", mode: "semantic" }, "keyword", "vector_store_unavailable", 1],
  ["away", { embedding: [1, 2, 3, 4] }, "keyword", "vector_store_unavailable", 0],
  ["away", { query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["stood in for", { query: "fence" }, "hybrid", "vector_store_unavailable", 2],
  ["stood in for", { query: "fence", mode: "semantic" }, "semantic", "vector_store_unavailable", 2],
  ["stood in for", { embedding: [1, 2, 3, 4] }, "semantic", "vector_store_unavailable", 2],
  ["stood in for", { query: "fence", mode: "keyword" }, "keyword", null, 1],
  ["empty", { query: "fence" }, "keyword", null, 0],
  ["empty", { query: "fence", mode: "hybrid" }, "hybrid", null, 0],
  ["empty", { query: "fence", mode: "semantic" }, "semantic", null, 0],
];

Deno.test("a search says what it used, and is poorer, never an error, where something is away", async () => {
  for (const [state, json, mode, degraded, found] of LADDER) {
    const embedder = new FakeEmbedder();
    const vectorIndex = new FarIndex();
    await withApp(async (app) => {
      if (state === "down") embedder.plan = () => new EmbedderError("config", "Cannot embed: away");
      if (state !== "empty") {
        await put(app, { content: `fence ${CANARY}` });
        await put(app, { content: "river" });
      }
      await indexed(app);
      if (state === "failing") embedder.plan = () => new EmbedderError("config", CANARY);
      if (state === "length") embedder.length = 5;
      vectorIndex.away = state === "away";
      vectorIndex.isStoodInFor = state === "stood in for";
      const body = await search(app, json);
      const seen = [body.mode, body.degraded, body.total, body.results.length];
      assert.deepEqual([state, json, ...seen], [state, json, mode, degraded, found, found]);
    }, { vectorIndex, ...(state !== "none" && { embedder }) });
  }
});

Deno.test("meaning without a provider and without a vector is 422, and so is nothing to look for", async () => {
  const required = "is required where no embedding is searched for";
  const needs = (mode: string) =>
    `"${mode}" needs an embedding provider, and none is configured; ` +
    'use "keyword" or "auto", or send an embedding';
  const table: [Json, string, string][] = [
    [{ query: "x", mode: "semantic" }, "/mode", needs("semantic")],
    [{ query: "x", mode: "hybrid" }, "/mode", needs("hybrid")],
    [{}, "/query", required],
    [{ embedding: null }, "/query", required],
    [{ embedding: [1, 2, 3], mode: "keyword" }, "/query", required],
    [{ embedding: [1, 2] }, "/embedding", "has 2 numbers, the index holds vectors of 3"],
  ];
  await withApp(async (app) => {
    await put(app, { content: "x", embedding: [1, 2, 3] });
    await indexed(app);
    for (const [json, path, message] of table) {
      const body = await app.done(422, "POST", "/search", { json });
      assert.deepEqual([json, body.errors], [json, [{ path, message }]]);
    }
    const [json, path, message] = table[0] ?? assert.fail();
    assert.deepEqual(
      await app.done(422, "POST", "/search", { json }),
      problemOf("invalid", 422, `Cannot search: mode ${message}`, [{ path, message }]),
    );
  });
});

Deno.test("what a search does not take is 422 and names the field", async () => {
  const table: [Json, string][] = [
    [{ query: "" }, "/query"],
    [{ query: "  " }, "/query"],
    [{ query: "x".repeat(10_001) }, "/query"],
    [{ query: null }, "/query"],
    [{ query: "x", limit: 0 }, "/limit"],
    [{ query: "x", limit: 101 }, "/limit"],
    [{ query: "x", offset: -1 }, "/offset"],
    [{ query: "x", mode: "lexical" }, "/mode"],
    [{ query: "x", min_score: 1.1 }, "/min_score"],
    [{ query: "x", weights: { importance: 2 } }, "/weights/importance"],
    [{ query: "x", weights: { age: 0.1 } }, "/weights/age"],
    [{ query: "x", filters: { memory_type: "semantic" } }, "/filters/memory_type"],
    [{ query: "x", filters: { memory_type: ["generic"] } }, "/filters/memory_type/0"],
    [{ query: "x", filters: { tag: ["a"] } }, "/filters/tag"],
    [{ query: "x", filters: { metadata: [] } }, "/filters/metadata"],
    [{ query: "x", filters: { created_after: "2026" } }, "/filters/created_after"],
    [{ query: "x", filters: { __proto__: null, min_importance: "1" } }, "/filters/min_importance"],
    [{ query: "x", embedding: [0, 0] }, "/embedding"],
    [{ query: "x", top_k: 5 }, "/top_k"],
  ];
  await withApp(async (app) => {
    for (const [json, path] of table) {
      const { errors } = await app.done(422, "POST", "/search", { json });
      assert.deepEqual([json, errors.map((error: Json) => error.path)], [json, [path]]);
    }
    await search(app, { query: "\u{1f600}".repeat(10_000) });
  });
});

Deno.test("a filter holds before the best are chosen, alone and with others", async () => {
  const FILTERS: [Json, string][] = [
    [{}, "0123456789"],
    [{ memory_type: ["episodic"] }, "13579"],
    [{ memory_type: ["episodic", "semantic"] }, "0123456789"],
    [{ tags: ["t3"] }, "369"],
    [{ tags: ["t3", "t2"] }, "6"],
    [{ tags: [] }, "0123456789"],
    [{ tags_any: ["t3", "t2", "none"] }, "234689"],
    [{ min_importance: 0.7 }, "789"],
    [{ created_after: "2026-01-03T00:00:00Z", created_before: "2026-01-06T00:00:00Z" }, "234"],
    [{ metadata: { n: 4 } }, "4"],
    [{ metadata: { deep: { b: [1, { c: 2 }], a: 1 } } }, "0123456789"],
    [{ metadata: { deep: { a: 1 } } }, ""],
    [{ metadata: { n: "4" } }, ""],
    [{ metadata: { toString: null } }, ""],
    [{ metadata: { nil: null } }, "0123456789"],
    [JSON.parse('{"metadata":{"__proto__":{"x":1}}}'), "8"],
    [{ tags: ["t2"], memory_type: ["semantic"], min_importance: 0.5 }, "68"],
  ];
  await withApp(async (app) => {
    // Every other memory answers better, so that a late filter would find an empty page.
    for (let n = 0; n < 10; n++) {
      const more = JSON.parse(n === 8 ? '{"__proto__":{"x":1}}' : "{}");
      await put(app, {
        content: `fence ${n}`,
        memory_type: n % 2 ? "episodic" : "semantic",
        importance_score: n / 10,
        tags: [2, 3].filter((m) => n >= m && n % m === 0).map((m) => `t${m}`),
        metadata: Object.assign(more, { n, nil: null, deep: { a: 1, b: [1, { c: 2 }] } }),
        created_at: `2026-01-0${n === 9 ? 9 : n + 1}T00:00:00Z`,
      });
    }
    await indexed(app);
    for (const mode of ["keyword", "semantic", "hybrid"]) {
      for (const [filters, wanted] of FILTERS) {
        const body = await search(app, { query: "fence", filters, mode, limit: 100 });
        const found = contents(body).replaceAll(/fence | /g, "").split("").toSorted().join("");
        assert.deepEqual([mode, filters, found, body.total], [
          mode,
          filters,
          wanted,
          wanted.length,
        ]);
        const one = await search(app, { query: "fence", filters, mode, limit: 1 });
        assert.equal(one.results.length, Math.min(1, wanted.length));
      }
    }
  }, { embedder: new FakeEmbedder() });
});

const WORDS = ["fence", "garden", "cedar", "post", "river", "boat"];

Deno.test(`pages put together are the one long page, in every mode (seed ${seed})`, async () => {
  const random = randomOf(seed);
  await withApp(async (app) => {
    for (let n = 0; n < 60; n++) {
      await put(app, {
        content: Array.from({ length: 1 + below(random, 3) }, () => WORDS[below(random, 6)]).join(
          " ",
        ),
        importance_score: below(random, 3) / 2,
        created_at: `2026-01-0${1 + below(random, 3)}T00:00:00Z`,
      });
      if (random() < 0.3) await app.clock.leap(below(random, 3) * 86_400_000);
    }
    await indexed(app);
    for (const mode of ["keyword", "semantic", "hybrid", "auto"]) {
      for (const weights of [OFF, {}, { importance: 1, recency: 1 }]) {
        for (const min_score of [0, 0.3]) {
          const json = { query: "garden fence", mode, weights, min_score };
          const whole = await search(app, { ...json, limit: 100 });
          assert.equal(whole.total, whole.results.length);
          requireOrder(whole, min_score);
          const paged: string[] = [];
          for (let offset = 0; offset < whole.total + 7; offset += 7) {
            const page = await search(app, { ...json, limit: 7, offset });
            assert.equal(page.total, whole.total);
            paged.push(...idsIn(page));
          }
          assert.deepEqual(paged, idsIn(whole));
        }
      }
    }
  }, { embedder: new FakeEmbedder() });
});

function requireOrder({ results }: Json, least: number): void {
  const keys = results.map(({ score, memory }: Json) => [score, memory.created_at, memory.id]);
  const sorted = keys.toSorted((a: Json, b: Json) =>
    b[0] - a[0] || (a[1] < b[1] ? 1 : a[1] > b[1] ? -1 : a[2] < b[2] ? -1 : 1)
  );
  assert.deepEqual(keys, sorted);
  for (const [score] of keys) assert.ok(score >= least && score <= 1, `${score}`);
}
