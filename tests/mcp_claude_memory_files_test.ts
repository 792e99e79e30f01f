/** The files of Claude's memory tool, which are memories: what only this brain knows of them. */
import assert from "node:assert/strict";
import { claudeMemoryTools } from "../src/mcp/claude_memory.ts";
import { A, create, textAt, view, withMemory } from "./claude_memory_kit.ts";
import { type HttpApp, type Json, put, withApp } from "./http_app.ts";

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
    const { access_count } = await app.done(200, "GET", `/memories/${id}`);
    assert.equal(access_count, 2, "a view is a reading, as GET is");
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
      { source, filename: "/memories/a/." },
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

Deno.test("a directory that could only be renamed in part says how far it came", async () => {
  await withMemory(async (memory, app) => {
    for (const name of ["a", "b", "c"]) await memory(create(`/memories/d/${name}`, name));
    const new_path = `/memories/${"e".repeat(300)}`;
    await assert.rejects(memory({ command: "rename", old_path: "/memories/d", new_path }), {
      code: "insufficient_storage",
      message: /; 1 of 3 files were done before, go on with the others$/,
    });
    const { memories } = await app.done(200, "GET", "/memories?order=asc");
    assert.deepEqual(memories.map(({ metadata }: Json) => metadata.filename), [
      `${new_path}/a`,
      "/memories/d/b",
      "/memories/d/c",
    ]);
  }, { limits: { memories: 0, bytes: 1_500 } });
});

/** Adds a line as a careful client of the REST API does. */
async function addByRest(app: HttpApp, line: string): Promise<void> {
  const { memories: [{ id }] } = await app.done(200, "GET", "/memories");
  for (;;) {
    const { headers, body } = await app.call("GET", `/memories/${id}`);
    const { status } = await app.call("PUT", `/memories/${id}`, {
      json: { content: `${body.content}\n${line}` },
      headers: { "If-Match": headers.get("etag") ?? "" },
    });
    if (status === 200) return;
    assert.equal(status, 412);
  }
}

Deno.test("what a person writes at the same moment is not lost, nor is what the tool writes", async () => {
  await withMemory(async (memory, app) => {
    await memory(create(A, "first"));
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    await Promise.all(numbers.flatMap((n) => [
      addByRest(app, `rest ${n}`),
      memory({ command: "insert", path: A, insert_line: n % 2, insert_text: `tool ${n}` }),
    ]));
    const lines = (await textAt(memory, A)).split("\n").toSorted();
    const wanted = numbers.flatMap((n) => [`rest ${n}`, `tool ${n}`]);
    assert.deepEqual(lines, ["first", ...wanted].toSorted());
  });
});

Deno.test("who never gets his turn is told so, and does not try for ever", async () => {
  await withApp(async ({ brain: { listing, memories } }) => {
    let attempts = 0;
    const [tool] = claudeMemoryTools({
      listing,
      memories: {
        create: (input) => memories.create(input),
        read: (id) => memories.read(id),
        delete: (id, precondition) => memories.delete(id, precondition),
        // Somebody was quicker, each time.
        patch: (id, patch) => memories.patch(id, patch, () => ++attempts < 0),
      },
    });
    const { signal } = new AbortController();
    await tool?.call(create(A, "x"), signal);
    const insert = { command: "insert", path: A, insert_line: 0, insert_text: "y" };
    await assert.rejects(async () => await tool?.call(insert, signal), {
      code: "precondition_failed",
      message: "Cannot change the file: others keep changing its memory; try again",
    });
    assert.equal(attempts, 50);
  });
});

Deno.test("what is deleted while its directory is renamed is just gone", async () => {
  await withMemory(async (memory, app) => {
    for (const name of ["a", "b", "c"]) await memory(create(`/memories/d/${name}`, name));
    const [id] = await app.ids();
    const [renamed] = await Promise.all([
      memory({ command: "rename", old_path: "/memories/d", new_path: "/memories/e" }),
      app.done(204, "DELETE", `/memories/${id}`),
    ]);
    assert.equal(renamed, "Successfully renamed /memories/d to /memories/e");
    const left = await app.done(200, "GET", "/memories?order=asc");
    assert.deepEqual(left.memories.map(({ metadata }: Json) => metadata.filename), [
      "/memories/e/a",
      "/memories/e/b",
    ]);
  });
});

Deno.test("what a person moves away while its directory is deleted stays", async () => {
  await withMemory(async (memory, app) => {
    for (const name of ["a", "b"]) await memory(create(`/memories/d/${name}`, name));
    const [id = ""] = await app.ids();
    const moved = { metadata: { filename: A } };
    await Promise.all([
      // Begun, and not on the disk yet, when the other looks.
      app.brain.memories.patch(id, moved, () => true),
      memory({ command: "delete", path: "/memories/d" }),
    ]);
    assert.deepEqual(await app.ids(), [id]);
    assert.equal(await textAt(memory, A), "b");
  });
});

Deno.test("a directory is not renamed where a path in it would be too long", async () => {
  await withMemory(async (memory, app) => {
    await memory(create(`/memories/d/${"a".repeat(500)}`, "x"));
    const before = await app.done(200, "GET", "/memories");
    const new_path = `/memories/${"b".repeat(500)}`;
    const { error } = await memory({ command: "rename", old_path: "/memories/d", new_path });
    assert.match(error, /^Error: The path .* is too long: use at most 1,000 characters$/);
    assert.deepEqual(await app.done(200, "GET", "/memories"), before);
  });
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
