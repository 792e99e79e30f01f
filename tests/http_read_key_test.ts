/** A key for reading: what it opens, and that nothing can be changed with it. */
import assert from "node:assert/strict";
import { CANARY, KEY, problemOf, put, withApp } from "./http_app.ts";

const READ_KEY = `${CANARY}-read-0123456789abcdef`;
const SETUP = { readKeys: [READ_KEY] };

/** By method and path, what a key for reading opens; each other route is shut. */
const READING: readonly (readonly [string, string, unknown?])[] = [
  ["GET", "/memories"],
  ["GET", "/memories/{id}"],
  ["GET", "/memories/{id}/related"],
  ["POST", "/search", { query: "fence" }],
  ["POST", "/context", { query: "fence", max_tokens: 100 }],
  ["GET", "/duplicates"],
  ["POST", "/export", {}],
  ["GET", "/stats"],
  ["GET", "/metrics"],
];

const REFUSED = problemOf(
  "forbidden",
  403,
  "Cannot do this with a key for reading: it changes something; use the container's own key",
);

Deno.test("a key for reading opens what only reads", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: "The fence gets cedar posts." });
    for (const [method, path, json] of READING) {
      const asked = { key: READ_KEY, ...(json !== undefined && { json }) };
      const { status, text } = await app.call(method, path.replace("{id}", id), asked);
      assert.equal(status, 200, `${method} ${path}: ${text}`);
    }
  }, SETUP);
});

Deno.test("it opens nothing that changes something, and nothing of the request is looked at", async () => {
  await withApp(async (app) => {
    const id = await put(app, { content: "The fence gets cedar posts." });
    const before = await app.done(200, "POST", "/export", { json: { include_embeddings: true } });
    const reads = new Set(READING.map(([method, path]) => `${method} ${path}`));
    const shut = app.app.routes.filter(({ open, method, path }) =>
      !open && !reads.has(`${method} ${path}`) && method !== "GET"
    );
    assert.ok(shut.length >= 6, `${shut.length}`);
    for (const { method, path } of shut) {
      const asked = { key: READ_KEY, body: "no JSON", type: "text/plain" };
      const reply = await app.call(method, path.replace("{id}", id), asked);
      assert.deepEqual([reply.status, reply.body], [403, REFUSED], `${method} ${path}`);
    }
    const file = { key: READ_KEY, json: { destination: "file" } };
    assert.deepEqual((await app.call("POST", "/export", file)).body, REFUSED);
    assert.deepEqual(
      await app.done(200, "GET", "/memories"),
      await app.done(200, "GET", "/memories"),
    );
    const after = await app.done(200, "POST", "/export", { json: { include_embeddings: true } });
    assert.deepEqual(after.memories, before.memories);
  }, SETUP);
});

Deno.test("without such a key set, there is none; the container's own does everything", async () => {
  for (const readKeys of [[], [""], [READ_KEY]]) {
    await withApp(async (app) => {
      const given = [READ_KEY, "", `${READ_KEY}x`].map((key) =>
        app.call("GET", "/memories", { key })
      );
      const statuses = (await Promise.all(given)).map(({ status }) => status);
      assert.deepEqual(statuses, [readKeys.includes(READ_KEY) ? 200 : 401, 401, 401]);
      await put(app, { content: "written" });
    }, { readKeys });
  }
});

Deno.test("a key that is set as both is for everything", async () => {
  await withApp((app) => put(app, { content: "written" }).then(() => {}), { readKeys: [KEY] });
});
