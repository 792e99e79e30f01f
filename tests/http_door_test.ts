/** The door: who gets in, before anything else of a request is looked at. */
import assert from "node:assert/strict";
import { HttpApp, KEY, problemOf, withApp } from "./http_app.ts";

const ID = "01990000-0000-7000-8000-000000000001";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const WRONG = KEY.slice(0, -1) + "X";

const NO_KEY = problemOf(
  "unauthorized",
  401,
  "Cannot let this request in: send the container's key as " +
    '"Authorization: Bearer KEY" or "X-API-Key: KEY"',
);

const NO_KEY_HEADERS = [
  "cache-control",
  "content-security-policy",
  "content-type",
  "www-authenticate",
  "x-content-type-options",
  "x-request-id",
];

/** Headers that must not let anybody in. */
const REFUSED: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["none", {}],
  ["a wrong bearer", { authorization: `Bearer ${WRONG}` }],
  ["a wrong header", { "x-api-key": WRONG }],
  ["an empty bearer", { authorization: "Bearer " }],
  ["only the scheme", { authorization: "Bearer" }],
  ["an empty header", { "x-api-key": "" }],
  ["the key without a scheme", { authorization: KEY }],
  ["another scheme", { authorization: `Basic ${btoa(`key:${KEY}`)}` }],
  ["another scheme beside the right key", { authorization: "Basic x", "x-api-key": KEY }],
  ["the key and more", { authorization: `Bearer ${KEY} more` }],
  ["two keys in one header", { authorization: `Bearer ${KEY}, Bearer ${WRONG}` }],
  ["the right key twice", { "x-api-key": `${KEY}, ${KEY}` }],
  ["half a key", { "x-api-key": KEY.slice(0, 8) }],
  ["the key but for its last character", { "x-api-key": KEY.slice(0, -1) }],
  ["the key but for its first character", { authorization: `Bearer ${KEY.slice(1)}` }],
  ["the key in small letters", { authorization: `Bearer ${KEY.toLowerCase()}` }],
  ["the key in a cookie", { cookie: `key=${KEY}; authorization=Bearer ${KEY}; api_key=${KEY}` }],
  ["the key in headers that others use", {
    "api-key": KEY,
    "proxy-authorization": `Bearer ${KEY}`,
  }],
  ["the key in quotes", { authorization: `Bearer "${KEY}"` }],
  ["the key in percent signs", { "x-api-key": encodeURIComponent(KEY).replaceAll("-", "%2d") }],
  ["the key in capitals", { "x-api-key": KEY.toUpperCase() }],
  ["a key that begins like it", { "x-api-key": KEY + "0" }],
  ["a long key", { "x-api-key": KEY.repeat(100) }],
  ["a key beyond ASCII", { "x-api-key": KEY + "\u00e9" }],
  ["two keys that differ", { authorization: `Bearer ${KEY}`, "x-api-key": WRONG }],
  ["two keys that differ, the other way", {
    authorization: `Bearer ${WRONG}`,
    "x-api-key": KEY,
  }],
];

/** A body that says whether anybody looked at it. */
function untouched(): { body: ReadableStream<Uint8Array>; pulled: () => number } {
  let pulls = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    pulls++;
    controller.enqueue(new Uint8Array(1));
  };
  return { body: new ReadableStream({ pull }, { highWaterMark: 0 }), pulled: () => pulls };
}

const hasBody = (method: string) => !["GET", "HEAD"].includes(method);
const concrete = (path: string) => path.replace("{id}", ID);

