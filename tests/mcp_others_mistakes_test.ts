/**
 * What went wrong where others served memories to assistants, by the names under which it became
 * known: each must not happen here, whichever sets of tools are chosen.
 */
import assert from "node:assert/strict";
import { TOOL_SETS } from "../src/mcp/tool.ts";
import { type HttpApp, type Json, KEY, put } from "./http_app.ts";
import { ask, askOlder, callTool, withMcp } from "./mcp_app.ts";

const READ_KEY = "for-reading-0123456789abcdef";
const ALL = { sets: TOOL_SETS, readKeys: [READ_KEY] };
const ID = "01990000-0000-7000-8000-0000000000aa";
const FILE = "/memories/a.md";
const ANNA = { name: "Anna", entityType: "person", observations: ["likes cedar"] };
const KNOWS = { from: "Anna", to: "Anna", relationType: "knows" };

/** Of each tool that changes something, a call that does, where `fill` was called. */
const CHANGES: Readonly<Record<string, Json>> = {
  memory_add: { content: "more" },
  memory_update: { id: ID, content: "other" },
  memory_delete: { id: ID },
  create_entities: { entities: [{ ...ANNA, name: "Ben" }] },
  create_relations: { relations: [{ ...KNOWS, relationType: "likes" }] },
  add_observations: { observations: [{ entityName: "Anna", contents: ["plays the cello"] }] },
  delete_entities: { entityNames: ["Anna"] },
  delete_observations: { deletions: [{ entityName: "Anna", observations: ANNA.observations }] },
  delete_relations: { relations: [KNOWS] },
  memory: { command: "delete", path: FILE },
};

async function fill(app: HttpApp): Promise<void> {
  await put(app, { id: ID, content: "a fence of cedar" });
  await callTool(app, "create_entities", { entities: [ANNA] });
  await callTool(app, "create_relations", { relations: [KNOWS] });
  await callTool(app, "memory", { command: "create", path: FILE, file_text: "cedar" });
}

Deno.test("CVE-2026-49291 (mcp-memory-service): with a key for reading no tool of any set changes anything", async () => {
  await withMcp(async (app) => {
    await fill(app);
    const { tools } = (await ask(app, "tools/list")).body.result;
    const writing = tools.filter(({ annotations }: Json) => !annotations.readOnlyHint);
    assert.deepEqual(
      writing.map(({ name }: Json) => name).toSorted(),
      Object.keys(CHANGES).toSorted(),
    );
    const before = await app.done(200, "GET", "/memories");
    for (const [name, args] of Object.entries(CHANGES)) {
      for (const asking of [ask, askOlder]) {
        const call = { name, arguments: args };
        const { body } = await asking(app, "tools/call", call, { key: READ_KEY });
        assert.deepEqual([name, body.result.isError], [name, true]);
        assert.match(body.result.content[0].text, /with a key for reading/);
      }
    }
    assert.deepEqual(await app.done(200, "GET", "/memories"), before);
    // What they would have done.
    for (const [name, args] of Object.entries(CHANGES)) {
      if (name.startsWith("delete_") || name === "memory_delete") continue;
      assert.equal((await callTool(app, name, args)).isError, undefined, name);
    }
  }, ALL);
});

Deno.test("CVE-2025-66414, CVE-2025-66416, CVE-2026-34742 (MCP SDKs): on loopback a name that is not this machine's gets nowhere", async () => {
  await withMcp(async (app) => {
    const json = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
    const headers = {
      "Authorization": `Bearer ${KEY}`,
      "Content-Type": "application/json",
      "Accept": "application/json, text/event-stream",
    };
    const statuses: Json = {};
    for (const host of ["127.0.0.1:8000", "localhost:8000", "evil.example:8000", "brain"]) {
      const init = { method: "POST", headers, body: JSON.stringify(json) };
      const response = await app.app.fetch(new Request(`http://${host}/mcp`, init));
      await response.body?.cancel();
      statuses[host] = response.status;
    }
    assert.deepEqual(statuses, {
      "127.0.0.1:8000": 200,
      "localhost:8000": 200,
      "evil.example:8000": 421,
      "brain": 421,
    });
  }, { host: "127.0.0.1" });
});

Deno.test("CVE-2026-33010 (mcp-memory-service): no page of another origin may ask or read", async () => {
  await withMcp(async (app) => {
    for (const method of ["OPTIONS", "POST", "GET"]) {
      const response = await app.app.fetch(
        new Request("http://brain/mcp", {
          method,
          headers: {
            "Origin": "https://evil.example",
            "Authorization": `Bearer ${KEY}`,
            "Access-Control-Request-Method": "POST",
          },
        }),
      );
      await response.body?.cancel();
      assert.equal(response.headers.get("access-control-allow-origin"), null);
      assert.ok(response.status >= 400, `${method}: ${response.status}`);
    }
  });
});

Deno.test("CVE-2026-25536 (MCP TypeScript SDK): of many at once with the same id each gets its own answer", async () => {
  await withMcp(async (app) => {
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) ids.push(await put(app, { content: `memory ${n}` }));
    const replies = await Promise.all(ids.map((id, n) => {
      const asking = n % 2 === 0 ? ask : askOlder;
      return asking(app, "tools/call", { name: "fetch", arguments: { id } });
    }));
    assert.deepEqual(
      replies.map(({ body }) => body.result.structuredContent.text),
      ids.map((_, n) => `memory ${n}`),
    );
  }, ALL);
});

Deno.test("CVE-2026-34451 (Claude's SDK for TypeScript): what only begins like the directory is none of its files", async () => {
  await withMcp(async (app) => {
    for (const path of ["/memories-evil/a", "/memoriesa", "/memories.md", "/Memories/a"]) {
      const { isError, content } = await callTool(app, "memory", {
        command: "create",
        path,
        file_text: "x",
      });
      assert.deepEqual([isError, content[0].text], [
        true,
        `Error: Path must start with /memories, got: ${path}`,
      ]);
    }
    assert.deepEqual(await app.ids(), []);
  }, ALL);
});
