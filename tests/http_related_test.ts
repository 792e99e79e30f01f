/** `GET /memories/{id}/related`: what is like a memory, by its words and by its meaning. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { VectorIndexUnavailable } from "../src/vector_index.ts";
import { FakeEmbedder, KeepingFakeEmbedder } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import {
  type HttpApp,
  idsIn,
  indexed,
  type Json,
  NOW,
  problemOf,
  put,
  withApp,
} from "./http_app.ts";

async function related(app: HttpApp, id: string, query = ""): Promise<Json> {
  return await app.done(200, "GET", `/memories/${id}/related${query}`);
}

Deno.test("what is like a memory has its words, its tags or its meaning, and is never itself", async () => {
  await withApp(async (app) => {
    const fence = await put(app, { content: "the garden fence needs cedar posts", tags: ["yard"] });
    const words = await put(app, { content: "cedar posts for a fence were delivered" });
    const tag = await put(app, { content: "mow on Friday", tags: ["yard"] });
    await put(app, { content: "the boat was sold" });
    assert.deepEqual(idsIn(await related(app, fence)), [words, tag]);

    const near = { embedding: [1, 0.1, 0, 0] };
    const east = await put(app, { content: "sunrise", embedding: [1, 0, 0, 0] });
    const alike = await put(app, { content: "daybreak", ...near });
    const far = await put(app, { content: "sunrise paint", embedding: [0, 0, 1, 0] });
    await indexed(app);
    const body = await related(app, east);
    assert.deepEqual([body.mode, body.degraded, body.total], ["hybrid", null, 2]);
    assert.deepEqual(idsIn(body).toSorted(), [alike, far].toSorted());
    const [, { scores, memory }] = body.results.toSorted((a: Json, b: Json) =>
      a.memory.id === far ? -1 : b.memory.id === far ? 1 : 0
    );
    assert.deepEqual([memory.id, scores.keyword], [alike, null]);
    assert.ok(scores.semantic > 0.99, `${scores.semantic}`);
  });
});

Deno.test("looking for what is like a memory is no access, and its reply is that of a search", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: "fence" });
    const other = await put(app, { content: "fence post", importance_score: 0.9 });
    const { results: [{ score, scores, ...rest }, ...more], ...body } = await related(app, id);
    assert.deepEqual({ rest, more, body }, {
      rest: {
        memory: {
          id: other,
          content: "fence post",
          memory_type: "semantic",
          importance_score: 0.9,
          tags: [],
          metadata: {},
          created_at: NOW,
          updated_at: NOW,
          last_accessed_at: null,
          access_count: 0,
        },
      },
      more: [],
      body: { total: 1, mode: "keyword", degraded: null, took_ms: 0 },
    });
    assert.deepEqual(scores, { semantic: null, keyword: score, importance: 0.9, recency: 1 });
    const { memories } = await app.done(200, "GET", "/memories");
    assert.deepEqual(memories.map(({ access_count }: Json) => access_count), [0, 0]);
  });
});

Deno.test("a memory that is not there has nothing like it, and parameters have their limits", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: "alone" });
    assert.deepEqual((await related(app, id)).results, []);
    const gone = idOf(77);
    assert.deepEqual(
      await app.done(404, "GET", `/memories/${gone}/related`),
      problemOf("not_found", 404, `Cannot find the memory: there is none with the id "${gone}"`),
    );
    await app.done(404, "GET", "/memories/none/related");
    const wrong = ["limit=0", "limit=101", "limit=x", "offset=-1", "min_score=1.1", "mode=hybrid"];
    for (const query of wrong) await app.done(400, "GET", `/memories/${id}/related?${query}`);
    const { status, headers } = await app.call("POST", `/memories/${id}/related`);
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD"]);
  });
});

Deno.test("pages of what is like a memory fit together, and a least score cuts them", async () => {
  await withApp(async (app) => {
    const records = Array.from({ length: 450 }, (_, n) => ({
      id: idOf(n),
      content: `fence ${"post ".repeat(n % 7)}number${n}`,
      embedding: [1, n / 100, (n % 10) / 10, 0],
    }));
    await app.done(200, "POST", "/import", { json: records });
    await indexed(app);
    const paged: string[] = [];
    const scores: number[] = [];
    for (let offset = 0; offset < 500; offset += 90) {
      const page = await related(app, idOf(3), `?limit=90&offset=${offset}`);
      assert.equal(page.total, 449);
      paged.push(...idsIn(page));
      scores.push(...page.results.map(({ score }: Json) => score));
    }
    assert.deepEqual([paged.length, new Set(paged).size, paged.includes(idOf(3))], [
      449,
      449,
      false,
    ]);
    assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
    const least = scores[100] ?? 1;
    const cut = await related(app, idOf(3), `?limit=100&min_score=${least.toFixed(6)}`);
    assert.equal(cut.total, scores.filter((score) => score >= Number(least.toFixed(6))).length);
  });
});

Deno.test("the longest memory has what is like it, too", async () => {
  await withApp(async (app) => {
    const filler = "the and of with \u4eba\u985e ".repeat(6_000);
    const long = await put(app, { content: `${filler}cedar cedar cedar`.slice(0, 100_000) });
    const like = await put(app, { content: "cedar posts" });
    assert.deepEqual(idsIn(await related(app, long)), []);
    const whole = await put(app, { content: `${"cedar fence ".repeat(8_000)}` });
    assert.deepEqual(idsIn(await related(app, whole)), [like]);
  });
});

Deno.test("without provider or index the words answer, and the reply says so", async () => {
  const embedder = new FakeEmbedder();
  await withApp(async (app) => {
    const id = await put(app, { content: "fence" });
    const other = await put(app, { content: "fence post" });
    await indexed(app);
    const { vectorIndex } = app.brain.indexer.serving;
    const own = await put(app, { content: "fence paint", embedding: [1, 2, 3, 4] });
    await indexed(app);
    const good = await related(app, own);
    assert.deepEqual([good.mode, good.degraded, good.total], ["hybrid", null, 2]);
    vectorIndex.search = () => Promise.reject(new VectorIndexUnavailable("away"));
    const poorer = await related(app, own);
    assert.deepEqual([poorer.mode, poorer.degraded], ["keyword", "vector_store_unavailable"]);
    assert.deepEqual(idsIn(poorer).toSorted(), [id, other].toSorted());
  }, { embedder });
});

Deno.test("what is not embedded yet has what is like it by its words, which is nobody's fault", async () => {
  const embedder = new KeepingFakeEmbedder();
  await withApp(async (app) => {
    const other = await put(app, { content: "fence post" });
    await indexed(app);
    const gate = Promise.withResolvers<void>();
    embedder.plan = () => gate.promise;
    const id = await put(app, { content: "fence" });
    const early = await related(app, id);
    assert.deepEqual([early.mode, early.degraded, idsIn(early)], ["keyword", null, [other]]);
    gate.resolve();
    await indexed(app);
    const later = await related(app, id);
    assert.deepEqual([later.mode, later.degraded], ["hybrid", null]);
    embedder.plan = () => new EmbedderError("config", "Cannot embed: away");
    const unlucky = await put(app, { content: "fence paint" });
    await indexed(app);
    const without = await related(app, unlucky);
    assert.deepEqual([without.mode, without.degraded], ["keyword", "embeddings_unavailable"]);
    assert.equal((await related(app, id)).degraded, null);
  }, { embedder });
});

Deno.test("a memory that the provider would not take, or whose vector is lost, has what is like it by its words, and the reply says so", async () => {
  const embedder = new FakeEmbedder();
  await withApp(async (app) => {
    embedder.plan = (texts) =>
      texts.some((text) => text.includes("odd")) ? new EmbedderError("input", "no") : undefined;
    const lost = await put(app, { content: "fence post" });
    const refused = await put(app, { content: "odd fence" });
    await indexed(app);
    for (const id of [lost, refused]) {
      const { mode, degraded } = await related(app, id);
      assert.deepEqual([id, mode, degraded], [id, "keyword", "embeddings_unavailable"]);
    }
  }, { embedder });
});
