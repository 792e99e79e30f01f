/** HTTP byte by byte: what is asked for first, what is answered to rubbish, and when it ends. */
import assert from "node:assert/strict";
import { HttpApp, type Json } from "../http_app.ts";
import { eventually, within } from "./conditions.ts";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

const { app: { routes } } = new HttpApp();
const ID = "01990000-0000-7000-8000-000000000001";
const WRONG = `${KEY.slice(0, -1)}X`;
const CONTENT = `{"content":"sent when it was asked for"}`;

async function said(program: Program, bytes: string): Promise<RawClient> {
  const client = await RawClient.connect(program.port);
  await client.send(bytes);
  return client;
}

Deno.test("the key is asked for before one byte of a body is there, on every route that takes one", async () => {
  await using place = new Place();
  const program = await place.serve();
  const withBody = routes.filter(({ body }) => body !== undefined);
  assert.deepEqual(withBody.map(({ path }) => path).toSorted(), [
    "/context",
    "/export",
    "/import",
    "/memories",
    "/memories/{id}",
    "/memories/{id}",
    "/search",
  ]);
  for (const { method, path } of withBody) {
    for (const length of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      for (const expect of [[], ["Expect: 100-continue"]]) {
        const line = `${method} ${path.replace("{id}", ID)}`;
        using client = await said(
          program,
          head(line, WRONG, "Content-Type: application/json", length, ...expect),
        );
        assert.equal(await client.status(), 401, line);
        assert.doesNotMatch(client.got, /HTTP\/1\.1 100/);
      }
    }
  }
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), 0);
});

Deno.test("a client that waits to be told to send its body is told so once it would be read, and not before", async () => {
  await using place = new Place();
  const program = await place.serve({ MAX_BODY_BYTES: "2048" });
  const post = (...headers: string[]) =>
    head("POST /memories", KEY, "Expect: 100-continue", ...headers);
  const json = "Content-Type: application/json";
  using client = await said(program, post(json, `Content-Length: ${CONTENT.length}`));
  assert.deepEqual(await client.replies(1), [100]);
  await client.send(CONTENT);
  assert.deepEqual(await client.replies(2), [100, 201]);
  const refused: readonly [number, readonly string[]][] = [
    [413, [json, "Content-Length: 2049"]],
    [415, ["Content-Type: text/plain", "Content-Length: 5"]],
  ];
  for (const [status, headers] of refused) {
    using other = await said(program, post(...headers));
    assert.deepEqual(await other.replies(1), [status]);
  }
  using odd = await said(program, head("GET /stats", KEY, "Expect: the unexpected"));
  assert.equal(await odd.status(), 200);
});

/** What is no request, and what is said to it. */
const UNREADABLE: Readonly<Record<string, readonly [number, string, string]>> = {
  "rubbish": [400, "it is not well-formed HTTP", "\x16\x03\x01\r\n\r\n"],
  "two lengths": [
    400,
    "it is not well-formed HTTP",
    head("POST /memories", KEY, "Content-Length: 1", "Content-Length: 2"),
  ],
  "a chunk that is none": [
    400,
    "it is not well-formed HTTP",
    head("POST /memories", KEY, "Content-Type: application/json", "Transfer-Encoding: chunked") +
    "ZZ\r\n",
  ],
  "no host": [
    400,
    "its Host or its target is not well-formed",
    "GET /health HTTP/1.1\r\n\r\n",
  ],
  "no host, before HTTP/1.1": [
    400,
    "its Host or its target is not well-formed",
    "GET /docs HTTP/1.0\r\n\r\n",
  ],
  "no path to a probe, before HTTP/1.1": [
    400,
    "its Host or its target is not well-formed",
    "GET /health/ready/../../stats HTTP/1.0\r\n\r\n",
  ],
  "two hosts, before HTTP/1.1": [
    400,
    "it needs one Host header, with a host and no more",
    "GET /health HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
  ],
  "a host that is none": [
    400,
    "its Host or its target is not well-formed",
    "GET /health HTTP/1.1\r\nHost: a b/<>\r\n\r\n",
  ],
  "two hosts": [
    400,
    "it needs one Host header, with a host and no more",
    head("GET /health", KEY, "Host: localhost"),
  ],
  "the absolute form": [
    400,
    "its target must be a path",
    head("GET http://localhost/health", KEY),
  ],
  "a path that is no URL's": [
    400,
    "its Host or its target is not well-formed",
    head("GET /\\evil.example/..", KEY),
  ],
  "a tunnel": [400, "there is no tunnel here", head("CONNECT localhost:80", KEY)],
  "a key of a megabyte": [
    431,
    "its head is larger than 16384 bytes",
    head("GET /stats", KEY.repeat(50_000)),
  ],
  "a long path": [
    431,
    "its head is larger than 16384 bytes",
    head(`GET /${"a".repeat(1 << 20)}`, KEY),
  ],
};

const TITLES: Json = {
  400: ["malformed", "The request cannot be read"],
  431: ["head_too_large", "The request's head is too large"],
};

