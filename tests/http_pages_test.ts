/** Web pages: which of them may ask (`Origin`), and by what names the service is asked (`Host`). */
import assert from "node:assert/strict";
import { CANARY, type HttpApp, KEY, problemOf, type Setup, withApp } from "./http_app.ts";

const NOTES = "https://notes.example.com";
const LISTED: Setup = { corsOrigins: [NOTES, "http://localhost:5173"] };

const FOREIGN = problemOf(
  "forbidden",
  403,
  "Cannot answer a page of another origin: its origin is not named in CORS_ORIGINS",
);
const ELSEWHERE = problemOf(
  "misdirected",
  421,
  "Cannot answer: the request is for another host; if this service goes by that name, " +
    "name it in ALLOWED_HOSTS",
);

/** None of them is `http://brain` or listed, however alike it looks. */
const FOREIGN_ORIGINS = [
  "https://evil.example",
  "null",
  "*",
  "",
  "brain",
  "http://brain:81",
  "http://brain.evil.example",
  "http://evil.example/brain",
  "http://brain@evil.example",
  "http://BRAIN",
  "http://brain/",
  "ftp://brain",
  "https://notes.example.com.evil.example",
  "https://notes.example.com:8443",
  "http://notes.example.com",
  "https://NOTES.example.com",
  "https://xnotes.example.com",
  "https://notes.example.com/",
  `${NOTES}, ${NOTES}`,
  `${NOTES} https://evil.example`,
  "chrome-extension://abcdefghijklmnop",
  "file://",
];

const allow = (headers: Headers) =>
  [...headers.keys()].filter((name) => name.startsWith("access-control") || name === "vary");

/** As `call`, for a host of one's own; a fetch to a path cannot name one. */
async function askAt(app: HttpApp, host: string, path = "/stats", init: RequestInit = {}) {
  const headers = { Authorization: `Bearer ${KEY}` };
  const reply = await app.app.fetch(new Request(`http://${host}${path}`, { headers, ...init }));
  return { status: reply.status, headers: reply.headers, body: await reply.json() };
}

Deno.test("nothing is said of origins unless some are listed", async () => {
  await withApp(async (app) => {
    for (const headers of [{}, { origin: "http://brain" }, { origin: NOTES }]) {
      const reply = await app.call("GET", "/stats", { headers });
      assert.deepEqual(allow(reply.headers), []);
      assert.equal(reply.status, "origin" in headers && headers.origin === NOTES ? 403 : 200);
    }
    const preflight = { origin: NOTES, "access-control-request-method": "POST" };
    const { status, headers } = await app.call("OPTIONS", "/memories", {
      key: null,
      headers: preflight,
    });
    assert.deepEqual([status, allow(headers)], [403, []]);
  });
});

Deno.test("a page of elsewhere is refused on every route, with the key and without, and may read nothing", async () => {
  for (const setup of [{}, LISTED]) {
    await withApp(async (app) => {
      const routes = [...app.app.routes, { method: "GET", path: "/nowhere" }];
      for (const { method, path } of routes) {
        for (const origin of FOREIGN_ORIGINS.slice(0, 4)) {
          for (const key of [KEY, null, "wrong"]) {
            const { status, body, headers } = await app.call(method, path, {
              key,
              headers: { origin },
              ...(method !== "GET" && { json: { content: CANARY } }),
            });
            const seen = [method, path, status, body, headers.get("access-control-allow-origin")];
            assert.deepEqual(seen, [method, path, 403, FOREIGN, null]);
          }
        }
      }
      for (const origin of FOREIGN_ORIGINS) {
        assert.deepEqual(await app.done(403, "GET", "/stats", { headers: { origin } }), FOREIGN);
      }
      // It has used up nobody's patience for wrong keys.
      await app.done(401, "GET", "/stats", { key: "wrong" });
      assert.deepEqual(await app.ids(), []);
    }, setup);
  }
});

