/** What ChatGPT's connectors read by: `search` and `fetch`, in the shapes that it wants. */
import assert from "node:assert/strict";
import { z } from "zod";
import { chatgptTools } from "../src/mcp/chatgpt.ts";
import { type HttpApp, type Json, put, withApp } from "./http_app.ts";

const url = z.httpUrl().or(z.literal(""));
const link = { id: z.uuid(), title: z.string().min(1), url };

/** As the documentation of ChatGPT's makers has them. */
const SHAPES: Readonly<Record<string, z.ZodType>> = {
  search: z.strictObject({ results: z.array(z.strictObject(link)) }),
  fetch: z.strictObject({
    ...link,
    text: z.string(),
    metadata: z.record(z.string(), z.string()),
  }),
};

/** Gives the data of a call; the text is the same as JSON. */
async function call({ brain }: HttpApp, name: string, args: Json): Promise<Json> {
  const tool = chatgptTools(brain).find((tool) => tool.name === name);
  const result = await tool?.call(args, new AbortController().signal);
  assert.deepEqual(JSON.parse(result?.text ?? ""), result?.structured);
  SHAPES[name]?.parse(result?.structured);
  return result?.structured;
}

Deno.test("a search gives ids and titles, the best first, and a fetch the whole text", async () => {
  await withApp(async (app) => {
    const content = "# The fence\n\nCedar posts.\n> not pine";
    const id = await put(app, { content, tags: ["house", "garden"], importance_score: 0.7 });
    const other = await put(app, { content: "A cedar chest." });
    assert.deepEqual(await call(app, "search", { query: "cedar fence" }), {
      results: [{ id, title: "The fence", url: "" }, {
        id: other,
        title: "A cedar chest.",
        url: "",
      }],
    });
    assert.deepEqual(await call(app, "fetch", { id: id.toUpperCase() }), {
      id,
      title: "The fence",
      text: content,
      url: "",
      metadata: {
        memory_type: "semantic",
        importance_score: "0.7",
        tags: "house, garden",
        created_at: "2026-01-31T12:00:00.000Z",
        updated_at: "2026-01-31T12:00:00.000Z",
      },
    });
    const { access_count } = await app.done(200, "GET", `/memories/${id}`);
    assert.equal(access_count, 2, "a fetch is a reading, as GET is");
  });
});

const ADDRESS = "https://example.com/a?b#c";

/** Metadata, and what a reader is told as the title and the address. */
const LINKS: readonly (readonly [Json, string, string])[] = [
  [{}, "content", ""],
  [{ title: "  A title\nand more" }, "A title", ""],
  [{ title: " " }, "content", ""],
  [{ title: ["a"] }, "content", ""],
  [{ title: "\u2028 a\tb \x85c" }, "a\tb", ""],
  [{ title: "\x01" }, "(no title)", ""],
  [{ url: ADDRESS }, "content", ADDRESS],
  [{ source_url: ADDRESS }, "content", ADDRESS],
  [{ source: ADDRESS }, "content", ADDRESS],
  [{ source: "phone" }, "content", ""],
  [{ url: "http://example.com/" }, "content", "http://example.com/"],
  [{ url: "javascript:alert(1)" }, "content", ""],
  [{ url: "file:///etc/passwd" }, "content", ""],
  [{ url: "data:text/html,x" }, "content", ""],
  [{ url: "https://user:secret@example.com/" }, "content", ""],
  [{ url: "/relative" }, "content", ""],
  [{ url: 7 }, "content", ""],
];

Deno.test("a title is what a memory is called, and an address one that a person can open", async () => {
  await withApp(async (app) => {
    for (const [metadata, title, url] of LINKS) {
      const id = await put(app, { content: "content", metadata });
      const fetched = await call(app, "fetch", { id });
      assert.deepEqual([fetched.title, fetched.url], [title, url], JSON.stringify(metadata));
    }
  });
});