Deno.test("every path and method but the open ones is shut to every kind of wrong key", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { id: ID, content: "x" } });
    const open = app.app.routes.filter((route) => route.open).map(({ path }) => path);
    assert.deepEqual(open, ["/health", "/health/live", "/health/ready", "/docs"]);
    const paths = [...new Set(app.app.routes.map(({ path }) => path)), "/", "/nowhere", "/docs/x"];
    let asked = 0;
    for (const path of paths) {
      for (const method of METHODS) {
        if (open.includes(path) && ["GET", "HEAD"].includes(method)) continue;
        for (const [kind, headers] of REFUSED) {
          const { body, pulled } = untouched();
          const url = `${concrete(path)}?api_key=${KEY}&key=${KEY}`;
          // So many wrong keys are answered at once; after a while as many again.
          if (asked % 20 === 0) await app.clock.advance(2_000);
          const reply = await app.call(method, url, {
            key: null,
            headers,
            ...(hasBody(method) && { body, type: "text/nonsense" }),
          });
          const { status, body: said } = reply;
          const names = [...reply.headers.keys()];
          assert.deepEqual({ method, path, kind, status, said, names }, {
            method,
            path,
            kind,
            status: 401,
            said: method === "HEAD" ? undefined : NO_KEY,
            names: NO_KEY_HEADERS,
          });
          assert.equal(pulled(), 0, `${method} ${path}: the body was read`);
          asked++;
        }
      }
    }
    assert.equal(asked, (paths.length * METHODS.length - 4 * 2) * REFUSED.length);
    console.log(
      `${asked} requests: ${paths.length} paths, ${METHODS.length} methods, ${REFUSED.length} wrong keys`,
    );
    assert.deepEqual(await app.ids(), [ID]);
  });
});

Deno.test("a key of a megabyte is a wrong one", async () => {
  await withApp(async (app) => {
    const megabyte = KEY.repeat(Math.ceil((1 << 20) / KEY.length));
    for (const headers of [{ "x-api-key": megabyte }, { authorization: `Bearer ${megabyte}` }]) {
      assert.deepEqual(await app.done(401, "GET", "/stats", { key: null, headers }), NO_KEY);
    }
  });
});

Deno.test("the right key opens in either header, in both, and in any spelling of the scheme", async () => {
  await withApp(async (app) => {
    for (
      const headers of [
        { authorization: `Bearer ${KEY}` },
        { authorization: `bearer ${KEY}` },
        { authorization: `BEARER   ${KEY}` },
        { "x-api-key": KEY },
        { authorization: `Bearer ${KEY}`, "x-api-key": KEY },
      ]
    ) {
      await app.done(200, "GET", "/stats", { key: null, headers });
    }
  });
});

