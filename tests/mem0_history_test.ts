/** What a memory of mem0's said before: it gives way to all else, and says nothing that was not. */
import assert from "node:assert/strict";
import { type HttpApp, type Json, NOW, put } from "./http_app.ts";
import { add, told, withMem0 } from "./mem0_kit.ts";

const FENCE = "The fence gets cedar posts.";
const LATER = "2026-01-31T12:00:01.000Z";

async function historyOf(app: HttpApp, id: string): Promise<Json[]> {
  const history: Json[] = await told(200, app, "GET", `/v1/memories/${id}/history/`);
  return history.map(({ event, old_memory, new_memory, created_at }) => [
    ...[event, old_memory, new_memory, created_at],
  ]);
}

Deno.test("a memory can be changed however full its metadata is, or however its text is escaped", async () => {
  await withMem0(async (app, clock) => {
    const full = { m: "x".repeat(65_500) };
    const FIRST: readonly (readonly [string, Json])[] = [
      ["y".repeat(2_000), full],
      ["\u0001".repeat(15_000), {}],
      [FENCE, { m: "x".repeat(65_536 - 8) }],
    ];
    for (const [text, metadata] of FIRST) {
      const id = await add(app, text, { metadata });
      await clock.advance(1_000);
      const memory = await told(200, app, "PUT", `/v1/memories/${id}/`, { text: "new" });
      assert.deepEqual([memory.memory, memory.metadata], ["new", metadata]);
    }
    const [fine, long] = [await add(app, FENCE), await add(app, FENCE, { metadata: full })];
    const memories = [{ memory_id: fine, text: "new" }, {
      memory_id: long,
      metadata: { m: "x".repeat(70_000) },
    }];
    await told(400, app, "PUT", "/v1/batch/", { memories });
    assert.equal((await told(200, app, "GET", `/v1/memories/${fine}/`)).memory, FENCE);
  });
});

Deno.test("where the beginning of a history is not kept, none is made up", async () => {
  await withMem0(async (app, clock) => {
    const long = await add(app, "x".repeat(17_000));
    await clock.advance(1_000);
    await told(200, app, "PUT", `/v1/memories/${long}/`, { text: "second" });
    assert.deepEqual(await historyOf(app, long), [["UPDATE", null, "second", LATER]]);
    await clock.advance(1_000);
    await told(200, app, "PUT", `/v1/memories/${long}/`, { text: "third" });
    assert.deepEqual(await historyOf(app, long), [
      ["UPDATE", null, "second", LATER],
      ["UPDATE", "second", "third", "2026-01-31T12:00:02.000Z"],
    ]);
    const room = await add(app, "first");
    for (const text of ["x".repeat(16_320), "third"]) {
      await told(200, app, "PUT", `/v1/memories/${room}/`, { text });
    }
    assert.deepEqual((await historyOf(app, room)).map(([event]) => event), ["UPDATE"]);
    const often = await add(app, "v0");
    for (let n = 1; n <= 22; n++) {
      await clock.advance(1_000);
      await told(200, app, "PUT", `/v1/memories/${often}/`, { text: `v${n}` });
    }
    const history = await historyOf(app, often);
    assert.deepEqual([history.length, ...history.slice(0, 2)], [
      21,
      ["UPDATE", null, "v2", "2026-01-31T12:00:04.000Z"],
      ["UPDATE", "v2", "v3", "2026-01-31T12:00:05.000Z"],
    ]);
  });
});

Deno.test("a change takes nothing away that others put under the same names", async () => {
  await withMem0(async (app) => {
    const metadata = {
      ...{ user_id: 42, agent_id: { a: 1 }, expiration_date: { best: "x" } },
      ...{ mem0_history: "mine", k: 1 },
    };
    const id = await put(app, { content: FENCE, metadata });
    const changed = await told(200, app, "PUT", `/v1/memories/${id}/`, { text: "new" });
    assert.deepEqual([changed.metadata, changed.user_id], [metadata, null]);
    assert.deepEqual((await app.done(200, "GET", `/memories/${id}`)).metadata, metadata);
  });
});

Deno.test("only a day is the last one; what else has that name hides nothing", async () => {
  await withMem0(async (app) => {
    const best = { expiration_date: "01/02/2027" };
    const id = await put(app, { content: "Milk.", metadata: best });
    const { results: [milk] } = await told(200, app, "POST", "/v3/memories/", {});
    assert.deepEqual([milk.id, milk.expiration_date, milk.metadata], [id, null, best]);
    await told(200, app, "PUT", `/v1/memories/${id}/`, { expiration_date: "2026-01-01" });
    assert.equal((await told(200, app, "POST", "/v3/memories/", {})).count, 0);
  });
});

Deno.test("a change that changes nothing is no write, and one that says nothing is refused", async () => {
  await withMem0(async (app, clock) => {
    const id = await add(app, FENCE, { user_id: "ada" });
    await clock.advance(1_000);
    for (const change of [{ text: FENCE }, { metadata: {} }, { expiration_date: null }]) {
      const { updated_at } = await told(200, app, "PUT", `/v1/memories/${id}/`, change);
      assert.equal(updated_at, NOW);
    }
    await told(400, app, "PUT", `/v1/memories/${id}/`, { text: null, metadata: null });
  });
});

Deno.test("a look at a history is no reading of the memory", async () => {
  await withMem0(async (app) => {
    const id = await add(app, FENCE);
    await historyOf(app, id);
    const { access_count: before } = await app.done(200, "GET", `/memories/${id}`);
    await told(200, app, "GET", `/v1/memories/${id}/`);
    const { access_count: after } = await app.done(200, "GET", `/memories/${id}`);
    assert.deepEqual([before, after], [1, 3]);
  });
});
