/** `/memories/{id}`: read, replaced, patched, deleted, and only in the version that was seen. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type HttpApp, type Json, NOW, problemOf, withApp } from "./http_app.ts";

const LATER = "2026-01-31T12:00:01.000Z";
const PATH = `/memories/${idOf(1)}`;
const FULL = {
  content: CANARY,
  memory_type: "episodic",
  importance_score: 0.9,
  tags: ["a", "b"],
  metadata: { a: { b: 1, c: 2 }, d: [1] },
};
const DEFAULTS = { memory_type: "semantic", importance_score: 0.5, tags: [], metadata: {} };

const SHOWN = {
  id: idOf(1),
  ...FULL,
  created_at: NOW,
  updated_at: NOW,
  last_accessed_at: null,
  access_count: 0,
};

const MISSING = problemOf(
  "not_found",
  404,
  `Cannot find the memory: there is none with the id "${idOf(7)}"`,
);

/** With one memory in it, a second after that was written. */
function withOne(test: (app: HttpApp, etag: string) => Promise<void>): Promise<void> {
  return withApp(async (app) => {
    const { headers } = await app.call("POST", "/memories", { json: FULL });
    await app.clock.advance(1000);
    await test(app, headers.get("etag") ?? "");
  });
}

Deno.test("PUT replaces what is sent and leaves the rest, PATCH merges as RFC 7396 says", async () => {
  const table: [string, Json, Json][] = [
    ["PUT", {}, {}],
    ["PUT", { content: "new" }, { content: "new" }],
    ["PUT", { tags: [" x ", "x"], importance_score: 0 }, { tags: ["x"], importance_score: 0 }],
    ["PUT", { metadata: { d: null } }, { metadata: { d: null } }],
    ["PUT", { metadata: {} }, { metadata: {} }],
    ["PUT", { memory_type: "procedural", tags: [] }, { memory_type: "procedural", tags: [] }],
    ["PATCH", {}, {}],
    ["PATCH", { content: "new", tags: ["c"] }, { content: "new", tags: ["c"] }],
    ["PATCH", { metadata: {} }, {}],
    ["PATCH", { metadata: { d: null } }, { metadata: { a: { b: 1, c: 2 } } }],
    ["PATCH", { metadata: { a: { b: null, e: {} } } }, {
      metadata: { a: { c: 2, e: {} }, d: [1] },
    }],
    ["PATCH", { metadata: { a: 5, x: { y: null } } }, { metadata: { a: 5, d: [1], x: {} } }],
    ["PATCH", { metadata: { d: { n: 1 } } }, { metadata: { a: { b: 1, c: 2 }, d: { n: 1 } } }],
    ["PATCH", { metadata: null }, { metadata: {} }],
    ["PATCH", { memory_type: null, importance_score: null, tags: null, metadata: null }, DEFAULTS],
  ];
  for (const [method, json, changed] of table) {
    await withOne(async (app, etag) => {
      const { status, body, headers } = await app.call(method, PATH, { json });
      const wanted = { ...SHOWN, ...changed, updated_at: LATER };
      assert.deepEqual({ status, body }, { status: 200, body: wanted });
      const isSame = JSON.stringify({ ...SHOWN, ...changed }) === JSON.stringify(SHOWN);
      assert.equal(headers.get("etag") === etag, isSame, `${method} ${JSON.stringify(json)}`);
      const read = await app.call("GET", PATH);
      const accessed = { access_count: 1, last_accessed_at: LATER };
      assert.deepEqual(read.body, { ...wanted, ...accessed });
      assert.equal(read.headers.get("etag"), headers.get("etag"));
    });
  }
});

