/** The files of Claude's memory tool, which are memories: what only this brain knows of them. */
import assert from "node:assert/strict";
import { claudeMemoryTools } from "../src/mcp/claude_memory.ts";
import { A, create, textAt, view, withMemory } from "./claude_memory_kit.ts";
import { put, withApp } from "./http_app.ts";

Deno.test("a file is a memory: search finds it by text and name, a person edits and deletes it", async () => {
  await withMemory(async (memory, app) => {
    await memory(create("/memories/garden/fence.md", "cedar posts, not pine"));
    for (const query of ["cedar", "fence"]) {
      const { results } = await app.done(200, "POST", "/search", { json: { query } });
      const [{ memory: { id, content, metadata } }] = results;
      assert.deepEqual([content, metadata], [
        "cedar posts, not pine",
        { source: "claude-memory", filename: "/memories/garden/fence.md" },
      ]);
      await app.done(200, "PATCH", `/memories/${id}`, { json: { tags: ["house"] } });
    }
    await memory({ command: "rename", old_path: "/memories/garden", new_path: "/memories/g" });
    await memory({
      command: "str_replace",
      path: "/memories/g/fence.md",
      old_str: "not pine",
      new_str: "never pine",
    });
    const { memories: [{ id, content, tags }] } = await app.done(200, "GET", "/memories");
    assert.deepEqual([content, tags], ["cedar posts, never pine", ["house"]]);
    await app.done(200, "PUT", `/memories/${id}`, { json: { content: "oak" } });
    assert.equal(await textAt(memory, "/memories/g/fence.md"), "oak");
    await app.done(204, "DELETE", `/memories/${id}`);
    assert.match((await memory(view("/memories/g"))).error, /does not exist/);
  });
});

Deno.test("an empty file is one, and what a person writes into its memory is its text", async () => {
  await withMemory(async (memory, app) => {
    await memory(create(A, ""));
    assert.equal(await textAt(memory, A), "");
    const { memories: [{ id, content }] } = await app.done(200, "GET", "/memories");
    assert.equal(content, "(empty file)");
    await app.done(200, "PUT", `/memories/${id}`, { json: { content: "by hand" } });
    assert.equal(await textAt(memory, A), "by hand");
    await memory({ command: "insert", path: A, insert_line: 1, insert_text: "more" });
    assert.equal(await textAt(memory, A), "by hand\nmore");
    const { metadata } = await app.done(200, "GET", `/memories/${id}`);
    assert.deepEqual(metadata, { source: "claude-memory", filename: A });
  });
});

Deno.test("a file holds what a memory can, and a larger one is refused with the way out", async () => {
  const most = "ü".repeat(100_000);
  const error = `Error: File ${A} would hold more than 100,000 characters; split it into several ` +
    "files";
  await withMemory(async (memory, app) => {
    assert.deepEqual(await memory(create(A, `${most}ü`)), { error });
    assert.match(await memory(create(A, most)), /^File created/);
    const insert = { command: "insert", path: A, insert_line: 0, insert_text: "" };
    assert.deepEqual(await memory(insert), { error });
    const blank = { error: error.replace("100,000 characters", "1,000 blanks") };
    const path = "/memories/blank";
    assert.deepEqual(await memory(create(path, "\n".repeat(1_001))), {
      error: blank.error.replace(A, path),
    });
    assert.equal((await app.ids()).length, 1);
  });
});

Deno.test("memories that only look like files are none, and of two at one path the older is it", async () => {
  await withMemory(async (memory, app) => {
    const source = "claude-memory";
    const none = [
      { filename: "/memories/a" },
      { source, filename: "/memories" },
      { source, filename: "/memories/" },
      { source, filename: "/memories//a" },
      { source, filename: "/memories/./a" },
      { source, filename: "/memories/../a" },
      { source, filename: "/etc/a" },
      { source, filename: 7 },
    ];
    for (const metadata of none) await put(app, { content: "no file", metadata });
    const root = "Here're the files and directories up to 2 levels deep in /memories, excluding " +
      "hidden items and node_modules:\n";
    assert.equal(await memory(view("/memories")), `${root}0B\t/memories`);
    for (const content of ["older", "newer"]) {
      await put(app, { content, metadata: { source, filename: A } });
    }
    await put(app, { content: "below", metadata: { source, filename: `${A}/b` } });
    assert.equal(await textAt(memory, A), "older");
    const tree = [`10B\t/memories`, `5B\t${A}`, `5B\t${A}/`, `5B\t${A}/b`];
    assert.equal(await memory(view("/memories")), root + tree.join("\n"));
    await memory({ command: "delete", path: A });
    assert.equal(await memory(view("/memories")), `${root}0B\t/memories`);
  });
});

Deno.test("of very many files the first thousand are listed, and how many there are besides", async () => {
  await withMemory(async (memory, app) => {
    const lines = Array.from({ length: 1_100 }, (_, n) => {
      const metadata = { source: "claude-memory", filename: `/memories/d/${1_000_000 + n}` };
      return JSON.stringify({ content: "x", metadata });
    });
    const imported = { body: lines.join("\n"), type: "application/x-ndjson" };
    await app.done(200, "POST", "/import", imported);
    const text = await memory(view("/memories"));
    assert.deepEqual([text.split("\n").length, text.split("\n").at(-1)], [
      1_003,
      "101 more are not shown: view the directories one by one",
    ]);
    await memory({ command: "rename", old_path: "/memories/d", new_path: "/memories/e" });
    assert.equal(await textAt(memory, "/memories/e/1001099"), "x");
    await memory({ command: "delete", path: "/memories/e" });
    assert.deepEqual(await app.ids(), []);
  });
});

Deno.test("a null is an argument left out, and a replacement left out deletes", async () => {
  await withMemory(async (memory) => {
    const nothing = { view_range: null, insert_line: null, old_path: null };
    await memory({ ...create(A, "one two"), ...nothing });
    await memory({ command: "str_replace", path: A, old_str: " two", new_str: null, ...nothing });
    assert.equal(await memory({ ...view(A), ...nothing }), await memory(view(A)));
    assert.equal(await textAt(memory, A), "one");
  });
});

Deno.test("where there is no room the memory's own error is told", async () => {
  await withMemory(async (memory) => {
    await memory(create(A, "x"));
    await assert.rejects(memory(create("/memories/b", "x")), { code: "insufficient_storage" });
    assert.equal(await textAt(memory, A), "x");
  }, { limits: { memories: 1, bytes: 0 } });
});

Deno.test("who has gone is not served when his turn comes", async () => {
  await withApp(async (app) => {
    const [tool] = claudeMemoryTools(app.brain);
    const gone = AbortSignal.abort();
    await assert.rejects(async () => await tool?.call(create(A, "x"), gone), {
      name: "AbortError",
    });
    assert.deepEqual(await app.ids(), []);
  });
});