Deno.test("the open routes answer without a key, and tell a stranger no number of memories", async () => {
  await withApp(async (app) => {
    await app.done(201, "POST", "/memories", { json: { content: "x" } });
    for (const path of ["/health", "/health/live", "/health/ready", "/docs"]) {
      const { text } = await app.call("GET", path, { key: null });
      assert.ok(!/total|count":|bytes/.test(path === "/docs" ? "" : text), text);
      assert.equal((await app.call("HEAD", path, { key: null })).text, "");
    }
  });
});

Deno.test("a path that is not there is 404, a method that is not there 405 with those that are", async () => {
  await withApp(async (app) => {
    const table: [string, string, string][] = [
      ["PUT", "/memories", "POST, GET, HEAD"],
      ["POST", `/memories/${ID}`, "GET, PUT, PATCH, DELETE, HEAD"],
      ["GET", "/search", "POST"],
      ["HEAD", "/search", "POST"],
      ["DELETE", "/export", "POST"],
      ["OPTIONS", "/import", "POST"],
      ["POST", "/health", "GET, HEAD"],
      ["POST", "/health/live", "GET, HEAD"],
      ["PATCH", "/docs", "GET, HEAD"],
      ["PURGE", "/stats", "GET, HEAD"],
    ];
    for (const [method, path, allow] of table) {
      const { status, headers, body } = await app.call(method, path);
      const detail = `Cannot answer: the path allows ${allow} only`;
      const wanted = method === "HEAD" ? undefined : problemOf("method_not_allowed", 405, detail);
      assert.deepEqual([method, path, status, headers.get("allow"), body], [
        method,
        path,
        405,
        allow,
        wanted,
      ]);
    }
    for (
      const path of [
        "/",
        "/memory",
        "/memories/x/y",
        "/MEMORIES",
        "//memories",
        "/memories//",
        "/health/no",
      ]
    ) {
      assert.deepEqual(
        await app.done(404, "GET", path),
        problemOf("not_found", 404, "Cannot answer: there is no such path"),
      );
    }
    await app.done(200, "GET", "/memories/");
    await app.done(200, "GET", "/health/");
  });
});

Deno.test("a sane request id comes back, any other is replaced", async () => {
  await withApp(async (app) => {
    const idFor = async (id: string) =>
      (await app.call("GET", "/health", { headers: { "X-Request-ID": id } })).headers
        .get("x-request-id");
    assert.equal(await idFor("abc-1.2:3_4"), "abc-1.2:3_4");
    assert.equal(await idFor("a".repeat(128)), "a".repeat(128));
    for (const id of ["", "a b", "a".repeat(129), 'x"y', "\u00e9", "{}"]) {
      assert.match(await idFor(id) ?? "", /^request-\d+$/);
    }
  });
});

Deno.test("over the rate the answer is 429 with the wait, and after the wait it is let in", async () => {
  await withApp(async (app) => {
    for (let n = 0; n < 3; n++) await app.done(200, "GET", "/stats");
    const { status, headers, body } = await app.call("GET", "/stats");
    assert.deepEqual([status, headers.get("retry-after"), body], [
      429,
      "20",
      problemOf("rate_limited", 429, "Cannot answer now: more than 3 requests in a minute"),
    ]);
    for (let n = 0; n < 5; n++) {
      await app.done(200, "GET", "/health/ready", { key: null });
      // A stranger cannot use up what is the owner's.
      await app.done(401, "GET", "/stats", { key: "wrong" });
    }
    await app.clock.advance(19_999);
    await app.done(429, "GET", "/stats");
    await app.clock.advance(1);
    await app.done(200, "GET", "/stats");
    await app.done(429, "GET", "/stats");
    await app.clock.advance(3_600_000);
    for (let n = 0; n < 3; n++) await app.done(200, "GET", "/stats");
    await app.done(429, "GET", "/stats");
  }, { requestsPerMinute: 3 });
});

Deno.test("while the data is loaded and while it stops, everything but the probes says 503", async () => {
  const app = new HttpApp();
  const refuses = async (why: string, phase: string) => {
    for (const { method, path, open } of app.app.routes) {
      if (open) continue;
      const { status, headers, body } = await app.call(method, concrete(path), {
        ...(hasBody(method) && { json: {} }),
      });
      assert.deepEqual([path, status, headers.get("retry-after"), body], [
        path,
        503,
        "1",
        problemOf("not_ready", 503, `Cannot answer now: ${why}`),
      ]);
    }
    const key = null;
    assert.deepEqual(await app.done(200, "GET", "/health/live", { key }), { status: "ok" });
    assert.deepEqual(await app.done(503, "GET", "/health/ready", { key }), { status: phase });
    const { status, checks } = await app.done(503, "GET", "/health", { key });
    assert.deepEqual([status, checks.service], ["error", phase]);
    await app.done(401, "GET", "/stats", { key });
  };
  await refuses("the data is still being loaded", "loading");
  await app.brain.open();
  await app.done(200, "GET", "/health/ready");
  await app.done(201, "POST", "/memories", { json: { content: "x" } });
  app.brain.stopTaking();
  await refuses("the service is stopping", "stopping");
  await app.brain.close();
});

Deno.test("an error that nobody foresaw tells the caller nothing and the log where", async () => {
  await withApp(async (app) => {
    const list = app.brain.listing;
    list.list = () => Promise.reject(new Error("canary7Qx /data/secret"));
    assert.deepEqual(await app.done(500, "GET", "/memories"), {
      type: "urn:second-brain:error:internal",
      title: "Something went wrong",
      status: 500,
      detail: "Cannot answer: an unexpected error happened; it was logged",
    });
    const line = JSON.parse(app.logged.find((text) => text.includes("unexpected")) ?? "{}");
    assert.deepEqual([line.level, line.name], ["error", "Error"]);
    assert.match(line.at, /^at .*http_door_test\.ts:\d+:\d+/);
  });
});