Deno.test("a merge keeps `__proto__` as data, and a merge that grows too large is refused", async () => {
  await withOne(async (app) => {
    const body = '{"metadata":{"__proto__":{"polluted":1},"a":null,"d":null}}';
    const patched = await app.call("PATCH", PATH, { body, type: "application/merge-patch+json" });
    assert.equal(JSON.stringify(patched.body.metadata), '{"__proto__":{"polluted":1}}');
    const grow = (key: string) => ({ json: { metadata: { [key]: "y".repeat(33_000) } } });
    await app.done(200, "PATCH", PATH, grow("x"));
    const message = "must be at most 65536 bytes of JSON";
    assert.deepEqual(
      await app.done(422, "PATCH", PATH, grow("z")),
      problemOf("invalid", 422, `Cannot merge the metadata: the result ${message}`, [
        { path: "/metadata", message },
      ]),
    );
    const { metadata } = await app.done(200, "GET", PATH);
    assert.deepEqual(Object.keys(metadata), ["__proto__", "x"]);
  });
});

Deno.test("what PUT and PATCH do not take is refused and changes nothing", async () => {
  await withOne(async (app) => {
    const table: [string, Json, string][] = [
      ["PUT", { content: null }, "/content"],
      ["PUT", { tags: null }, "/tags"],
      ["PUT", { metadata: null }, "/metadata"],
      ["PUT", { id: idOf(1) }, "/id"],
      ["PUT", { created_at: NOW }, "/created_at"],
      ["PUT", { access_count: 0 }, "/access_count"],
      ["PATCH", { content: null }, "/content"],
      ["PATCH", { content: " " }, "/content"],
      ["PATCH", { id: idOf(1) }, "/id"],
      ["PATCH", { memory_type: "generic" }, "/memory_type"],
      ["PATCH", { metadata: [] }, "/metadata"],
    ];
    for (const [method, json, path] of table) {
      const { errors } = await app.done(422, method, PATH, { json });
      assert.deepEqual(errors.map((error: Json) => error.path), [path]);
    }
    for (const type of ["application/merge-patch+json", "application/json-patch+json"]) {
      await app.done(415, "PUT", PATH, { body: "{}", type });
    }
    assert.deepEqual((await app.done(200, "GET", "/memories")).memories, [SHOWN]);
  });
});

Deno.test("a memory that is not there is 404 for every method, and so is what is no id", async () => {
  await withOne(async (app) => {
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const asked = ["PUT", "PATCH"].includes(method) ? { json: {} } : {};
      assert.deepEqual(await app.done(404, method, `/memories/${idOf(7)}`, asked), MISSING);
      for (const id of ["x", "..%2f..%2fetc", "%00", "%ff", `${idOf(1)}x`, "constructor"]) {
        const { detail } = await app.done(404, method, `/memories/${id}`, asked);
        assert.match(detail, /^Cannot find ".*": its id is not a UUID$/);
      }
    }
    await app.done(404, "PUT", `/memories/${idOf(7)}`, { json: {}, headers: { "if-match": "*" } });
    await app.done(200, "GET", PATH.toUpperCase().replace("/MEMORIES", "/memories"));
  });
});

Deno.test("a deleted memory is gone from every route, and its id is free again", async () => {
  await withOne(async (app) => {
    const gone = await app.call("DELETE", PATH);
    assert.deepEqual([gone.status, gone.text, gone.headers.get("content-type")], [204, "", null]);
    await app.done(404, "GET", PATH);
    await app.done(404, "DELETE", PATH);
    assert.deepEqual(await app.ids(), []);
    const found = await app.done(200, "POST", "/search", { json: { query: CANARY } });
    assert.equal(found.total, 0);
    const body = await app.done(201, "POST", "/memories", { json: { content: "x", id: idOf(1) } });
    assert.deepEqual(body, {
      ...SHOWN,
      ...DEFAULTS,
      content: "x",
      created_at: LATER,
      updated_at: LATER,
    });
  });
});

Deno.test("an id that is taken is 409 and leaves the memory alone", async () => {
  await withOne(async (app) => {
    const json = { content: "other", id: idOf(1).toUpperCase() };
    assert.deepEqual(
      await app.done(409, "POST", "/memories", { json }),
      problemOf(
        "conflict",
        409,
        `Cannot create the memory: the id "${idOf(1)}" is taken; use PUT to change it`,
      ),
    );
    assert.deepEqual((await app.done(200, "GET", "/memories")).memories, [SHOWN]);
  });
});

