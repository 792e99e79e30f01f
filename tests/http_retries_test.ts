/** One effect for one `Idempotency-Key`, for every write, at once, later, and after a restart. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import {
  type Asked,
  CANARY,
  HttpApp,
  type Json,
  problemOf,
  type Reply,
  withApp,
} from "./http_app.ts";

const headers = { "idempotency-key": `${CANARY}-1` };
const PATH = `/memories/${idOf(1)}`;
const DAY_MS = 24 * 3_600_000;

const REUSED = problemOf(
  "invalid",
  422,
  "Cannot carry out the request: its Idempotency-Key was used for another one; send a new key",
);

/** Writes that can be asked for again, each after a memory was made. */
const WRITES: readonly [string, string, Asked][] = [
  ["POST", "/memories", {
    json: { content: `${CANARY} two`, metadata: { a: 1 }, embedding: [1, 2] },
  }],
  ["PUT", PATH, { json: { content: "put", tags: ["a"] } }],
  ["PATCH", PATH, { json: { metadata: { n: 1 } } }],
  ["DELETE", PATH, {}],
  ["POST", "/import?on_conflict=overwrite", {
    json: [{ content: "in" }, { content: "over", id: idOf(1) }],
  }],
];

function told({ status, headers, body }: Reply): Json {
  return { status, body, etag: headers.get("etag"), location: headers.get("location") };
}

Deno.test("every write that is asked for again has one effect and gets the same answer", async () => {
  for (const [method, path, asked] of WRITES) {
    await withApp(async (app) => {
      await app.done(201, "POST", "/memories", { json: { content: "one" } });
      const first = await app.call(method, path, { ...asked, headers });
      assert.ok(first.status < 300, first.text);
      const all = await app.done(200, "GET", "/memories");
      await app.clock.leap(DAY_MS - 1);
      const again = await Promise.all(
        Array.from({ length: 10 }, () => app.call(method, path, { ...asked, headers })),
      );
      for (const reply of again) assert.deepEqual(told(reply), told(first));
      assert.deepEqual(await app.done(200, "GET", "/memories"), all);
    });
  }
});

Deno.test("the same key for anything else is refused, and nothing happens", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "one" }, headers });
    const all = await app.done(200, "GET", "/memories");
    const others: [string, string, Asked][] = [
      ...WRITES,
      ["POST", "/memories", { json: { content: "two" } }],
      ["POST", "/memories", { body: '{ "content":"one"}', type: "application/json" }],
    ];
    for (const [method, path, asked] of others) {
      assert.deepEqual(await app.done(422, method, path, { ...asked, headers }), REUSED);
    }
    const more = { ...headers, "if-match": "*" };
    await app.done(200, "PUT", PATH, { json: {}, headers: { "idempotency-key": "2" } });
    await app.done(422, "PUT", PATH, { json: {}, headers: { ...more, "idempotency-key": "2" } });
    assert.equal((await app.done(200, "GET", "/memories")).total, all.total);
  });
});

Deno.test("the same key for another import file is refused", async () => {
  await withApp(async (app) => {
    await app.done(200, "POST", "/import", { json: [{ content: "a" }], headers });
    const other = { json: [{ content: "b" }], headers };
    assert.deepEqual(await app.done(422, "POST", "/import", other), REUSED);
    const report = await app.done(200, "POST", "/import", { json: [{ content: "a" }], headers });
    assert.equal(report.imported, 1);
    assert.equal((await app.ids()).length, 1);
  });
});

Deno.test("a hundred at once make one memory and get one answer", async () => {
  await withApp(async (app) => {
    const json = { content: CANARY };
    const replies = await Promise.all(
      Array.from({ length: 100 }, () => app.call("POST", "/memories", { json, headers })),
    );
    assert.equal(new Set(replies.map((reply) => JSON.stringify(told(reply)))).size, 1);
    assert.equal(replies[0]?.status, 201);
    assert.equal((await app.ids()).length, 1);
  });
});

