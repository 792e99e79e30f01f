/** What Qdrant and the way to it may do, and what comes of it here: an error of a known kind, in
 * time, that gives nothing away. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { z } from "zod";
import { systemClock } from "../src/clock.ts";
import { Client, type ClientOptions } from "../src/vector_index/qdrant/client.ts";
import { QdrantError, type QdrantFault } from "../src/vector_index/qdrant/points.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { NEVER } from "./fakes/qdrant/rest_points_kit.ts";

const KEY = "key-that-nobody-may-see";
const SECRET = "collection-that-nobody-may-see";
const Reply = z.object({ result: z.object({ count: z.number() }) });

function count(
  options: Partial<ClientOptions> & Pick<ClientOptions, "url">,
  { signal = NEVER, timeoutMs = 60_000 }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<{ result: { count: number } }> {
  const client = new Client({ apiKey: KEY, clock: systemClock, ...options });
  return client.ask(Reply, { signal, timeoutMs }, (api, init) => {
    return api.countPoints({ collection_name: SECRET, exact: true }, init);
  });
}

/** Of a call that fails: the fault, the message, and how long to wait. */
async function failure(call: Promise<unknown>): Promise<unknown[]> {
  const error = await call.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof QdrantError, String(error));
  const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  for (const secret of [KEY, SECRET, "127.0.0.1", "quoted"]) assert.ok(!shown.includes(secret));
  return [error.fault, error.message, error.retryAfterMs];
}