Deno.test("a long beginning is cut between characters, and an empty line is none", async () => {
  await withApp(async (app) => {
    const family = "👨‍👩‍👧‍👦";
    const id = await put(app, { content: `\n \n${"a".repeat(75)}${family}${family}\nb` });
    const { title } = await call(app, "fetch", { id });
    assert.equal(title, `${"a".repeat(75)}…`);
  });
});

Deno.test("what stands in the metadata is told as texts, and the memory's own fields stay", async () => {
  await withApp(async (app) => {
    const metadata = JSON.parse(
      '{"__proto__":"p","n":1,"yes":true,"no":null,"list":[1],"tags":"mine","of":{"a":1}}',
    );
    const id = await put(app, { content: "x", metadata });
    const told = (await call(app, "fetch", { id })).metadata;
    const { memory_type: _, importance_score: _score, ...rest } = told;
    assert.deepEqual(Object.entries(rest), [
      ["__proto__", "p"],
      ["n", "1"],
      ["yes", "true"],
      ["tags", ""],
      ["created_at", "2026-01-31T12:00:00.000Z"],
      ["updated_at", "2026-01-31T12:00:00.000Z"],
    ]);
  });
});

Deno.test("who asks for nothing finds nothing, and there are no more than twenty results", async () => {
  await withApp(async (app) => {
    for (let n = 0; n < 25; n++) await put(app, { content: `cedar ${n}` });
    assert.deepEqual(await call(app, "search", { query: " \n" }), { results: [] });
    assert.equal((await call(app, "search", { query: "cedar" })).results.length, 20);
    assert.deepEqual(await call(app, "search", { query: "pine" }), { results: [] });
  });
});

const SEARCHES = "Cannot search: send one `query` of at most 10,000 characters, and nothing else";
const FETCHES = "Cannot fetch: send one `id` that `search` gave, nothing else";
const UNKNOWN = "01990000-0000-7000-8000-000000000099";

/** What is asked wrongly, and the error. */
const MISTAKES: readonly (readonly [string, Json, string, string])[] = [
  ["search", {}, "invalid", SEARCHES],
  ["search", { q: "cedar" }, "invalid", SEARCHES],
  ["search", { query: 7 }, "invalid", SEARCHES],
  ["search", { query: "a", limit: 3 }, "invalid", SEARCHES],
  ["search", { query: "a".repeat(10_001) }, "invalid", SEARCHES],
  ["fetch", {}, "invalid", FETCHES],
  ["fetch", { id: "doc-1" }, "invalid", FETCHES],
  ["fetch", { id: UNKNOWN, full: true }, "invalid", FETCHES],
  [
    "fetch",
    { id: UNKNOWN },
    "not_found",
    `Cannot find the memory: there is none with the id "${UNKNOWN}"`,
  ],
];

Deno.test("what is asked wrongly is told so, with the way out", async () => {
  await withApp(async (app) => {
    for (const [name, args, code, message] of MISTAKES) {
      await assert.rejects(call(app, name, args), { code, message }, JSON.stringify(args));
    }
  });
});

Deno.test("both are for reading, and take exactly the one string that ChatGPT looks for", async () => {
  await withApp(({ brain }) => {
    const told = chatgptTools(brain).map(({ name, scope, inputSchema, annotations }) => {
      const { properties, required } = z.object({
        properties: z.record(z.string(), z.object({ type: z.string() })),
        required: z.array(z.string()),
      }).parse(inputSchema);
      return { name, scope, properties, required, readOnly: annotations.readOnlyHint };
    });
    const string = { type: "string" };
    assert.deepEqual(told, [
      {
        name: "search",
        scope: "read",
        properties: { query: string },
        required: ["query"],
        readOnly: true,
      },
      {
        name: "fetch",
        scope: "read",
        properties: { id: string },
        required: ["id"],
        readOnly: true,
      },
    ]);
    return Promise.resolve();
  });
});
