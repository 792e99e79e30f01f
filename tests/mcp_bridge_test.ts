/** The bridge between a client that knows lines and a brain elsewhere, on a clock turned by hand. */
import assert from "node:assert/strict";
import type { Json } from "./http_app.ts";
import {
  type Answer,
  BridgedClient,
  COMMON,
  echo,
  newer,
  problem,
  request,
  resultOf,
  UNSENT,
  URL_ASKED,
} from "./mcp_bridged_client.ts";

Deno.test("a message of the earlier protocol goes with the version that was agreed on", async () => {
  const client = new BridgedClient(echo);
  await client.send(request(0, "initialize", { protocolVersion: "2025-06-18" }));
  await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await client.send(request("a", "tools/call", { name: "memory_list" }));
  await client.send(request("b", "initialize", { protocolVersion: "2025-06-18" }));
  await client.end();
  const agreed = { ...COMMON, "mcp-protocol-version": "2025-06-18" };
  assert.deepEqual(client.sent.map(({ url, headers }) => [url, headers]), [
    [URL_ASKED, COMMON],
    [URL_ASKED, agreed],
    [URL_ASKED, agreed],
    [URL_ASKED, COMMON],
  ]);
  assert.deepEqual(client.received, [
    resultOf(0, { protocolVersion: "2025-06-18" }),
    resultOf("a"),
    resultOf("b", { protocolVersion: "2025-06-18" }),
  ]);
});

const NAMES: readonly (readonly [string, Json, string | undefined])[] = [
  ["tools/list", {}, undefined],
  ["tools/call", { name: "memory_search" }, "memory_search"],
  ["prompts/get", { name: "recall" }, "recall"],
  ["resources/read", { uri: "memory://recent" }, "memory://recent"],
  ["resources/read", { uri: "memory://größe" }, "=?base64?bWVtb3J5Oi8vZ3LDtsOfZQ==?="],
  ["tools/call", { name: " padded " }, "=?base64?IHBhZGRlZCA=?="],
  ["tools/call", { name: "two\nlines" }, "=?base64?dHdvCmxpbmVz?="],
  ["tools/call", { name: "=?base64?literal?=" }, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
  ["tools/call", { name: 7 }, undefined],
];

Deno.test("a request of the present protocol says in its headers what its body says", async () => {
  const client = new BridgedClient(echo);
  for (const [index, [method, params]] of NAMES.entries()) {
    await client.send(newer(index, method, params));
  }
  await client.end();
  assert.deepEqual(
    client.sent.map(({ headers }) => headers),
    NAMES.map(([method, , name]) => ({
      ...COMMON,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": name }),
    })),
  );
});

Deno.test("a message goes on as it stood, and an answer over several lines comes in one", async () => {
  const answer =
    '{"jsonrpc":"2.0",\n "id":1,\r\n "result":{"a":"x\\ny","b":12345678901234567890}}\n';
  const client = new BridgedClient(() =>
    new Response(answer, { headers: { "Content-Type": "application/json" } })
  );
  const text = '{"id":1, "jsonrpc":"2.0","method":"tools/call","params":{"a":1.50}}';
  await client.write(`\n  ${text}  \r\n`);
  await client.end();
  assert.deepEqual(client.sent.map(({ body }) => body), [text]);
  assert.deepEqual(client.received, [JSON.parse(answer)]);
});

Deno.test("a stream's messages come one by one, up to the answer", async () => {
  const pieces = [
    ": a sign\n\n",
    `event: message\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress",`,
    `\ndata: "params":{"progress":1}}\n\n`,
    `data:${JSON.stringify(resultOf(1, { ok: true }))}\r\n\r\n`,
    `data: ${JSON.stringify({ jsonrpc: "2.0", method: "too/late" })}\n\n`,
  ];
  const client = new BridgedClient(() =>
    new Response(ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece))), {
      headers: { "Content-Type": "text/event-stream; charset=utf-8" },
    })
  );
  await client.send(newer(1, "tools/call", { name: "x" }));
  await client.end();
  assert.deepEqual(client.received, [
    { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } },
    resultOf(1, { ok: true }),
  ]);
});