async function withServer(
  answer: (request: Request) => Response | Promise<Response>,
  test: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  try {
    await test(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** A server that speaks no HTTP, or not to the end. */
async function withSocket(bytes: string, test: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((socket) => void socket.once("data", () => socket.end(bytes)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  try {
    await test(`http://127.0.0.1:${address.port}`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

const json = (status: number, body: unknown, headers: HeadersInit = {}) =>
  Response.json(body, { status, headers });
const refusal = (status: number, headers?: HeadersInit) =>
  json(status, { status: { error: "quoted" }, time: 0.1 }, headers);

const REPLIES: readonly (readonly [string, () => Response, QdrantFault, string, number?])[] = [
  [
    "401",
    () => new Response("quoted", { status: 401 }),
    "denied",
    "it answered 401; QDRANT_API_KEY may not do this",
  ],
  ["403", () => refusal(403), "denied", "it answered 403; QDRANT_API_KEY may not do this"],
  [
    "404",
    () => refusal(404),
    "missing",
    "the collection is gone, or QDRANT_URL is not that of a Qdrant of 1.10 or newer",
  ],
  ["400", () => refusal(400), "rejected", "it answered 400"],
  ["409", () => refusal(409), "rejected", "it answered 409"],
  ["422", () => refusal(422), "rejected", "it answered 422"],
  ["429", () => refusal(429), "busy", "it answered 429"],
  [
    "429 with a number",
    () => refusal(429, { "retry-after": "3" }),
    "busy",
    "it answered 429",
    3_000,
  ],
  [
    "429 with a date",
    () => refusal(429, { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }),
    "busy",
    "the reply is none of Qdrant's",
  ],
  ["500", () => refusal(500), "busy", "it answered 500"],
  ["503", () => new Response("<quoted>", { status: 503 }), "busy", "it answered 503"],
  ["507", () => refusal(507), "busy", "it answered 507"],
  ["a page of HTML", () => new Response("<quoted>"), "busy", "the reply is none of Qdrant's"],
  [
    "half of its JSON",
    () => new Response('{"result":{"quoted', { headers: { "content-type": "application/json" } }),
    "busy",
    "the reply is none of Qdrant's",
  ],
  [
    "other JSON",
    () => json(200, { result: { count: "quoted" } }),
    "busy",
    "the reply is none of Qdrant's",
  ],
  ["202", () => json(202, { quoted: true }), "busy", "the reply is none of Qdrant's"],
  [
    "a redirect",
    () => new Response("", { status: 307, headers: { location: "/quoted" } }),
    "away",
    "QDRANT_URL redirects elsewhere",
  ],
];

for (const [name, answer, fault, state, retryAfterMs] of REPLIES) {
  Deno.test(`a reply of ${name} is told as ${fault}`, async () => {
    await withServer(answer, async (url) => {
      assert.deepEqual(await failure(count({ url })), [
        fault,
        `Cannot use Qdrant: ${state}`,
        retryAfterMs,
      ]);
    });
  });
}

Deno.test("a reply without an end is given up long before it fills the memory", async () => {
  let sent = 0;
  const piece = new Uint8Array(2 ** 20).fill(32);
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        sent += piece.length;
        if (sent > 300 * 2 ** 20) controller.close();
        else controller.enqueue(piece);
      },
    });
  const headers = { "content-type": "application/json" };
  await withServer(() => new Response(endless(), { headers }), async (url) => {
    const state = "Cannot use Qdrant: its reply has no end";
    assert.deepEqual(await failure(count({ url })), ["busy", state, undefined]);
  });
  assert.ok(sent < 64 * 2 ** 20, `${sent} bytes were sent`);
});

Deno.test("nobody at the address is away at once", async () => {
  let address = "";
  await withServer(() => json(200, {}), (url) => Promise.resolve(void (address = url)));
  assert.deepEqual(await failure(count({ url: address })), [
    "away",
    "Cannot reach Qdrant: no connection; is QDRANT_URL right? (Without a port it means 6333.)",
    undefined,
  ]);
});

Deno.test("a connection that breaks off is no final word", async () => {
  const broken = ["busy", "Cannot use Qdrant: the connection broke off", undefined];
  for (
    const bytes of ["", "quoted\r\n\r\n", 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"result"']
  ) {
    await withSocket(bytes, async (url) => {
      assert.deepEqual(await failure(count({ url })), broken);
    });
  }
});

for (const part of ["head", "body"]) {
  Deno.test(`a ${part} that does not come in time is given up, and so is the connection`, async () => {
    const gone = Promise.withResolvers<void>(), asked = Promise.withResolvers<void>();
    const clock = new FakeClock();
    await withServer((request) => {
      request.signal.addEventListener("abort", () => gone.resolve());
      asked.resolve();
      if (part === "head") return gone.promise.then(() => new Response());
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
        cancel: () => gone.resolve(),
      });
      return new Response(body);
    }, async (url) => {
      const call = failure(count({ url, clock }, { timeoutMs: 800 }));
      await asked.promise;
      await clock.advance(799);
      assert.equal(clock.waiting, 1);
      await clock.advance(1);
      assert.deepEqual(await call, [
        "busy",
        "Cannot use Qdrant: no reply within 800 ms",
        undefined,
      ]);
      await gone.promise;
    });
  });
}

Deno.test("whoever asked may give up at any time, and is told no other reason than his own", async () => {
  const asked = Promise.withResolvers<void>(), gone = Promise.withResolvers<Response>();
  await withServer(() => (asked.resolve(), gone.promise), async (url) => {
    const reason = new Error("stop");
    const stop = new AbortController();
    const call = count({ url }, { signal: stop.signal });
    await asked.promise;
    stop.abort(reason);
    await assert.rejects(call, reason);
    await assert.rejects(count({ url }, { signal: stop.signal }), reason);
    gone.resolve(new Response());
  });
});

Deno.test("the key goes along as a header, and nothing is said on the console", async () => {
  const said: unknown[] = [];
  const { warn, log, error } = console;
  const note = (...words: unknown[]) => void said.push(words);
  Object.assign(console, { warn: note, log: note, error: note });
  try {
    await withServer((request) => {
      const { pathname, search } = new URL(request.url);
      const key = request.headers.get("api-key");
      assert.deepEqual([request.method, pathname, search, key], [
        "POST",
        `/under/here/collections/${SECRET}/points/count`,
        "",
        KEY,
      ]);
      return json(200, { result: { count: 3, more: 1 }, status: "ok", time: 1 });
    }, async (url) => {
      assert.deepEqual(await count({ url: `${url}/under/here/` }), { result: { count: 3 } });
    });
    assert.deepEqual(said, []);
  } finally {
    Object.assign(console, { warn, log, error });
  }
});

Deno.test("without a port it is Qdrant's own; one that is given is taken, also the scheme's", async () => {
  const asked: string[] = [];
  const real = globalThis.fetch;
  globalThis.fetch = (input) => {
    asked.push(new URL(String(input)).origin);
    return Promise.resolve(json(200, { result: { count: 0 } }));
  };
  try {
    const urls = [
      "http://qdrant",
      "https://q.example/",
      "https://q.example:443",
      "http://q.example:80/x",
      "http://[::1]:6334",
    ];
    for (const url of urls) await count({ url });
  } finally {
    globalThis.fetch = real;
  }
  assert.deepEqual(asked, [
    "http://qdrant:6333",
    "https://q.example:6333",
    "https://q.example",
    "http://q.example",
    "http://[::1]:6334",
  ]);
});
