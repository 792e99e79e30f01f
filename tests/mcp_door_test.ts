/** Who may ask by the protocol for what, and that what goes wrong stays with the one who asked. */
import assert from "node:assert/strict";
import { drain } from "./fakes/indexing.ts";
import { ask, askOlder, callTool, send, withMcp } from "./mcp_app.ts";
import type { HttpApp, Json } from "./http_app.ts";

const READ_KEY = "for-reading-0123456789abcdef";

Deno.test("the door is the same as everywhere", async () => {
  await withMcp(async (app) => {
    const none = await ask(app, "tools/list", {}, { key: null });
    assert.deepEqual([none.status, none.headers.get("www-authenticate")], [401, "Bearer"]);
    const wrong = ask(app, "tools/list", {}, { key: "wrong" });
    await app.clock.until(wrong);
    assert.equal((await wrong).status, 401);
    const page = await ask(app, "tools/list", {}, { headers: { Origin: "https://evil.example" } });
    assert.equal(page.status, 403);
    const large = await send(app, "POST", { body: `"${"x".repeat(2_000)}"` });
    assert.equal(large.status, 413);
    const packed = await ask(app, "tools/list", {}, { headers: { "Content-Encoding": "gzip" } });
    assert.equal(packed.status, 415);
  }, { bodyBytes: 1_000 });
});

Deno.test("at its own path it may change something, just below it cannot, and elsewhere is nothing", async () => {
  await withMcp(async (app) => {
    const tools = async (path: string) => (await ask(app, "tools/list", {}, { path })).body;
    assert.equal((await tools("/mcp")).result.tools.length, 7);
    assert.equal((await tools("/mcp/")).result.tools.length, 7);
    assert.equal((await tools("/mcp/read-only")).result.tools.length, 4);
    for (const path of ["/mcp/other", "/mcp/read-only/other"]) {
      assert.equal((await tools(path)).detail, "Cannot answer: there is no such path; try /mcp");
    }
  });
});

Deno.test("what came before the brain is ready is told to come again", async () => {
  await withMcp(async (app) => {
    const reply = await ask(app, "tools/list");
    assert.deepEqual([reply.status, reply.headers.get("retry-after")], [503, "1"]);
  }, { opened: false });
});

Deno.test("a key for reading sees and calls what reads, and nothing else", async () => {
  await withMcp(async (app) => {
    const key = READ_KEY;
    const { id } = (await callTool(app, "memory_add", { content: "a fence" })).structuredContent;
    const listed = await ask(app, "tools/list", {}, { key });
    const tools: Json[] = listed.body.result.tools;
    assert.deepEqual(tools.map(({ name }) => name), [
      "memory_search",
      "memory_get",
      "memory_list",
      "memory_context",
    ]);
    assert.deepEqual(tools.map(({ annotations }) => annotations.readOnlyHint), Array(4).fill(true));
    for (const name of ["memory_add", "memory_update", "memory_delete"]) {
      const call = { name, arguments: { id, content: "x" } };
      for (const asking of [ask, askOlder]) {
        const { body } = await asking(app, "tools/call", call, { key });
        assert.deepEqual(body.result.isError, true);
        assert.equal(
          body.result.content[0].text,
          `Cannot call ${name} with a key for reading: it changes something`,
        );
      }
    }
    const instructions = async (asked = {}) =>
      (await ask(app, "server/discover", {}, asked)).body.result.instructions;
    assert.match(await instructions(), /remember what will matter later/);
    assert.doesNotMatch(await instructions({ key }), /remember what will matter later/);
    const found = await ask(app, "tools/call", { name: "memory_get", arguments: { id } }, { key });
    assert.equal(found.body.result.structuredContent.memory.content, "a fence");
    const read = await ask(app, "resources/read", { uri: `memory://${id}` }, { key });
    assert.equal(JSON.parse(read.body.result.contents[0].text).content, "a fence");
  }, { readKeys: [READ_KEY] });
});

Deno.test("both eras list the same tools, and are answered the same", async () => {
  await withMcp(async (app) => {
    const [newer, older] = [await ask(app, "tools/list"), await askOlder(app, "tools/list")];
    assert.deepEqual(newer.body.result.tools, older.body.result.tools);
    await callTool(app, "memory_add", { content: "a fence of cedar" });
    const call = { name: "memory_search", arguments: { query: "cedar" } };
    const { result } = (await askOlder(app, "tools/call", call)).body;
    assert.deepEqual(result, await callTool(app, call.name, call.arguments));
  });
});

Deno.test("a defect is told without its cause, and logged without what it quotes", async () => {
  await withMcp(async (app) => {
    app.brain.stats.all = () => {
      throw new Error("canary7Qx in the message");
    };
    const { status, body } = await ask(app, "resources/read", { uri: "memory://stats" });
    assert.equal(status, 200);
    assert.deepEqual(body.error, {
      code: -32603,
      message: "Cannot answer: something unexpected happened, which was logged",
    });
    const [line = "{}"] = app.logged.filter((line) => line.includes('"unexpected"'));
    const { level, event, name, at } = JSON.parse(line);
    const logged = { level, event, name, at };
    const expected = {
      level: "error",
      event: "unexpected",
      name: "Error",
      at: "mcp resources/read",
    };
    assert.deepEqual(logged, expected);
  });
});

/** A search that never ends. */
function stuck(app: HttpApp): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  app.brain.search.run = () => {
    resolve();
    return new Promise(() => {});
  };
  return promise;
}

const SEARCH = { name: "memory_search", arguments: { query: "cedar" } };

Deno.test("a call that takes too long is told so", async () => {
  await withMcp(async (app) => {
    const begun = stuck(app);
    const reply = ask(app, "tools/call", SEARCH);
    await begun;
    await app.clock.advance(60_000);
    const { result } = (await reply).body;
    assert.deepEqual([result.isError, result.content[0].text], [
      true,
      "Cannot wait for it any longer: it took 60 s and may still be carried out; " +
      "look before you try again",
    ]);
  });
});

Deno.test("whatever else takes too long is told so, too", async () => {
  await withMcp(async (app) => {
    const begun = Promise.withResolvers<void>();
    app.brain.contexts.make = () => {
      begun.resolve();
      return new Promise(() => {});
    };
    const recall = { name: "recall", arguments: { question: "cedar" } };
    const reply = ask(app, "prompts/get", recall);
    await begun.promise;
    await app.clock.advance(60_000);
    assert.deepEqual((await reply).body.error, {
      code: -32603,
      message: "Cannot wait for it any longer: it took 60 s and may still be carried out; " +
        "look before you try again",
    });
    const gone = new AbortController();
    const left = ask(app, "prompts/get", recall, { signal: gone.signal });
    await drain();
    gone.abort();
    assert.equal((await left).status, 499);
    assert.deepEqual(app.logged.filter((line) => line.includes('"unexpected"')), []);
  });
});

Deno.test("a client that leaves ends its call, and is no fault of ours", async () => {
  await withMcp(async (app) => {
    const { waiting } = app.clock;
    for (const asking of [ask, askOlder]) {
      const begun = stuck(app);
      const gone = new AbortController();
      const reply = asking(app, "tools/call", SEARCH, { signal: gone.signal });
      await begun;
      gone.abort();
      assert.equal((await reply).status, 499);
      assert.equal(app.clock.waiting, waiting, "nothing waits for it any more");
    }
    assert.deepEqual(app.logged.filter((line) => line.includes('"unexpected"')), []);
  });
});