Deno.test("what is no request is answered with a problem that has a name, and the connection ends", async (t) => {
  await using place = new Place();
  const program = await place.serve();
  for (const [name, [status, detail, bytes]] of Object.entries(UNREADABLE)) {
    await t.step(name, async () => {
      using client = await said(program, bytes);
      await client.closedByPeer(5_000);
      const [top = "", body = ""] = client.got.split("\r\n\r\n");
      const [code, title] = TITLES[status];
      assert.deepEqual([client.statuses, JSON.parse(body)], [[status], {
        type: `urn:second-brain:error:${code}`,
        title,
        status,
        detail: `Cannot read the request: ${detail}`,
      }]);
      assert.match(top, /^content-type: application\/problem\+json\r?$/im);
      assert.match(top, /^connection: close\r?$/im);
      assert.match(top, /^x-content-type-options: nosniff\r?$/im);
      const id = /^x-request-id: (\S+)\r?$/im.exec(top)?.[1];
      const line = await eventually(
        5_000,
        "its line in the log",
        () => program.log.find((line) => line["request_id"] === id),
      );
      assert.deepEqual([line.level, line["route"], line["status"]], ["info", "none", status]);
    });
  }
  assert.equal((await program.ask("GET", "/health/ready")).status, 200);
  assert.deepEqual([program.err, program.log.filter(({ level }) => level === "error")], ["", []]);
});

Deno.test("a probe that speaks HTTP/1.0 need name no host, and the port of a host may be left empty", async () => {
  await using place = new Place();
  const program = await place.serve();
  for (const path of ["/health", "/health/live", "/health/ready"]) {
    using client = await said(program, `GET ${path} HTTP/1.0\r\n\r\n`);
    await client.closedByPeer(5_000);
    assert.deepEqual([path, client.statuses], [path, [200]]);
  }
  for (const host of ["localhost:", "[::1]:", "127.0.0.1:"]) {
    const end = `Host: ${host}\r\nX-API-Key: ${KEY}\r\nConnection: close\r\n\r\n`;
    using client = await said(program, `GET /stats HTTP/1.1\r\n${end}`);
    assert.deepEqual([host, await client.status()], [host, 200]);
  }
  using elsewhere = await said(program, "GET /health HTTP/1.1\r\nHost: evil.example:\r\n\r\n");
  assert.equal(await elsewhere.status(), 421);
});

Deno.test("requests in one breath are answered in their order, and what comes before rubbish is answered as if none followed", async () => {
  await using place = new Place();
  const program = await place.serve();
  const get = head("GET /stats", KEY);
  const post = head(
    "POST /memories",
    KEY,
    "Content-Type: application/json",
    `Content-Length: ${CONTENT.length}`,
  ) + CONTENT;
  using three = await said(program, get + head("GET /nowhere", KEY) + post);
  assert.deepEqual(await three.replies(3), [200, 404, 201]);
  // A reply of 4xx would say that nothing was stored.
  for (const rubbish of ["RUBBISH\r\n\r\n", "\0".repeat(100), "GET / HTTP/1.1\r\nA b: c\r\n\r\n"]) {
    using client = await said(program, post + rubbish);
    await client.closedByPeer(5_000);
    assert.deepEqual(client.statuses, [201]);
  }
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), 4);
});

Deno.test("a request within a body is data, whoever asks, and whatever the door says to the outer one", async () => {
  await using place = new Place();
  const program = await place.serve();
  await program.want(201, "POST", "/memories", { id: ID, content: "what must stay" });
  const inner = head(`DELETE /memories/${ID}`, KEY);
  const json = "Content-Type: application/json";
  const chunk = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
  for (const path of ["/memories", "/import", "/nowhere"]) {
    for (const key of [KEY, WRONG]) {
      for (
        const bytes of [
          head(`POST ${path}`, key, json, `Content-Length: ${inner.length}`) + inner,
          head(`POST ${path}`, key, json, "Transfer-Encoding: chunked") + chunk,
          head(`GET /stats`, key, `Content-Length: ${inner.length}`) + inner,
        ]
      ) {
        using client = await said(program, bytes + head("GET /nowhere", KEY));
        const [first = 0, second] = await client.replies(2);
        assert.ok(first === 200 || first >= 400 && first < 500, client.got);
        assert.ok(second === 404 || second === undefined, client.got);
      }
    }
  }
  await program.want(200, "GET", `/memories/${ID}`);
});

Deno.test("other methods and other protocols are asked for the key, and get neither an echo nor, but at one path, an upgrade", async () => {
  await using place = new Place();
  const program = await place.serve();
  const table: readonly [number, string][] = [
    [401, head("TRACE /stats", WRONG)],
    [405, head("TRACE /stats", KEY)],
    [401, head("PROPFIND /stats", WRONG)],
    [405, head("PROPFIND /stats", KEY)],
    [401, head("GET /stats", WRONG, "Connection: Upgrade", "Upgrade: websocket")],
    [200, head("GET /stats", KEY, "Connection: Upgrade", "Upgrade: websocket")],
    [
      200,
      head("GET /stats", KEY, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"),
    ],
    [401, head("GET /ws", WRONG, "Connection: Upgrade", "Upgrade: websocket")],
    // Only whole requests for a WebSocket open one: events_test.ts.
    [400, head("GET /ws", KEY, "Connection: Upgrade", "Upgrade: websocket")],
    [400, head("GET /ws", KEY, "Connection: Upgrade", "Upgrade: h2c")],
    // Two keys, in two lines: neither counts, in neither order.
    [401, head("GET /stats", KEY, `Authorization: Bearer ${WRONG}`)],
    [401, head("GET /stats", WRONG, `Authorization: Bearer ${KEY}`)],
    [401, head("GET /stats", KEY, `X-API-Key: ${WRONG}`)],
    [401, head("GET /stats", `${KEY} x`)],
    // Blanks around a header's value are none of its value (RFC 9110, 5.5).
    [200, head("GET /stats", `${KEY}  \t`)],
  ];
  for (const [status, bytes] of table) {
    using client = await said(program, bytes);
    assert.deepEqual([bytes, await client.status()], [bytes, status]);
    assert.ok(!client.got.includes(KEY) && !client.got.includes(WRONG), client.got);
  }
  await within(5_000, program.stop(), () => "the end");
});