const refusal = (id: Json, message: string, code = -32000) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

const BROKEN =
  "The connection to the brain broke before it answered. What was asked for may have " +
  "been done: look before you ask again";
const AWAY = `Cannot reach the brain at ${URL_ASKED}: is it running?`;

const FAILURES: Readonly<Record<string, readonly [Answer, string]>> = {
  "a wrong key": [
    () => problem(401, "unauthorized", "Cannot let this request in"),
    "The brain refused (401): the key is wrong or missing; give it with --key or CONTAINER_API_KEY",
  ],
  "a rate that is used up": [
    () => problem(429, "rate_limited", "Cannot answer now: too many"),
    "The brain refused (429): Cannot answer now: too many",
  ],
  "a storage that failed": [
    () => problem(503, "storage_failed", "Cannot write"),
    "The brain refused (503): Cannot write",
  ],
  "an error without words": [
    () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
    "The brain refused (502): it gave no reason",
  ],
  "a page in place of an answer": [
    () => new Response("<h1>Welcome</h1>", { headers: { "Content-Type": "text/html" } }),
    "Cannot pass on what came back: it is no answer of the protocol's",
  ],
  "an answer that is too large": [
    () => Response.json(resultOf(1, { text: "x".repeat(10_000) })),
    "The answer has more than 10000 bytes",
  ],
  "a connection that breaks": [() => Promise.reject(new TypeError("reset")), BROKEN],
  "a stream that ends before the answer": [
    () => new Response(": \n\n", { headers: { "Content-Type": "text/event-stream" } }),
    BROKEN,
  ],
  "an answer to something else": [() => Response.json(resultOf(2)), BROKEN],
};

for (const [what, [answer, message]] of Object.entries(FAILURES)) {
  Deno.test(`${what} is told as an error of the request, which is not sent again`, async () => {
    const client = new BridgedClient(answer);
    await client.send(request(1, "tools/call"));
    await client.end();
    assert.deepEqual(client.received.at(-1), refusal(1, message));
    assert.equal(client.sent.length, 1);
  });
}

Deno.test("an error in the protocol's own words is passed on, with the id of the request", async () => {
  const error = { code: -32020, message: "Header mismatch" };
  const client = new BridgedClient(() =>
    Response.json({ jsonrpc: "2.0", id: null, error }, { status: 400 })
  );
  await client.send(newer("q", "tools/list"));
  await client.end();
  assert.deepEqual(client.received, [{ jsonrpc: "2.0", id: "q", error }]);
});

Deno.test("a request waits for a brain that restarts, and is carried out once", async () => {
  const answers: Answer[] = [
    () => Promise.reject(UNSENT),
    () => problem(503, "not_ready", "Cannot answer now: the data is still being loaded"),
    () => problem(503, "not_ready", "Cannot answer now: the data is still being loaded"),
    echo,
  ];
  const client = new BridgedClient((...all) => (answers.shift() ?? echo)(...all));
  await client.send(request(1, "tools/call"));
  assert.deepEqual(client.received, []);
  await client.clock.advance(100 + 200 + 399);
  assert.deepEqual([client.received, client.sent.length], [[], 3]);
  await client.clock.advance(1);
  assert.deepEqual([client.received, client.sent.length], [[resultOf(1)], 4]);
  await client.end();
});

Deno.test("a brain that stays away is told of after a quarter of a minute", async () => {
  const client = new BridgedClient(() => Promise.reject(UNSENT));
  await client.send(request(1, "tools/call"));
  await client.clock.advance(14_000);
  assert.deepEqual(client.received, []);
  await client.clock.advance(3_000);
  assert.deepEqual(client.received, [refusal(1, AWAY)]);
  await client.end();
});

