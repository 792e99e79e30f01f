/** Connections of the rude, the careless and the hostile: none of them hurts the others. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { KEY, Place, type Program } from "./program.ts";
import { head, RawClient } from "./raw.ts";

const JSON_TYPE = "Content-Type: application/json";
const POST = (...headers: string[]) => head("POST /memories", KEY, JSON_TYPE, ...headers);
const GET = (...headers: string[]) => head("GET /stats", KEY, ...headers);
const SMUGGLED = head("DELETE /memories/01990000-0000-7000-8000-000000000001", KEY);

/** What two servers in a row may read differently: to be refused, or answered as one request. */
const AMBIGUOUS: Readonly<Record<string, string>> = {
  "a length and chunks": POST("Content-Length: 5", "Transfer-Encoding: chunked") +
    `0\r\n\r\n${SMUGGLED}`,
  "chunks and a length": POST("Transfer-Encoding: chunked", "Content-Length: 5") +
    `0\r\n\r\n${SMUGGLED}`,
  "two lengths": POST("Content-Length: 5", "Content-Length: 90") + SMUGGLED,
  "two equal lengths": POST("Content-Length: 5", "Content-Length: 5") + "{   }",
  "a list of lengths": POST("Content-Length: 5, 5") + "{   }",
  "a negative length": POST("Content-Length: -5") + "{   }",
  "a signed length": POST("Content-Length: +5") + "{   }",
  "a length in hexadecimal": POST("Content-Length: 0x5") + "{   }",
  "an endless length": POST("Content-Length: 99999999999999999999999") + "{   }",
  "a size of chunk that is none": POST("Transfer-Encoding: chunked") + "ZZ\r\nabc\r\n0\r\n\r\n",
  "a negative chunk": POST("Transfer-Encoding: chunked") + "-1\r\nabc\r\n0\r\n\r\n",
  "an endless chunk": POST("Transfer-Encoding: chunked") + `${"f".repeat(20)}\r\nabc`,
  "chunks that end in bare line feeds": POST("Transfer-Encoding: chunked") + "2\n{}\n0\n\n",
  "another transfer coding": POST("Transfer-Encoding: xchunked") + "0\r\n\r\n",
  "chunks, then another coding": POST("Transfer-Encoding: chunked, gzip") + "0\r\n\r\n",
  "a header over two lines": GET("X-Note: a\r\n b"),
  "a blank before the colon": GET("Content-Length : 5") + SMUGGLED,
  "a header without a name": GET(": 5"),
  "NUL in a header": GET("X-Note: a\0b"),
  "a carriage return in a header": GET("X-Note: a\rTransfer-Encoding: chunked"),
  "bare line feeds": "GET /stats HTTP/1.1\nHost: localhost\n\n",
  "two hosts": GET("Host: evil.example"),
  "two equal hosts": GET("Host: localhost"),
  "a path with another host in it": head("GET http://evil.example/stats", KEY),
  "a path with our host in it": head("GET http://localhost/stats", KEY),
  "a target without a slash": head("GET stats", KEY),
  "a length in a chunk's trailer": POST("Transfer-Encoding: chunked") +
    "0\r\nContent-Length: 90\r\nHost: evil\r\n\r\n" + SMUGGLED.replace("DELETE", "D LETE"),
  "no host": "GET /health HTTP/1.1\r\n\r\n",
  "a host that is none": "GET /health HTTP/1.1\r\nHost: a b<>\r\n\r\n",
  "a request line with no path": "GET\r\n\r\n",
  "NUL in the path": "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a TLS greeting": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
  "CONNECT": "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com\r\n\r\n",
  "the asterisk form": "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "a header of 40 kB": GET(`X-Note: ${"a".repeat(40_000)}`),
  "a path of 40 kB": `GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  "ten thousand headers": GET(...Array.from({ length: 10_000 }, (_, i) => `X-${i}: a`)),
};

/** The status of the only reply, after which the connection ends; 0 where it ends without one. */
async function onlyAnswer(program: Program, bytes: string): Promise<number> {
  using client = await RawClient.connect(program.port);
  await client.send(bytes);
  await client.closedByPeer(5_000);
  const [status = 0, ...more] = client.statuses;
  assert.deepEqual(more, [], client.got);
  return status;
}

async function answer(program: Program, bytes: string): Promise<number> {
  using client = await RawClient.connect(program.port);
  await client.send(bytes);
  return await client.status();
}

async function stillServes(program: Program): Promise<void> {
  const { status } = await program.ask("GET", "/health/ready");
  assert.equal(status, 200);
  assert.equal(program.err, "");
}

Deno.test("what two servers could read differently is refused, and nothing is smuggled in", async (t) => {
  await using place = new Place();
  const program = await place.serve();
  const id = "01990000-0000-7000-8000-000000000001";
  await program.want(201, "POST", "/memories", { id, content: "what must stay" });
  for (const [name, bytes] of Object.entries(AMBIGUOUS)) {
    await t.step(name, async () => {
      const status = await onlyAnswer(program, bytes);
      assert.ok(status === 0 || status >= 400 && status < 500, `answered ${status}`);
    });
  }
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), 1);
  await stillServes(program);
});

Deno.test("bodies that are too large, or not plain, are refused before they are read", async () => {
  await using place = new Place();
  const program = await place.serve({ MAX_BODY_BYTES: "2048", MAX_IMPORT_BYTES: "4096" });
  const long = JSON.stringify({ content: "a".repeat(3000) });
  const chunks = `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`;
  const import_ = (...headers: string[]) => head("POST /import", KEY, JSON_TYPE, ...headers);
  const CASES: Readonly<Record<string, readonly [number, string]>> = {
    "announced": [413, POST(`Content-Length: ${long.length}`)],
    "in chunks": [413, POST("Transfer-Encoding: chunked") + chunks],
    "announced import": [413, import_("Content-Length: 5000")],
    "import in chunks": [
      413,
      import_("Transfer-Encoding: chunked") + `1400\r\n[${" ".repeat(0x13ff)}\r\n0\r\n\r\n`,
    ],
    "without a key": [
      401,
      "POST /memories HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n",
    ],
    "just small enough": [201, POST("Content-Length: 2048") + exactly(2048)],
    "one byte more": [413, POST("Content-Length: 2049") + exactly(2049)],
  };
  for (const [name, [status, bytes]] of Object.entries(CASES)) {
    assert.equal(await answer(program, bytes), status, name);
  }
  const packed = await fetch(`${program.url}/memories`, {
    method: "POST",
    headers: { "X-API-Key": KEY, "Content-Type": "application/json", "Content-Encoding": "gzip" },
    body: new Uint8Array(gzipSync(JSON.stringify({ content: "a" }))),
  });
  assert.equal(packed.status, 415);
  assert.match(await packed.text(), /"status":415/);
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), 1);
  await stillServes(program);
});

function exactly(bytes: number): string {
  const empty = JSON.stringify({ content: "" });
  return JSON.stringify({ content: "a".repeat(bytes - empty.length) });
}

Deno.test("six hundred connections that say half a word do not keep out one that asks", async () => {
  await using place = new Place();
  const program = await place.serve();
  using clients = new DisposableStack();
  for (let i = 0; i < 600; i++) {
    const client = clients.use(await RawClient.connect(program.port));
    await client.send("GET /stats HTTP/1.1\r\nX-Slow: ");
  }
  const began = performance.now();
  assert.equal(await answer(program, GET("Connection: close")), 200);
  const ms = performance.now() - began;
  console.log(`answered beside 600 half-open connections in ${ms.toFixed()} ms`);
  assert.ok(ms < 5_000);
  const { code } = await program.stop();
  assert.equal(code, 0);
  assert.equal(program.err, "");
});

/** Without a key; it is some tens of kilobytes that are asked for. */
const PAGE = "GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n";

Deno.test("a client that asks for twenty thousand pages and reads none is sent away, and nobody waits for it", async () => {
  await using place = new Place();
  const program = await place.serve();
  using greedy = await RawClient.connect(program.port);
  const sent = greedy.send(PAGE.repeat(20_000));
  for (let n = 0; n < 20; n++) {
    const began = performance.now();
    assert.equal(await answer(program, GET("Connection: close")), 200);
    const ms = performance.now() - began;
    assert.ok(ms < 2_000, `${ms} ms`);
  }
  await sent;
  await greedy.closedByPeer(5_000);
  assert.ok(greedy.statuses.length <= 16, `${greedy.statuses.length} replies`);
  await stillServes(program);
});

Deno.test("six hundred connections that ask for pages and read none do not keep out one that asks", async () => {
  await using place = new Place();
  const program = await place.serve();
  using clients = new DisposableStack();
  for (let i = 0; i < 600; i++) {
    await clients.use(await RawClient.connect(program.port)).send(PAGE.repeat(60));
  }
  for (let n = 0; n < 20; n++) {
    assert.equal(await answer(program, GET("Connection: close")), 200);
  }
  assert.equal(program.event("listening_anew"), undefined);
  await stillServes(program);
});

Deno.test("six hundred connections that were ended and stay half open do not keep out one that asks", async () => {
  await using place = new Place();
  const program = await place.serve();
  using clients = new DisposableStack();
  for (let i = 0; i < 600; i++) {
    const client = clients.use(await RawClient.connect(program.port));
    await client.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\nRUBBISH\r\n\r\n");
  }
  for (let n = 0; n < 20; n++) {
    assert.equal(await answer(program, GET("Connection: close")), 200);
  }
  assert.equal(program.event("listening_anew"), undefined);
  await stillServes(program);
});

Deno.test("a client may leave in the middle of anything", async () => {
  await using place = new Place();
  const program = await place.serve();
  const lines = Array.from(
    { length: 3000 },
    (_, i) => JSON.stringify({ content: `${i} ${"long ".repeat(400)}` }),
  );
  await program.want(200, "POST", "/import", lines.join("\n"), {
    "Content-Type": "application/x-ndjson",
  });
  const CUT: readonly string[] = [
    "G",
    POST("Content-Length: 500").slice(0, 40),
    POST("Content-Length: 500") + `{"content":"never`,
    POST("Transfer-Encoding: chunked") + `1f4\r\n{"content":"never`,
    head("POST /import", KEY, JSON_TYPE, "Content-Length: 500") + `[{"content":"never"},`,
    head("POST /search", KEY, JSON_TYPE, "Content-Length: 24") + `{"query":"long long lo"}`,
    head("POST /export", KEY),
    GET() + GET() + GET(),
  ];
  for (let round = 0; round < 5; round++) {
    for (const bytes of CUT) {
      using client = await RawClient.connect(program.port);
      await client.send(bytes);
    }
    // This one has seen the beginning of its export before it goes.
    using reader = await RawClient.connect(program.port);
    await reader.send(head("POST /export", KEY));
    assert.equal(await reader.status(), 200);
  }
  await stillServes(program);
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), lines.length);
  const bad = program.log.filter(({ level, event }) => level === "error" || event === "unexpected");
  assert.deepEqual(bad, []);
  assert.equal((await program.stop()).code, 0);
});
