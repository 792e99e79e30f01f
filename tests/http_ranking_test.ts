/** How weights, least scores and freshness bear on what `POST /search` gives. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { idsIn, type Json, NOW, put, search, withApp } from "./http_app.ts";

const OFF = { importance: 0, recency: 0 };

Deno.test("weights of zero leave the order to the question alone, and one tips it", async () => {
  await withApp(async (app) => {
    const plain = await put(app, { content: "fence", importance_score: 0 });
    await app.clock.leap(90 * 86_400_000);
    const recent = await put(app, { content: "fence", importance_score: 0, id: idOf(0) });
    const important = await put(app, { content: "fence", importance_score: 1, created_at: NOW });
    const order = async (weights: Json) => idsIn(await search(app, { query: "fence", weights }));
    assert.deepEqual(await order(OFF), [recent, plain, important]);
    assert.deepEqual((await order({ importance: 1, recency: 0 }))[0], important);
    assert.deepEqual((await order({ importance: 0, recency: 1 })).at(-1), plain);
    const off = await search(app, { query: "fence", weights: OFF });
    for (const { score, scores } of off.results) assert.equal(score, scores.keyword);
  });
});

Deno.test("a memory is found by its words at once, by its new words only, and never once deleted", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: "fence" });
    const found = async (query: string) => idsIn(await search(app, { query, mode: "keyword" }));
    assert.deepEqual(await found("fence"), [id]);
    await app.done(200, "PUT", `/memories/${id}`, { json: { content: "river" } });
    assert.deepEqual([await found("fence"), await found("river")], [[], [id]]);
    await app.done(204, "DELETE", `/memories/${id}`);
    assert.deepEqual(await found("river"), []);
    await app.done(200, "POST", "/import", { json: [{ content: "boat", id }] });
    assert.deepEqual(await found("boat"), [id]);
  });
});

Deno.test("a score that is just enough is enough", async () => {
  await withApp(async (app) => {
    const ids = [
      await put(app, { content: "fence post" }),
      await put(app, { content: "fence" }),
    ];
    const { results } = await search(app, { query: "fence post" });
    assert.deepEqual(idsIn({ results }), ids);
    const [best, other] = results.map(({ score }: Json) => score);
    const from = async (min_score: number) =>
      idsIn(await search(app, { query: "fence post", min_score }));
    assert.deepEqual([await from(other), await from(best)], [ids, ids.slice(0, 1)]);
    assert.deepEqual([await from((best + other) / 2), await from(1)], [ids.slice(0, 1), []]);
  });
});

Deno.test("what weighs most comes first, however many answer as well and are newer", async () => {
  await withApp(async (app) => {
    const records = Array.from({ length: 600 }, (_, n) => ({
      id: idOf(n),
      content: "fence",
      importance_score: n < 5 ? 1 - n / 10 : 0,
      created_at: new Date(Date.parse(NOW) + n * 1000).toISOString(),
    }));
    await app.done(200, "POST", "/import", { json: records });
    const json = { query: "fence", weights: { importance: 1, recency: 0 }, limit: 5 };
    const body = await search(app, json);
    assert.deepEqual([idsIn(body), body.total], [[0, 1, 2, 3, 4].map(idOf), 600]);
    const plain = await search(app, { ...json, weights: OFF, offset: 595 });
    assert.deepEqual(idsIn(plain), [4, 3, 2, 1, 0].map(idOf));
  });
});
