/** What the seven tools are called with: what models guess is understood, and what is wrong is told. */
import assert from "node:assert/strict";
import { ask, callTool, done, refused, withMcp } from "./mcp_app.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { type Json, put } from "./http_app.ts";
import { callTool as callAny } from "../src/mcp/calls.ts";
import { defaultTools } from "../src/mcp/default.ts";
import type { Tool } from "../src/mcp/tool.ts";

const ID = "01990000-0000-7000-8000-00000000beef";

/** Each guess, and what it must do the same as. */
const GUESSES: readonly (readonly [string, Json, Json])[] = [
  ["memory_search", { q: "cedar" }, { query: "cedar" }],
  ["memory_search", { question: "cedar", top_k: 1 }, { query: "cedar", limit: 1 }],
  ["memory_search", { text: "cedar", k: 1 }, { query: "cedar", limit: 1 }],
  ["memory_search", { query: "cedar", since: "2026-01-31" }, {
    query: "cedar",
    created_after: "2026-01-31T00:00:00Z",
  }],
  ["memory_search", { query: "cedar", after: "2026-02-01" }, {
    query: "cedar",
    created_after: "2026-02-01T00:00:00.000Z",
  }],
  ["memory_search", { query: "cedar", memoryType: "episodic" }, {
    query: "cedar",
    memory_type: "episodic",
  }],
  ["memory_list", { "page-size": 1, until: "2026-02-01" }, {
    limit: 1,
    created_before: "2026-02-02T00:00:00Z",
  }],
  ["memory_list", { before: "2026-02-01" }, { created_before: "2026-02-01T00:00:00Z" }],
  ["memory_list", { to: "2026-02-01T12:00:00Z" }, { created_before: "2026-02-01T12:00:00Z" }],
  ["memory_list", { end_date: "9999-12-31" }, { created_before: "9999-12-31T23:59:59.999Z" }],
  ["memory_context", { question: "cedar", tokenBudget: 50 }, { query: "cedar", max_tokens: 50 }],
];

Deno.test("names that models guess are understood", async () => {
  await withMcp(async (app) => {
    await put(app, { content: "cedar one" });
    await put(app, { content: "cedar two", memory_type: "episodic" });
    for (const [name, guessed, right] of GUESSES) {
      const results = [await callTool(app, name, guessed), await callTool(app, name, right)];
      assert.equal(results[1].isError, undefined, JSON.stringify(right));
      assert.deepEqual(results[0], results[1], JSON.stringify(guessed));
    }
    for (const guess of ["text", "content", "information", "fact"]) {
      const { id } = await done(app, "memory_add", { [guess]: `by ${guess}` });
      assert.equal(
        (await done(app, "memory_get", { memory_id: id })).memory.content,
        `by ${guess}`,
      );
    }
  });
});

const SEARCH_NAMES = "its arguments are query, limit, offset, mode, tags, memory_type, " +
  "min_importance, created_after, created_before, metadata, response_format";

/** What is wrong with a call, and what a model is told of it. */
const HELP: readonly (readonly [string, Json, string])[] = [
  [
    "memory_search",
    { qeury: "x" },
    `Cannot call memory_search: "qeury" is not an argument; did you mean "query"?; ${SEARCH_NAMES}`,
  ],
  [
    "memory_search",
    { query: "x", colour: 1 },
    `Cannot call memory_search: "colour" is not an argument; ${SEARCH_NAMES}`,
  ],
  [
    "memory_search",
    { query: "x", q: "y" },
    `Cannot call memory_search: "query" is there twice; ${SEARCH_NAMES}`,
  ],
  ["memory_search", {}, 'Cannot call memory_search: "query" is required'],
  [
    "memory_search",
    { query: "x", since: "yesterday" },
    'Cannot call memory_search: "created_after" must be a date or an RFC 3339 time, such as ' +
    "2026-01-31 or 2026-01-31T12:00:00Z",
  ],
  [
    "memory_search",
    { query: "x", limit: 101 },
    'Cannot call memory_search: "limit" Too big: expected number to be <=100',
  ],
  [
    "memory_context",
    { query: "x", max_tokens: 200_001 },
    'Cannot call memory_context: "max_tokens" Too big: expected number to be <=200000',
  ],
  ["memory_get", { id: "17" }, 'Cannot call memory_get: "id" must be a UUID'],
  [
    "memory_get",
    { id: ID },
    `Cannot find the memory: there is none with the id "${ID}"; ` +
    "find it by memory_search or memory_list",
  ],
  [
    "memory_add",
    { content: "  " },
    'Cannot call memory_add: "content" must not be empty or only white space',
  ],
  [
    "memory_context",
    { query: "x", limit: 5 },
    'Cannot call memory_context: "limit" is not an argument; its arguments are query, ' +
    "max_tokens, tags, memory_type, min_importance, created_after, created_before",
  ],
  [
    "memory_list",
    { until: "2026-02-31" },
    'Cannot call memory_list: "created_before" must be a date or an RFC 3339 time, such as ' +
    "2026-01-31 or 2026-01-31T12:00:00Z",
  ],
  [
    "memory_delete",
    { id: ID, expected_revision: "" },
    'Cannot call memory_delete: "expected_revision" must be a revision as memory_get gives it',
  ],
  [
    "memory_update",
    { id: ID },
    "Cannot call memory_update: nothing is to be changed; " +
    "send content, memory_type, importance_score, tags or metadata",
  ],
  [
    "memory_list",
    { cursor: "nonsense" },
    "Cannot list memories: the cursor is not one of ours",
  ],
];