Deno.test("pages of the service itself may ask, also behind TLS that ends before it", async () => {
  await withApp(async (app) => {
    for (const origin of ["http://brain", "https://brain"]) {
      const { status, headers } = await app.call("POST", "/memories", {
        headers: { origin },
        json: { content: "x" },
      });
      assert.deepEqual([status, allow(headers)], [201, []]);
    }
    const own = (origin: string) => ({ headers: { origin, Authorization: `Bearer ${KEY}` } });
    const table: [string, string, number][] = [
      ["127.0.0.1:8000", "http://127.0.0.1:8000", 200],
      ["127.0.0.1:8000", "http://127.0.0.1:8001", 403],
      ["127.0.0.1:8000", "http://127.0.0.1", 403],
      ["127.0.0.1:8000", "http://localhost:8000", 403],
      ["[::1]:8000", "http://[::1]:8000", 200],
      ["brain:443", "https://brain", 200],
      ["brain:443", "http://brain", 403],
    ];
    for (const [host, origin, status] of table) {
      const reply = await askAt(app, host, "/stats", own(origin));
      assert.deepEqual([host, origin, reply.status], [host, origin, status]);
    }
  });
});

Deno.test("a listed page may ask and read every reply, errors too, and with no other's credentials", async () => {
  await withApp(async (app) => {
    const headers = { origin: NOTES };
    const memory = await app.done(201, "POST", "/memories", { headers, json: { content: "x" } });
    const table: [number, string, string, string | undefined][] = [
      [200, "GET", `/memories/${memory.id}`, undefined],
      [200, "GET", "/health", undefined],
      [401, "GET", "/stats", "wrong"],
      [404, "GET", "/nowhere", undefined],
      [405, "PUT", "/memories", undefined],
      [415, "POST", "/memories", undefined],
    ];
    for (const [status, method, path, key] of table) {
      const reply = await app.call(method, path, { headers, ...(key && { key }) });
      assert.deepEqual([
        path,
        reply.status,
        Object.fromEntries(
          allow(reply.headers).map((name) => [name, reply.headers.get(name)]),
        ),
      ], [path, status, {
        "access-control-allow-origin": NOTES,
        "access-control-expose-headers":
          "Content-Disposition, ETag, Location, Retry-After, X-Request-ID",
        "vary": "Origin",
      }]);
    }
    // A store on the way must not hand the reply for nobody's page to a page.
    const { headers: plain } = await app.call("GET", "/stats");
    assert.deepEqual(allow(plain), ["vary"]);
  }, LISTED);
});

Deno.test("a browser's question before a listed page's request is answered without a key, and tells nothing", async () => {
  await withApp(async (app) => {
    const headers = {
      origin: NOTES,
      "access-control-request-method": "DELETE",
      "access-control-request-headers": "authorization, x-evil",
      "access-control-request-private-network": "true",
    };
    const replies = new Set<string>();
    for (const path of ["/memories", "/memories/1", "/stats", "/nowhere", "/import", "/health"]) {
      const request = new Request(`http://brain${path}`, { method: "OPTIONS", headers });
      const reply = await app.app.fetch(request);
      const named = [...reply.headers].filter(([name]) => name !== "x-request-id");
      replies.add(JSON.stringify([reply.status, await reply.text(), named]));
    }
    const [only = "", ...others] = replies;
    assert.deepEqual(others, []);
    assert.deepEqual(JSON.parse(only), [204, "", [
      [
        "access-control-allow-headers",
        "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, MCP-Protocol-Version, " +
        "Mcp-Method, Mcp-Name, Mem0-User-ID, X-API-Key, X-Mem0-Client, X-Request-ID",
      ],
      ["access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"],
      ["access-control-allow-origin", NOTES],
      [
        "access-control-expose-headers",
        "Content-Disposition, ETag, Location, Retry-After, X-Request-ID",
      ],
      ["access-control-max-age", "600"],
      ["cache-control", "no-store"],
      ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
      ["vary", "Origin"],
      ["x-content-type-options", "nosniff"],
    ]]);
    // Without that question OPTIONS is a method like any other.
    await app.done(401, "OPTIONS", "/memories", { key: null, headers: { origin: NOTES } });
    await app.done(405, "OPTIONS", "/memories", { headers: { origin: NOTES } });
  }, LISTED);
});

