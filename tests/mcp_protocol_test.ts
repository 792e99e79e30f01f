/** What the protocol asks of a server over HTTP, in both of its eras. */
import assert from "node:assert/strict";
import { ask, askOlder, envelope, NEWER, OLDER, send, withMcp } from "./mcp_app.ts";
import project from "../deno.json" with { type: "json" };
import type { Json, Reply } from "./http_app.ts";

const HEADERS = {
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": NEWER,
};

Deno.test("a client of the newer era needs no handshake, and is told who answers", async () => {
  await withMcp(async (app) => {
    const { status, headers, body } = await ask(app, "server/discover");
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), "application/json");
    assert.equal(headers.get("mcp-session-id"), null);
    const { supportedVersions, capabilities, resultType, _meta } = body.result;
    assert.deepEqual({ supportedVersions, capabilities, resultType, _meta }, {
      supportedVersions: [NEWER],
      capabilities: { tools: {}, resources: { subscribe: true }, prompts: {}, completions: {} },
      resultType: "complete",
      _meta: {
        "io.modelcontextprotocol/serverInfo": {
          name: "second-brain",
          title: "Second Brain",
          version: project.version,
        },
      },
    });
  });
});

Deno.test("each older version is agreed on by a handshake, and there is no session", async () => {
  await withMcp(async (app) => {
    for (const protocolVersion of OLDER) {
      const clientInfo = { name: "test", version: "1.0.0" };
      const params = { protocolVersion, capabilities: {}, clientInfo };
      const opened = await askOlder(app, "initialize", params, {
        headers: { "MCP-Protocol-Version": protocolVersion },
      });
      assert.equal(opened.status, 200, opened.text);
      assert.equal(opened.body.result.protocolVersion, protocolVersion);
      assert.equal(opened.headers.get("mcp-session-id"), null);
      const json = { jsonrpc: "2.0", method: "notifications/initialized" };
      const ready = await askOlder(app, "", {}, { json });
      assert.deepEqual([ready.status, ready.text], [202, ""]);
      const pong = await askOlder(app, "ping", {}, {
        headers: { "MCP-Protocol-Version": protocolVersion },
      });
      assert.deepEqual(pong.body, { jsonrpc: "2.0", id: 1, result: {} });
    }
  });
});

Deno.test("a version that nobody knows is answered with those that are known", async () => {
  await withMcp(async (app) => {
    const params = { protocolVersion: "1999-01-01", capabilities: {}, clientInfo: CLIENT };
    const opened = await askOlder(app, "initialize", params, {
      headers: { "MCP-Protocol-Version": OLDER[0] },
    });
    assert.equal(opened.body.result.protocolVersion, OLDER[0]);
    const older = await askOlder(app, "ping", {}, {
      headers: { "MCP-Protocol-Version": "1999-01-01" },
    });
    assert.equal(older.status, 400);
    const json = {
      jsonrpc: "2.0",
      id: 7,
      method: "tools/list",
      params: { _meta: envelope("2099-01-01") },
    };
    const newer = await send(app, "POST", {
      json,
      headers: { ...HEADERS, "MCP-Protocol-Version": "2099-01-01", "Mcp-Method": "tools/list" },
    });
    assert.equal(newer.status, 400);
    assert.deepEqual(newer.body, {
      jsonrpc: "2.0",
      id: 7,
      error: {
        code: -32022,
        message: "Unsupported protocol version: 2099-01-01",
        data: { supported: [NEWER], requested: "2099-01-01" },
      },
    });
  });
});

const CLIENT = { name: "test", version: "1.0.0" };

