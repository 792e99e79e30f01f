/** Several messages in one request, as the oldest version over HTTP allows. */
import assert from "node:assert/strict";
import { askOlder, OLDER, withMcp } from "./mcp_app.ts";
import { type HttpApp, type Json, put, type Reply } from "./http_app.ts";

function batch(size: number): Json {
  return Array.from({ length: size }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" }));
}

Deno.test("a batch of the oldest version is answered as one", async () => {
  await withMcp(async (app) => {
    const { status, body } = await askBatch(app, batch(3));
    assert.equal(status, 200);
    assert.deepEqual(body, [0, 1, 2].map(pong));
    const silent = await askBatch(app, [{ jsonrpc: "2.0", method: "notifications/initialized" }]);
    assert.deepEqual([silent.status, silent.text], [202, ""]);
  });
});

async function askBatch(app: HttpApp, json: Json, version: string = OLDER[2]): Promise<Reply> {
  return await askOlder(app, "", {}, { json, headers: { "MCP-Protocol-Version": version } });
}

function pong(id: number): Json {
  return { jsonrpc: "2.0", id, result: {} };
}

const CANCELLED = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 0 } };

Deno.test("a batch that takes back what it asks is answered", { timeout: 5_000 }, async () => {
  await withMcp(async (app) => {
    assert.deepEqual((await askBatch(app, [...batch(2), CANCELLED])).body, [pong(0), pong(1)]);
    assert.deepEqual((await askBatch(app, [CANCELLED, ...batch(1)])).body, [pong(0)]);
  });
});

Deno.test("each message of a batch takes its place in the rate, and all of them or none", async () => {
  await withMcp(async (app) => {
    const add = (content: string) => ({
      ...batch(1)[0],
      method: "tools/call",
      params: { name: "memory_add", arguments: { content } },
    });
    const refused = await askBatch(app, [add("one"), add("two"), add("three"), add("four")]);
    assert.deepEqual([refused.status, app.brain.stats.totalMemories], [429, 0]);
    const { status, body } = await askBatch(app, [add("one"), add("two")]);
    assert.deepEqual([status, body.length, app.brain.stats.totalMemories], [200, 2, 2]);
    assert.equal((await askBatch(app, batch(1))).status, 429);
  }, { requestsPerMinute: 3 });
});

Deno.test("a batch whose answers are too much at once is answered in part, and so told", async () => {
  await withMcp(async (app) => {
    const id = await put(app, { content: `x${"\n".repeat(99_998)}x` });
    const reads = batch(20).map((one: Json) => ({
      ...one,
      method: "tools/call",
      params: { name: "memory_get", arguments: { id } },
    }));
    const { body } = await askBatch(app, [...reads.slice(1), CANCELLED]);
    const answered = body.filter(({ result }: Json) => result !== undefined).length;
    assert.ok(answered > 4 && answered < 12, `${answered}`);
    assert.deepEqual(body.at(-1), {
      jsonrpc: "2.0",
      id: 19,
      error: {
        code: -32000,
        message: "Cannot answer this one: the batch is too much at once; send it by itself",
      },
    });
  });
});

Deno.test("what is no batch of the older versions is refused whole", async () => {
  await withMcp(async (app) => {
    const add = { name: "memory_add", arguments: { content: "one" } };
    const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: add };
    const codes = [
      await askBatch(app, [call, { hello: 1 }]),
      await askBatch(app, [call, { jsonrpc: "2.0", id: 2, method: "initialize" }]),
      await askBatch(app, [call], OLDER[0]),
      await askBatch(app, [call], OLDER[1]),
    ].map(({ status, body }) => [status, body.error.code]);
    assert.deepEqual(codes, Array(4).fill([400, -32600]));
    assert.equal(app.brain.stats.totalMemories, 0);
  });
});

Deno.test("an id that is long is refused: it would come back with each answer", async () => {
  await withMcp(async (app) => {
    for (const id of ["x".repeat(257), "\x01".repeat(43), "x".repeat(256)]) {
      const json = { jsonrpc: "2.0", id, method: "ping" };
      const one = await askOlder(app, "", {}, { json });
      const inBatch = await askBatch(app, [...batch(1), json]);
      const status = id === "x".repeat(256) ? 200 : 400;
      assert.deepEqual([one.status, inBatch.status], [status, status]);
      assert.equal(one.text.length < 500, true);
    }
  });
});
