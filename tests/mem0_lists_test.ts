/** mem0's lists and searches, in the shapes of its versions. */
import assert from "node:assert/strict";
import { sortedList } from "../src/http/mem0/lists.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { NOW } from "./http_app.ts";
import { add, shown, told, withMem0 } from "./mem0_kit.ts";

const FENCE = "The fence gets cedar posts.";

Deno.test("a list has pages with neighbours, and in older versions is plain", async () => {
  await withMem0(async (app, clock) => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      ids.unshift(await add(app, `Note ${n}.`, { user_id: n === 0 ? "bob" : "ada" }));
      await clock.advance(1);
    }
    const idsIn = (list: readonly { id: string }[]) => list.map(({ id }) => id);
    const page = async (method: string, path: string, json?: object) => {
      const { results, ...rest } = await told(200, app, method, path, json);
      return { ...rest, ids: idsIn(results) };
    };
    const all = { count: 5, next: null, previous: null, ids };
    assert.deepEqual(await page("POST", "/v3/memories/", {}), all);
    const filters = { user_id: "ada" };
    const paged = "/v3/memories/?page=2&page_size=3";
    assert.deepEqual(await page("POST", "/v3/memories/?page=1&page_size=3", { filters }), {
      ...{ count: 4, next: `http://brain${paged}`, previous: null },
      ids: ids.slice(0, 3),
    });
    assert.deepEqual(await page("POST", paged, { filters }), {
      ...{ count: 4, next: null, previous: "http://brain/v3/memories/?page=1&page_size=3" },
      ids: ids.slice(3, 4),
    });
    assert.deepEqual((await page("POST", "/v3/memories/?page=9", { filters })).ids, []);
    assert.deepEqual(await page("GET", "/v1/memories/?user_id=ada&page=2&page_size=3"), {
      ...{ count: 4, next: null },
      previous: "http://brain/v1/memories/?user_id=ada&page=1&page_size=3",
      ids: ids.slice(3, 4),
    });
    assert.deepEqual(
      idsIn(await told(200, app, "GET", "/v1/memories/?user_id=ada")),
      ids.slice(0, 4),
    );
    assert.deepEqual(
      idsIn(await told(200, app, "POST", "/v2/memories/", { filters })),
      ids.slice(0, 4),
    );
    const wrapped = { filters, output_format: "v1.1" };
    assert.deepEqual(await page("POST", "/v2/memories/", wrapped), { ids: ids.slice(0, 4) });
    assert.deepEqual(await page("POST", "/v2/memories/?page=1&page_size=9", { filters }), {
      ...{ count: 4, next: null, previous: null },
      ids: ids.slice(0, 4),
    });
  });
});

Deno.test("a search finds what is of somebody, the best first, in the shape of its version", async () => {
  await withMem0(async (app) => {
    const ada = await add(app, FENCE, { user_id: "ada" });
    const bob = await add(app, "Bob paints the fence posts.", { user_id: "bob" });
    const search = async (path: string, json: object) =>
      await told(200, app, "POST", path, { query: "cedar fence posts", ...json });
    const { results } = await search("/v3/memories/search/", { filters: { user_id: "ada" } });
    const { score } = results[0];
    assert.ok(score > 0 && score <= 1, `${score}`);
    assert.deepEqual(results, [{ ...shown(ada, FENCE, { user_id: "ada" }), score }]);
    assert.deepEqual(await search("/v1/memories/search/", { user_id: "ada" }), results);
    assert.deepEqual(
      await search("/v2/memories/search/", { filters: { user_id: "ada" } }),
      results,
    );
    assert.deepEqual(
      await search("/v2/memories/search/", { user_id: "ada", output_format: "v1.1" }),
      { results },
    );
    const ids = async (json: object) =>
      (await search("/v3/memories/search/", json)).results.map(({ id }: { id: string }) => id);
    assert.deepEqual(await ids({}), [ada, bob]);
    assert.deepEqual(await ids({ top_k: 1 }), [ada]);
    await add(app, "Cedar fence posts.", { expiration_date: "2026-01-30" });
    assert.deepEqual(await ids({ top_k: 1 }), [ada]);
    assert.deepEqual(await ids({ limit: 1 }), [ada]);
    assert.deepEqual(await ids({ threshold: 1 }), []);
    assert.deepEqual(await ids({ filters: { NOT: { user_id: "ada" } }, top_k: 1 }), [bob]);
    assert.deepEqual(
      await search("/v3/memories/search/", { fields: ["memory"], top_k: 1 }),
      { results: [{ id: ada, memory: FENCE }] },
    );
  });
});

Deno.test("whom memories are of is listed, and deleted with them", async () => {
  await withMem0(async (app, clock) => {
    await add(app, FENCE, { user_id: "ada", agent_id: "a/b" });
    await clock.advance(1_000);
    await add(app, FENCE, { user_id: "ada" });
    const later = "2026-01-31T12:00:01.000Z";
    const entity = (type: string, name: string, total: number, updated_at: string) => ({
      ...{ id: name, name, type, created_at: NOW, updated_at, total_memories: total },
      ...{ owner: "", organization: "", metadata: null },
    });
    const agent = entity("agent", "a/b", 1, NOW), user = entity("user", "ada", 2, later);
    const all = { count: 2, next: null, previous: null, results: [agent, user] };
    assert.deepEqual(await told(200, app, "GET", "/v1/entities/"), all);
    assert.deepEqual(await told(200, app, "GET", "/v1/entities/?page=2&page_size=1"), {
      ...all,
      previous: "http://brain/v1/entities/?page=1&page_size=1",
      results: [user],
    });
    const gone = { message: "Entity deleted successfully!" };
    assert.deepEqual(await told(200, app, "DELETE", "/v2/entities/agent/a%2Fb/"), gone);
    assert.deepEqual((await told(200, app, "GET", "/v1/entities/")).results, [
      { ...user, total_memories: 1, created_at: later },
    ]);
    assert.deepEqual(await told(200, app, "DELETE", "/v1/entities/user/ada/"), gone);
    await told(400, app, "DELETE", "/v1/entities/house/ada/");
    assert.equal((await told(200, app, "GET", "/v1/entities/")).count, 0);
  });
});

Deno.test("all that memories are of is listed at once, where no page is asked for", async () => {
  await withMem0(async (app) => {
    const names = Array.from({ length: 101 }, (_, n) => `r${1_000 + n}`);
    const memories = names.map((run_id) => ({ content: FENCE, metadata: { run_id } }));
    await app.done(200, "POST", "/import", { json: memories });
    const { count, results } = await told(200, app, "GET", "/v1/entities/");
    const found = results.map(({ name }: { name: string }) => name);
    assert.deepEqual([count, found], [101, names]);
  });
});

Deno.test(`a long list is the same in parts as sorted at once (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const items = Array.from({ length: 12_345 }, () => Math.floor(random() * 1_000_000));
  const compare = (a: number, b: number) => a - b;
  const sorted = items.toSorted(compare);
  for (const from of [0, 4_990, 12_300]) {
    const list = sortedList(items, compare, String);
    assert.equal(list.count, items.length);
    const parts: string[] = [];
    for (let at = from; at < items.length; at += 70) {
      parts.push(...await list.slice(at, Math.min(items.length, at + 70)));
    }
    assert.deepEqual(parts, sorted.slice(from).map(String));
  }
});