/** Of the newer era: what is wrong with the headers, and what comes of it. */
const HEADER_RULES: readonly (readonly [string, Record<string, string>, number, number])[] = [
  ["all are there", {}, 200, 0],
  ["no version", { "MCP-Protocol-Version": "" }, 400, -32020],
  ["another version than the body's", { "MCP-Protocol-Version": OLDER[0] }, 400, -32020],
  ["no method", { "Mcp-Method": "" }, 400, -32020],
  ["another method than the body's", { "Mcp-Method": "tools/list" }, 400, -32020],
  ["no name", { "Mcp-Name": "" }, 400, -32020],
  ["another name than the body's", { "Mcp-Name": "memory_delete" }, 400, -32020],
  [
    "a name in the encoding for what is not ASCII",
    { "Mcp-Name": "=?base64?bWVtb3J5X2xpc3Q=?=" },
    200,
    0,
  ],
];

for (const [what, changed, status, code] of HEADER_RULES) {
  Deno.test(`headers of the newer era: ${what}`, async () => {
    await withMcp(async (app) => {
      const all: Record<string, string> = {
        ...HEADERS,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "memory_list",
        ...changed,
      };
      const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
      const params = { name: "memory_list", arguments: {}, _meta: envelope() };
      const json = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
      const reply = await send(app, "POST", { json, headers });
      assert.deepEqual([reply.status, reply.body.error?.code ?? 0], [status, code], reply.text);
    });
  });
}

Deno.test("a request of the newer era without its envelope is refused", async () => {
  await withMcp(async (app) => {
    const json = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
    const headers = { ...HEADERS, "Mcp-Method": "tools/list" };
    const reply = await send(app, "POST", { json, headers });
    assert.deepEqual([reply.status, reply.body.error.code], [400, -32602]);
  });
});

/** What is no request of either era: the same to everybody. */
const NOT_ANSWERED: readonly (readonly [string, string, Json, number, number | null])[] = [
  ["GET opens no stream", "GET", {}, 405, -32000],
  ["DELETE ends no session", "DELETE", {}, 405, -32000],
  ["PUT", "PUT", { json: {} }, 405, -32000],
  ["no JSON", "POST", { body: "{" }, 400, -32700],
  ["JSON that would lose digits", "POST", { body: '{"id":12345678901234567890}' }, 400, -32700],
  ["no UTF-8", "POST", { body: new Uint8Array([0x22, 0xff, 0x22]) }, 400, -32700],
  ["nothing at all", "POST", { body: "" }, 400, -32700],
  ["another type", "POST", { body: "{}", type: "text/plain" }, 415, -32000],
  ["no message", "POST", { json: { hello: 1 } }, 400, -32600],
  ["an empty batch", "POST", { json: [] }, 400, -32600],
  ["a batch of 21", "POST", { json: batch(21) }, 400, -32600],
];

function batch(size: number): Json {
  return Array.from({ length: size }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" }));
}

Deno.test("what is no request is refused in the protocol's words", async () => {
  await withMcp(async (app) => {
    for (const [what, method, asked, status, code] of NOT_ANSWERED) {
      const headers = { Accept: "application/json, text/event-stream" };
      const reply = await send(app, method, { ...asked, headers });
      assert.deepEqual(
        [reply.status, reply.body.error.code],
        [status, code],
        `${what}: ${reply.text}`,
      );
      if (status === 405) assert.equal(reply.headers.get("allow"), "POST", what);
    }
  });
});

Deno.test("what was taken away or never was is not found, in either era's way", async () => {
  await withMcp(async (app) => {
    const codes = ({ status, body }: Reply) => [status, body.error.code];
    assert.deepEqual(codes(await ask(app, "ping")), [404, -32601]);
    assert.deepEqual(codes(await ask(app, "resources/subscribe", {})), [404, -32601]);
    assert.deepEqual(codes(await ask(app, "nothing/such")), [404, -32601]);
    assert.deepEqual(codes(await askOlder(app, "nothing/such")), [200, -32601]);
    assert.deepEqual(codes(await askOlder(app, "subscriptions/listen")), [200, -32601]);
    assert.deepEqual(
      codes(await askOlder(app, "resources/subscribe", { uri: "memory://recent" })),
      [
        200,
        -32601,
      ],
    );
  });
});
