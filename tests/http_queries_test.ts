/** `POST /search` with several queries, with highlights, and on pages far down. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { below, idOf, randomOf, seed } from "./fakes/store_kit.ts";
import {
  CANARY,
  type HttpApp,
  idsIn,
  indexed,
  type Json,
  put,
  search,
  withApp,
} from "./http_app.ts";

const OFF = { importance: 0, recency: 0 };

Deno.test("several queries give one list, in which what answers most of them comes first", async () => {
  await withApp(async (app) => {
    const fence = await put(app, { content: "fence in the far corner of the meadow" });
    const boat = await put(app, { content: "boat at the lower end of the lake" });
    const both = await put(app, { content: "boat behind the fence, in the old shed" });
    await put(app, { content: "nothing of either" });
    const body = await search(app, { queries: ["fence", "boat"] });
    assert.deepEqual([body.mode, body.degraded, body.total], ["keyword", null, 3]);
    assert.equal(idsIn(body)[0], both);
    assert.deepEqual(idsIn(body).toSorted(), [fence, boat, both].toSorted());
    const twice = await search(app, { queries: ["fence", "fence"], weights: OFF });
    const once = await search(app, { query: "fence", weights: OFF });
    assert.deepEqual(idsIn(twice), idsIn(once));
    assert.deepEqual(
      twice.results.map(({ score }: Json) => score.toFixed(12)),
      once.results.map(({ score }: Json) => score.toFixed(12)),
    );
  });
});

/** Fault of provider and index, mode -> mode, degraded. */
const LADDER: readonly [string, string, string, string | null][] = [
  ["none", "auto", "keyword", null],
  ["ok", "auto", "hybrid", null],
  ["ok", "hybrid", "hybrid", null],
  ["ok", "semantic", "semantic", null],
  ["ok", "keyword", "keyword", null],
  ["failing", "auto", "keyword", "embeddings_unavailable"],
  ["failing", "semantic", "keyword", "embeddings_unavailable"],
  ["second", "hybrid", "keyword", "embeddings_unavailable"],
  ["away", "auto", "keyword", "vector_store_unavailable"],
  ["away", "semantic", "keyword", "vector_store_unavailable"],
];

Deno.test("several queries are poorer, never an error, where something is away", async () => {
  for (const [state, mode, used, degraded] of LADDER) {
    const embedder = new FakeEmbedder();
    await withApp(async (app) => {
      await put(app, { content: "fence" });
      await put(app, { content: "gate" });
      await indexed(app);
      const plans: Record<string, FakeEmbedder["plan"]> = {
        failing: () => new EmbedderError("config", CANARY),
        second: (texts) => texts.includes("gate?") ? new EmbedderError("input", CANARY) : undefined,
      };
      embedder.plan = plans[state] ?? embedder.plan;
      if (state === "away") {
        const { vectorIndex } = app.brain.indexer.serving;
        vectorIndex.search = () => Promise.reject(new VectorIndexUnavailable("away"));
      }
      const body = await search(app, { queries: ["fence?", "gate?"], mode });
      assert.deepEqual([state, mode, body.mode, body.degraded, body.total], [
        state,
        mode,
        used,
        degraded,
        2,
      ]);
    }, state === "none" ? {} : { embedder });
  }
});

Deno.test("queries have their limits, and stand in place of a query and of an embedding", async () => {
  const table: [Json, string][] = [
    [{ queries: [] }, "/queries"],
    [{ queries: ["x"] }, "/queries"],
    [{ queries: Array(9).fill("x") }, "/queries"],
    [{ queries: ["x", " "] }, "/queries/1"],
    [{ queries: ["x", "y".repeat(10_001)] }, "/queries/1"],
    [{ queries: ["x", "y"], query: "z" }, "/queries"],
    [{ queries: ["x", "y"], embedding: [1, 2] }, "/embedding"],
    [{ queries: ["x", "y"], mode: "semantic" }, "/mode"],
    [{ queries: null }, "/queries"],
    [{ query: "x", highlight: "yes" }, "/highlight"],
  ];
  await withApp(async (app) => {
    for (const [json, path] of table) {
      const { errors } = await app.done(422, "POST", "/search", { json });
      assert.deepEqual([json, errors.map((error: Json) => error.path)], [json, [path]]);
    }
    await search(app, { queries: ["x", "y"], embedding: null });
    assert.equal((await search(app, { queries: Array(8).fill("y".repeat(10_000)) })).total, 0);
  });
});

Deno.test("a highlight shows the excerpt and where in the content the words stand", async () => {
  await withApp(async (app) => {
    const content = `${"A long day without much to tell. ".repeat(30)}\u{1f600} Cedar posts came.`;
    await put(app, { content });
    const { results: [{ highlight }] } = await search(app, {
      query: "cedar post",
      highlight: true,
    });
    const { text, start, end, ranges } = highlight;
    assert.deepEqual(text, content.slice(start, end));
    assert.ok(text.length < 400, `${text.length}`);
    assert.deepEqual(ranges.map((range: Json) => content.slice(range.start, range.end)), [
      "Cedar",
      "posts",
    ]);
    const several = await search(app, { queries: ["cedar", "came"], highlight: true });
    assert.deepEqual(
      several.results[0].highlight.ranges.map(({ start, end }: Json) => content.slice(start, end)),
      ["Cedar", "came"],
    );
    const without = await search(app, { query: "cedar" });
    assert.deepEqual(Object.keys(without.results[0]), ["memory", "score", "scores"]);
  });
});