Deno.test("after 24 hours the key is free again", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "a" }, headers });
    await app.clock.leap(DAY_MS);
    await app.done(422, "POST", "/memories", { json: { content: "b" }, headers });
    await app.clock.advance(1);
    await app.done(201, "POST", "/memories", { json: { content: "b" }, headers });
    assert.equal((await app.ids()).length, 2);
    await app.done(422, "POST", "/memories", { json: { content: "a" }, headers });
  });
});

Deno.test("an answer survives a kill and a clean stop", async () => {
  for (const [method, path, asked] of WRITES) {
    const first = new HttpApp();
    await first.brain.open();
    await first.done(201, "POST", "/memories", { json: { content: "one" } });
    const reply = await first.call(method, path, { ...asked, headers });
    const all = await first.done(200, "GET", "/memories");
    const { clock } = first;
    const killed = new HttpApp({ disk: first.disk.afterKill(), clock, firstId: 100 });
    await killed.brain.open();
    assert.deepEqual(told(await killed.call(method, path, { ...asked, headers })), told(reply));
    await killed.brain.close();
    const stopped = new HttpApp({ disk: first.disk, clock, firstId: 200 });
    await stopped.brain.open();
    assert.deepEqual(told(await stopped.call(method, path, { ...asked, headers })), told(reply));
    assert.deepEqual(await stopped.done(200, "GET", "/memories"), all);
    await stopped.brain.close();
  }
});

Deno.test("a request that failed may be sent again with its key", async () => {
  await withApp(async (app) => {
    const json = { content: "x", id: idOf(1) };
    const put = { json: { content: "late" }, headers };
    await app.done(404, "PUT", PATH, put);
    await app.done(201, "POST", "/memories", { json });
    await app.done(412, "PUT", PATH, { ...put, headers: { ...headers, "if-match": '"x"' } });
    await app.done(422, "POST", "/import", { json: [{}], headers });
    assert.equal((await app.done(200, "PUT", PATH, put)).content, "late");
  });
});

Deno.test("a key is 1 to 255 printable characters, for every route that takes one", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "one" } });
    for (const [method, path, asked] of WRITES) {
      for (const key of ["", "x".repeat(256), "\u00e9", "a\tb"]) {
        const refused = { ...asked, headers: { "idempotency-key": key } };
        assert.deepEqual(
          await app.done(400, method, path, refused),
          problemOf(
            "malformed",
            400,
            "Cannot read the Idempotency-Key: it must be 1 to 255 printable ASCII characters",
          ),
        );
      }
    }
    const longest = { "idempotency-key": "~".repeat(255) };
    await app.done(201, "POST", "/memories", { json: { content: "x" }, headers: longest });
  });
});

Deno.test("a dry run keeps no answer", async () => {
  await withApp(async (app) => {
    const asked = { json: [{ content: "a", id: idOf(9) }], headers };
    const first = await app.done(200, "POST", "/import?dry_run=true", asked);
    assert.deepEqual([first.imported, first.dry_run], [1, true]);
    await app.done(201, "POST", "/memories", { json: { content: "a", id: idOf(9) } });
    const second = await app.done(200, "POST", "/import?dry_run=true", asked);
    assert.deepEqual([second.imported, second.skipped], [0, 1]);
  });
});

Deno.test("what was deleted lives on in no answer to a retry, and is not made anew by one", async () => {
  await withApp(async (app) => {
    const json = { content: "TOPSECRET forgotten" };
    const { id } = await app.done(201, "POST", "/memories", { json, headers });
    await app.done(204, "DELETE", `/memories/${id}`);
    const detail =
      `Cannot give the answer again: it was done, and the memory "${id}" deleted since`;
    assert.deepEqual(
      await app.done(409, "POST", "/memories", { json, headers }),
      problemOf("conflict", 409, detail),
    );
    assert.equal((await app.done(200, "GET", "/memories")).total, 0);
    await app.store.compact();
    const snapshot = app.disk.files().get("/data/memories.json") ?? assert.fail("no snapshot");
    assert.ok(!new TextDecoder().decode(snapshot).includes("TOPSECRET"));
  });
});