Deno.test("a brain that says nothing is not waited for for ever", async () => {
  const hangs: Answer = (_, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const client = new BridgedClient(hangs);
  await client.send(request(1, "tools/call"));
  await client.clock.advance(119_999);
  assert.deepEqual(client.received, []);
  await client.clock.advance(1);
  assert.deepEqual(client.received, [refusal(1, "The brain has said nothing for 120 seconds")]);
  await client.end();
});

Deno.test("a request that is taken back is hung up on, and has no answer", async () => {
  let isHungUp = false;
  const hangs: Answer = (_, signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        isHungUp = true;
        reject(signal.reason);
      })
    );
  const client = new BridgedClient(hangs);
  await client.send(request(1, "tools/call"));
  await client.send({
    jsonrpc: "2.0",
    method: "notifications/cancelled",
    params: { requestId: 1 },
  });
  assert.deepEqual([isHungUp, client.received, client.sent.length], [true, [], 1]);
  await client.end();
});

Deno.test("a notification that is refused is told to the person", async () => {
  const client = new BridgedClient(() => problem(403, "forbidden", "Cannot do this"));
  await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await client.end();
  assert.deepEqual(client.said, ["The brain refused (403): Cannot do this"]);
  assert.deepEqual(client.received, []);
});

Deno.test("what is asked before the end is answered; who listens is let go", async () => {
  const waiting = Promise.withResolvers<Response>();
  let isLetGo = false;
  const client = new BridgedClient(({ body }, signal) => {
    if (JSON.parse(body).id === 1) return waiting.promise;
    const forEver = new ReadableStream({
      start: (controller) =>
        signal.addEventListener("abort", () => {
          isLetGo = true;
          controller.error(signal.reason);
        }),
    });
    return new Response(forEver, { headers: { "Content-Type": "text/event-stream" } });
  });
  await client.send(newer(1, "tools/call"), newer(2, "subscriptions/listen"));
  const ended = client.end();
  await client.clock.advance(1_000);
  assert.deepEqual([client.received, isLetGo], [[], false]);
  waiting.resolve(Response.json(resultOf(1)));
  await ended;
  assert.deepEqual([client.received, isLetGo], [[resultOf(1)], true]);
  assert.equal(client.clock.now(), 1_000, "nothing else is waited for");
});

Deno.test("what is no message is refused, with its id where it has one", async () => {
  const client = new BridgedClient(echo);
  await client.write(`garbage\n[]\n{"id":5}\n${" ".repeat(10_001)}\n`);
  await client.write('{"jsonrpc":"2.0","id":6,"method":"a","params":{"n":12345678901234567890}}\n');
  await client.end();
  const told = client.received.map(({ id, error }) => [id, error.code, error.message.slice(0, 24)]);
  assert.deepEqual(told, [
    [null, -32700, "Cannot read the JSON: it"],
    [null, -32600, "Cannot read the message:"],
    [5, -32600, "Cannot read the message:"],
    [null, -32600, "Cannot read the message:"],
    [6, -32600, "Cannot take the JSON: th"],
  ]);
  assert.deepEqual(client.sent, []);
});

Deno.test("no more than so many requests are under way at a time", async () => {
  const waiting = Promise.withResolvers<void>();
  const client = new BridgedClient(async (...all) => (await waiting.promise, await echo(...all)));
  await client.send(...Array.from({ length: 257 }, (_, id) => request(id, "tools/call")));
  const most = "Cannot take the message: 256 others have no answer yet";
  assert.deepEqual(client.received, [refusal(256, most)]);
  waiting.resolve();
  await client.end();
  assert.equal(client.received.length, 257);
});

Deno.test("a client that reads no more ends the bridge", async () => {
  const client = new BridgedClient(echo, {
    out: () => Promise.reject(new Error("the reader is gone")),
  });
  await client.send(request(1, "tools/call"));
  await client.write("garbage\n");
  await client.clock.until(client.bridge.ended);
  assert.deepEqual(client.received, []);
});