Deno.test("of a hundred that create one id at once, one does", async () => {
  await withApp(async (app) => {
    const replies = await Promise.all(
      Array.from(
        { length: 100 },
        (_, n) => app.call("POST", "/memories", { json: { content: `${n}`, id: idOf(500) } }),
      ),
    );
    const made = replies.filter(({ status }) => status === 201);
    assert.deepEqual([made.length, replies.filter(({ status }) => status === 409).length], [1, 99]);
    assert.equal(
      (await app.done(200, "GET", "/memories")).memories[0].content,
      made[0]?.body.content,
    );
  });
});

Deno.test("If-Match lets a change through only in the version that was seen", async () => {
  const failed = problemOf(
    "precondition_failed",
    412,
    "Cannot change the memory: it was changed since; read it again and repeat with its new ETag",
  );
  const table: [(etag: string) => string, boolean][] = [
    [(etag) => etag, true],
    [() => "*", true],
    [() => " * ", true],
    [(etag) => `"x", ${etag}`, true],
    [(etag) => `${etag},"x"`, true],
    [(etag) => `W/${etag}`, false],
    [() => '"x"', false],
    [(etag) => etag.slice(1, -1), false],
    [() => '"x", "y"', false],
    [() => "", false],
  ];
  for (const method of ["PUT", "PATCH", "DELETE"]) {
    for (const [header, passes] of table) {
      await withOne(async (app, etag) => {
        // Reading counts, and is no change.
        await app.done(200, "GET", PATH);
        const asked = { headers: { "if-match": header(etag) } };
        const reply = await app.call(method, PATH, {
          ...asked,
          ...(method !== "DELETE" && { json: { content: "new" } }),
        });
        if (passes) return assert.equal(reply.status, method === "DELETE" ? 204 : 200);
        assert.deepEqual([reply.status, reply.body], [412, failed]);
        assert.equal((await app.done(200, "GET", PATH)).content, CANARY);
      });
    }
  }
});

Deno.test("of many changes to one version, exactly one is made", async () => {
  await withOne(async (app, etag) => {
    const headers = { "if-match": etag };
    const replies = await Promise.all(
      Array.from(
        { length: 50 },
        (_, n) => app.call("PUT", PATH, { headers, json: { content: `${n}` } }),
      ),
    );
    const done = replies.filter(({ status }) => status === 200);
    assert.deepEqual([done.length, replies.filter(({ status }) => status === 412).length], [1, 49]);
    assert.equal((await app.done(200, "GET", PATH)).content, done[0]?.body.content);
  });
});

Deno.test("patches of one memory at once lose nothing", async () => {
  await withOne(async (app) => {
    const replies = await Promise.all(
      Array.from(
        { length: 100 },
        (_, n) => app.call("PATCH", PATH, { json: { metadata: { [`k${n}`]: n } } }),
      ),
    );
    assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
    const { metadata } = await app.done(200, "GET", PATH);
    const wanted = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, n]));
    assert.deepEqual(metadata, { ...FULL.metadata, ...wanted });
  });
});

Deno.test("the version changes with every writable field, and with nothing else", async () => {
  await withOne(async (app, etag) => {
    const seen = new Set([etag]);
    const embeddings = [{ embedding: [1, 2] }, { embedding: [2, 1] }];
    const changes: Json[] = [
      { content: "x" },
      { memory_type: "procedural" },
      { importance_score: 0.1 },
      { tags: ["b", "a"] },
      { metadata: { a: 1 } },
      ...embeddings,
    ];
    for (const json of changes) {
      const { headers } = await app.call("PUT", PATH, { json });
      seen.add(headers.get("etag") ?? "");
    }
    assert.equal(seen.size, changes.length + 1);
    const back = { ...FULL, embedding: null };
    const { headers } = await app.call("PUT", PATH, { json: back });
    assert.equal(headers.get("etag"), etag);
  });
});