Deno.test("what was found by its meaning alone is highlighted as it begins", async () => {
  await withApp(async (app) => {
    await put(app, { content: "sunrise", embedding: [1, 0, 0] });
    await indexed(app);
    const { results: [{ highlight }] } = await search(app, {
      embedding: [1, 0, 0],
      highlight: true,
    });
    assert.deepEqual(highlight, { text: "sunrise", start: 0, end: 7, ranges: [] });
  });
});

const WORDS = ["fence", "garden", "cedar", "post", "river", "boat", "lake"];

/** More memories than a half gives to be fused; some without a vector, as they come. */
async function crowd(app: HttpApp, random: () => number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, n) => ({
    id: idOf(n),
    content: Array.from({ length: 1 + below(random, 4) }, () => WORDS[below(random, 7)]).join(" "),
    importance_score: below(random, 5) / 4,
    tags: n % 9 === 0 ? ["third", "ninth"] : n % 3 === 0 ? ["third"] : [],
    created_at: `2026-01-0${1 + below(random, 9)}T00:00:00Z`,
    ...(random() < 0.9 && { embedding: [random() - 0.5, random() - 0.5, random() - 0.5] }),
  }));
  await app.done(200, "POST", "/import", { json: records });
  await indexed(app);
}

Deno.test("words that nothing has take nothing away from what its meaning finds", async () => {
  await withApp(async (app) => {
    const records = Array.from({ length: 20 }, (_, n) => ({
      id: idOf(n),
      content: `note ${n}`,
      embedding: [n < 4 ? 1 : -1, n + 1],
      tags: ["some"],
    }));
    await app.done(200, "POST", "/import", { json: records });
    await indexed(app);
    const json = { embedding: [1, 0], filters: { tags: ["some"] }, limit: 100 };
    const alone = await search(app, json);
    assert.deepEqual([alone.total, alone.results.length], [20, 20]);
    const both = await search(app, { ...json, query: "zzzzqq" });
    assert.deepEqual([both.mode, both.total, idsIn(both)], ["hybrid", 20, idsIn(alone)]);
    const deep = await search(app, { ...json, query: "zzzzqq", limit: 7, offset: 13 });
    assert.deepEqual([deep.total, idsIn(deep)], [20, idsIn(alone).slice(13)]);
    const near = await search(app, { ...json, query: "zzzzqq", min_score: 0.01 });
    assert.deepEqual([near.total, idsIn(near)], [4, idsIn(alone).slice(0, 4)]);
  });
});

/** Two sides, and several questions by one of them. */
const ASKED: readonly [string, Json][] = [
  ["both sides", { query: "garden fence", embedding: [1, 0.2, -0.1] }],
  ["words that nothing has", { query: "zzzzqq", embedding: [1, 0.2, -0.1] }],
  ["several queries", { queries: ["garden fence", "boat", "cedar river"] }],
];

for (const [name, asked] of ASKED) {
  Deno.test(`pages go on beyond what is fused, and fit together: ${name} (seed ${seed})`, async () => {
    await withApp(async (app) => {
      await crowd(app, randomOf(seed), 700);
      for (const weights of [OFF, { importance: 1, recency: 0 }]) {
        for (const filters of [{}, { tags: ["third"] }, { tags: ["ninth"] }]) {
          for (const min_score of [0, 0.02, 0.2]) {
            await requireFitting(app, { ...asked, weights, filters, min_score });
          }
        }
      }
    });
  });
}

async function requireFitting(app: HttpApp, json: Json): Promise<void> {
  const ids: string[] = [];
  const keys: [number, string, string][] = [];
  const { total } = await search(app, { ...json, limit: 1 });
  for (let offset = 0; offset < total + 83; offset += 83) {
    const page = await search(app, { ...json, limit: 83, offset });
    assert.deepEqual([json, offset, page.total], [json, offset, total]);
    ids.push(...idsIn(page));
    for (const { score, memory } of page.results) keys.push([score, memory.created_at, memory.id]);
  }
  assert.equal(ids.length, total);
  assert.equal(new Set(ids).size, total);
  for (const [score] of keys) assert.ok(score >= json.min_score && score <= 1, `${score}`);
  assert.deepEqual(
    keys,
    keys.toSorted((a, b) =>
      b[0] - a[0] || (a[1] < b[1] ? 1 : a[1] > b[1] ? -1 : a[2] < b[2] ? -1 : 1)
    ),
  );
  if (json.min_score === 0) assert.equal(total, await countOf(app, json));
}

/** What either side finds by itself, put together. */
async function countOf(app: HttpApp, { query, queries, embedding, filters }: Json) {
  const found = new Set<string>();
  const asked: Json[] = (queries ?? [query]).map((text: string) => ({
    query: text,
    mode: "keyword",
  }));
  if (embedding !== undefined) asked.push({ embedding, mode: "semantic" });
  for (const json of asked) {
    for (let offset = 0, total = 1; offset < total; offset += 100) {
      const page = await search(app, { ...json, filters, limit: 100, offset });
      total = page.total;
      for (const id of idsIn(page)) found.add(id);
    }
  }
  return found.size;
}