Deno.test("what is wrong is told with the way out", async () => {
  await withMcp(async (app) => {
    for (const [name, args, text] of HELP) {
      const result = await callTool(app, name, args);
      assert.deepEqual(result.content, [{ type: "text", text }]);
      assert.equal(result.isError, true);
      assert.equal(result.structuredContent.error.message, text);
    }
  });
});

Deno.test("of many wrong names the first are told, and no other is looked at", async () => {
  await withMcp(async (app) => {
    const [search] = defaultTools(app.brain);
    const { signal } = new AbortController();
    const told = async (args: Json) => {
      const began = performance.now();
      const { message } = await assertRejects(() => search?.call(args, signal));
      // Once each of them took more than a second.
      assert.ok(performance.now() - began < 500, `${performance.now() - began} ms`);
      return message;
    };
    const names = Array.from({ length: 30_000 }, (_, n) => `unknown_name_${n}`);
    const first = names.slice(0, 8).map((name) => `"${name}" is not an argument`).join("; ");
    assert.equal(
      await told(Object.fromEntries(names.map((name) => [name, 1]))),
      `Cannot call memory_search: ${first}; ${SEARCH_NAMES}`,
    );
    const long = "aB".repeat(4_000_000);
    assert.equal(
      await told({ [long]: 1 }),
      `Cannot call memory_search: "${long.slice(0, 64)}" is not an argument; ${SEARCH_NAMES}`,
    );
  });
});

async function assertRejects(work: () => Promise<unknown> | undefined): Promise<Error> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("a tool that is not there is told with those that are", async () => {
  await withMcp(async (app) => {
    const { body } = await ask(app, "tools/call", { name: "memory_serch", arguments: {} });
    assert.deepEqual(body.error, {
      code: -32602,
      message: "Cannot call the tool: there is none of this name; there are memory_search, " +
        "memory_get, memory_list, memory_context, memory_add, memory_update, memory_delete",
    });
  });
});

Deno.test("what is no object reaches no tool", async () => {
  const tool: Tool = {
    name: "any",
    description: "Takes anything.",
    inputSchema: { type: "object" },
    annotations: {
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
    scope: "read",
    call: () => Promise.resolve({ text: "reached" }),
  };
  const options = { tools: [tool], scope: "read", clock: new FakeClock(), log() {} } as const;
  const { signal } = new AbortController();
  const call = async (args: unknown) => {
    const { content, isError } = await callAny(options, { name: "any", arguments: args }, signal);
    return [content, isError];
  };
  const text = "Cannot read the arguments: they must be a JSON object";
  assert.deepEqual(await call({ a: 1 }), [[{ type: "text", text: "reached" }], undefined]);
  assert.deepEqual(await call([]), [[{ type: "text", text }], true]);
});

Deno.test("metadata that is nested too deep is refused before anything is kept", async () => {
  await withMcp(async (app) => {
    const deep = JSON.parse("[".repeat(20) + "]".repeat(20));
    assert.match(
      await refused(app, "memory_add", { content: "x", metadata: { deep } }),
      /"metadata" must be at most 16 levels deep/,
    );
    assert.equal(app.brain.stats.totalMemories, 0);
  });
});