const OWN = [
  "localhost",
  "LOCALHOST:8000",
  "localhost.",
  "brain.localhost",
  "127.0.0.1",
  "127.0.0.1:65535",
  "127.8.9.10",
  "[::1]",
  "[::1]:8000",
];
/** No name server stands between these and whoever asks for them. */
const ADDRESSES = ["10.1.2.3:8000", "192.168.0.7", "[fe80::1]"];
const NAMES = [
  "evil.example",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "127.0.0.1.nip.io:8000",
  "xlocalhost",
  "brain",
  "evil.example.",
  "brain.example.com.evil.example",
];

/** What may be asked to be listened on, and the address that this leads to. */
const LOOPBACK = [
  ["127.0.0.1", "127.0.0.1"],
  ["localhost", "127.0.0.1"],
  ["LOCALHOST", "::1"],
  ["::1", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["127.0.0.2", "127.0.0.2"],
  ["127.1", "127.0.0.1"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["::FFFF:7f00:1", "::ffff:7f00:1"],
  ["this-machine", "127.0.1.1"],
] as const;

Deno.test("on loopback a name that is not this machine's is 421 on every route, before the key is looked at", async () => {
  for (const [host, bound] of LOOPBACK) {
    await withApp(async (app) => {
      for (const name of [...OWN, ...ADDRESSES]) assert.equal((await askAt(app, name)).status, 200);
      for (const name of NAMES) {
        const { status, body, headers } = await askAt(app, name);
        assert.deepEqual([name, status, body], [name, 421, ELSEWHERE]);
        assert.match(headers.get("x-request-id") ?? "", /^request-/);
      }
      for (const { method, path } of app.app.routes) {
        for (const headers of [{}, { "X-API-Key": KEY }, { "X-API-Key": "wrong" }]) {
          const { status, body } = await askAt(app, "evil.example:8000", path, { method, headers });
          assert.deepEqual([method, path, status, body], [method, path, 421, ELSEWHERE]);
        }
      }
    }, { host, bound });
  }
});

Deno.test("names that are allowed are answered beside its own, on any address; on others than loopback the check begins with them", async () => {
  const allowedHosts = ["brain.example.com", "second-brain:8000", "[fd00::7]:80"];
  for (
    const [host, bound] of [
      ["127.0.0.1", "127.0.0.1"],
      ["0.0.0.0", "0.0.0.0"],
      ["its-own-name.lan", "192.168.0.7"],
      ["its-own-name.lan", "127.0.1.1"],
    ] as const
  ) {
    await withApp(async (app) => {
      assert.equal(
        (await askAt(app, "its-own-name.lan:8000")).status,
        host === "its-own-name.lan" ? 200 : 421,
      );
      const good = ["brain.example.com", "BRAIN.example.com:443", "second-brain", ...OWN];
      for (const name of [...good, ...ADDRESSES]) {
        assert.deepEqual([name, (await askAt(app, name)).status], [name, 200]);
      }
      for (const name of NAMES) {
        assert.deepEqual([name, (await askAt(app, name)).body], [name, ELSEWHERE]);
      }
    }, { host, bound, allowedHosts });
  }
  for (const host of ["0.0.0.0", "::", "192.168.0.7"]) {
    await withApp(async (app) => {
      for (const name of [...OWN, ...ADDRESSES, ...NAMES]) {
        assert.deepEqual([name, (await askAt(app, name)).status], [name, 200]);
      }
    }, { host });
  }
});
