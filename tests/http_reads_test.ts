/** What reading leaves: counts that are never behind, and the vector that a memory is found by. */
import assert from "node:assert/strict";
import { meanDirection } from "../src/memories/mean_direction.ts";
import { KeepingFakeEmbedder, vectorOf, vectorsOf } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { HttpApp, type Json, withApp } from "./http_app.ts";

const PATH = `/memories/${idOf(1)}`;

Deno.test("readings are counted at once, also while earlier ones are being written", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x" } });
    const read = async () => (await app.done(200, "GET", PATH)).access_count;
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const append = app.store.append.bind(app.store);
    const written: Json[] = [];
    app.store.append = async (change) => {
      written.push(change);
      await gate;
      await append(change);
    };
    assert.deepEqual([await read(), await read()], [1, 2]);
    await app.clock.advance(5_000);
    assert.deepEqual(written.map(({ op, accesses }) => [op, accesses[0][1].access_count]), [[
      "access",
      2,
    ]]);
    assert.deepEqual([await read(), await read()], [3, 4]);
    open();
    await app.clock.advance(1);
    assert.equal(await read(), 5);
    await app.clock.advance(5_000);
    assert.deepEqual(written.at(-1).accesses[0][1].access_count, 5);
    assert.equal((await app.done(200, "GET", "/memories")).memories[0].access_count, 5);
  });
});

Deno.test("counts, the vector and the version are kept over a stop and over a kill", async () => {
  const app = new HttpApp();
  await app.brain.open();
  await app.done(201, "POST", "/memories", { json: { content: "x", embedding: [1, 2.5, -3] } });
  const first = await app.call("GET", `${PATH}?include=embedding`);
  await app.clock.advance(5_000);
  const killed = new HttpApp({ disk: app.disk.afterKill(), clock: app.clock, firstId: 10 });
  await killed.brain.open();
  const second = await killed.call("GET", `${PATH}?include=embedding`);
  await killed.brain.close();
  const stopped = new HttpApp({ disk: app.disk, clock: app.clock, firstId: 20 });
  await stopped.brain.open();
  const third = await stopped.call("GET", `${PATH}?include=embedding`);
  await stopped.brain.close();
  for (const [n, { body, headers }] of [first, second, third].entries()) {
    assert.deepEqual([body.access_count, body.embedding], [n + 1, [1, 2.5, -3]]);
    assert.equal(headers.get("etag"), first.headers.get("etag"));
  }
});

Deno.test("a vector of one's own is kept until its text changes or it is given back", async () => {
  await withApp(async (app) => {
    const { id } = await app.done(201, "POST", "/memories", {
      json: { content: "x", embedding: [1, 2, 3, 4] },
    });
    const vector = async () => {
      await app.clock.until(app.brain.indexer.idle());
      return (await app.done(200, "GET", `/memories/${id}?include=embedding`)).embedding;
    };
    const change = (json: Json) => app.done(200, "PUT", `/memories/${id}`, { json });
    assert.deepEqual(await vector(), [1, 2, 3, 4]);
    await change({ tags: ["a"] });
    await change({ content: "x" });
    assert.deepEqual(await vector(), [1, 2, 3, 4]);
    const { errors } = await app.done(422, "PATCH", `/memories/${id}`, {
      json: { embedding: [1] },
    });
    assert.deepEqual(errors, [{
      path: "/embedding",
      message: "has 1 numbers, the index holds vectors of 4",
    }]);
    await change({ content: "y" });
    const provided = await vector();
    assert.notDeepEqual(provided, [1, 2, 3, 4]);
    await change({ embedding: [4, 3, 2, 1] });
    assert.deepEqual(await vector(), [4, 3, 2, 1]);
    await change({ embedding: null });
    assert.deepEqual(await vector(), provided);
    await app.done(400, "GET", `/memories/${id}?include=all`);
  }, { embedder: new KeepingFakeEmbedder() });
});

Deno.test("a HEAD looks at a memory without reading it", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x" } });
    const { status, headers } = await app.call("HEAD", PATH, {});
    assert.deepEqual([status, headers.get("etag") !== null], [200, true]);
    assert.equal((await app.done(200, "GET", PATH)).access_count, 1);
  });
});

Deno.test("an export gives a memory the vector of the text that it had then", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "old" } });
    await app.done(200, "GET", PATH);
    await app.clock.until(app.brain.indexer.idle());
    const { pieces } = app.brain.exports.stream({ format: "ndjson", includeEmbeddings: true });
    await app.done(200, "PUT", PATH, { json: { content: "something else" } });
    await app.clock.until(app.brain.indexer.idle());
    const [piece] = await Array.fromAsync(pieces);
    const { content, embedding, access_count } = JSON.parse(new TextDecoder().decode(piece));
    assert.deepEqual([content, embedding, access_count], ["old", [...vectorOf("old")], 1]);
  }, { embedder: new KeepingFakeEmbedder() });
});

Deno.test("the length of vectors is free again when the last one is gone, and held while one is", async () => {
  await withApp(async (app) => {
    const post = (status: number, embedding: number[]) =>
      app.done(status, "POST", "/memories", { json: { content: "x", embedding } });
    const { id } = await post(201, [1, 2, 3]);
    await post(422, [1, 2, 3, 4]);
    await app.done(204, "DELETE", `/memories/${id}`);
    await post(201, [1, 2, 3, 4]);
    const json = [{ content: "y", embedding: [1, 2, 3] }];
    const { errors } = await app.done(422, "POST", "/import", { json });
    assert.equal(errors[0].message, "embedding has 3 numbers, the index holds vectors of 4");
  });
});

Deno.test("vectors of a model that was left stay with their memories, and its texts serve", async () => {
  const app = new HttpApp();
  await app.brain.open();
  await app.done(201, "POST", "/memories", { json: { content: "x", embedding: [1, 2, 3] } });
  await app.brain.close();
  const embedder = new KeepingFakeEmbedder();
  embedder.dimensions = 4;
  const changed = new HttpApp({ disk: app.disk, clock: app.clock, firstId: 10, embedder });
  await changed.brain.open();
  await changed.clock.until(changed.brain.indexer.idle());
  assert.deepEqual(embedder.texts, ["x"]);
  const { tags } = await changed.done(200, "PUT", PATH, { json: { tags: ["kept"] } });
  const { embedding } = await changed.done(200, "GET", `${PATH}?include=embedding`);
  assert.deepEqual([tags, embedding], [["kept"], [1, 2, 3]]);
  await changed.done(422, "PUT", PATH, { json: { embedding: [3, 2, 1] } });
  await changed.done(200, "PUT", PATH, { json: { embedding: [4, 3, 2, 1] } });
  await changed.clock.until(changed.brain.indexer.idle());
  const { results } = await changed.done(200, "POST", "/search", {
    json: { embedding: [4, 3, 2, 1] },
  });
  assert.ok(results[0].scores.semantic > 0.999);
  await changed.brain.close();
});

Deno.test("a long memory shows one vector, the mean of its chunks', and exports none", async () => {
  const embedder = new KeepingFakeEmbedder();
  await withApp(async (app) => {
    const content = "The fence gets cedar posts, not pine. ".repeat(40);
    await app.done(201, "POST", "/memories", { json: { content } });
    await app.clock.until(app.brain.indexer.idle());
    const { embedding } = await app.done(200, "GET", `${PATH}?include=embedding`);
    const mean = meanDirection(vectorsOf(content)) ?? assert.fail("there is one");
    assert.ok(vectorsOf(content).length > 1);
    assert.deepEqual(Float32Array.from(embedding), mean);
    assert.ok(Math.abs(Math.hypot(...mean) - 1) < 1e-6);
    const { text } = await app.call("POST", "/export", { json: { include_embeddings: true } });
    assert.ok(!text.includes('"embedding"'));
    const { results } = await app.done(200, "POST", "/search", { json: { query: "cedar" } });
    assert.equal(results.length, 1);
  }, { embedder });
});

Deno.test("of two imports at once with vectors of other lengths only one comes in", async () => {
  await withApp(async (app) => {
    const statuses = await Promise.all([2, 3].map(async (length) => {
      const json = [{ content: "x", embedding: Array.from({ length }, () => 1) }];
      return (await app.call("POST", "/import", { json })).status;
    }));
    assert.deepEqual(statuses.toSorted(), [200, 422]);
    assert.equal((await app.done(200, "GET", "/memories")).total, 1);
  });
});
