/**
 * A fake of an OpenAI-compatible embedding server on loopback, whose behaviour a test switches.
 *
 * Its vectors mean something: words of one concept share a direction, other words have one of
 * their own, and a text is the normalised sum of its words. So related texts are near each other.
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { z } from "zod";

export type Behaviour =
  | "good"
  | "slow"
  | "very_slow"
  | "hanging"
  | "rate_limited"
  | "out_of_quota"
  | "server_error"
  | "unauthorized"
  | "refuses_marked"
  | "refuses_dimensions"
  | "html"
  | "cut_json"
  | "too_few"
  | "shuffled"
  | "duplicate_index"
  | "longer"
  | "uneven"
  | "nan"
  | "infinite"
  | "null"
  | "strings"
  | "zeros"
  | "huge_numbers"
  | "huge_body"
  | "gzip_bomb"
  | "drip"
  | "redirect";

export interface FakeOpenAi {
  /** Up to and without `/embeddings`. */
  readonly baseUrl: string;
  behaviour: Behaviour;
  dimensions: number;
  /** Sent with a 429. */
  retryAfter: string;
  readonly calls: readonly { readonly texts: readonly string[]; readonly headers: Headers }[];
  /** Every text of every call, in order. */
  readonly texts: readonly string[];
  close(): Promise<void>;
}

/** A text that holds this is refused by `refuses_marked`. */
export const REFUSED_MARK = "[refused]";

const VERY_SLOW_MS = 5_000;

const CONCEPTS = [
  ["garden", "fence", "plant", "soil", "tomato", "hedge"],
  ["car", "engine", "garage", "tyre", "drive"],
  ["doctor", "health", "medicine", "clinic", "pill"],
  ["flight", "hotel", "travel", "airport", "passport"],
  ["music", "piano", "concert", "song", "choir"],
];

const Asked = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.literal("float"),
  dimensions: z.number().int().positive().optional(),
});

/** The direction of a word: the same for all words of one concept, but for a small own part. */
function direction(word: string, dimensions: number): Float64Array {
  const concept = CONCEPTS.findIndex((words) => words.includes(word));
  const vector = noise(word, dimensions).map((x) => concept < 0 ? x : x * 0.3);
  if (concept >= 0) noise(`concept ${concept}`, dimensions).forEach((x, at) => vector[at]! += x);
  return vector;
}

function noise(seed: string, dimensions: number): Float64Array {
  const vector = new Float64Array(dimensions);
  let block = createHash("sha256").update(seed).digest();
  for (let at = 0; at < dimensions; at++) {
    if (at > 0 && at % 8 === 0) block = createHash("sha256").update(block).digest();
    vector[at] = block.readInt32LE((at % 8) * 4) / 2 ** 31;
  }
  return vector;
}

/** The vector that the fake answers for a text. */
export function fakeVector(text: string, dimensions: number): number[] {
  const sum = new Float64Array(dimensions);
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [text];
  for (const word of words) direction(word, dimensions).forEach((x, at) => sum[at]! += x);
  const norm = Math.hypot(...sum) || 1;
  return Array.from(sum, (x) => x / norm);
}

export function fakeOpenAi(dimensions = 32): FakeOpenAi {
  const calls: { texts: string[]; headers: Headers }[] = [];
  const stopping = new AbortController();
  const fake = {
    baseUrl: "",
    behaviour: "good" as Behaviour,
    dimensions,
    retryAfter: "7",
    calls,
    get texts() {
      return calls.flatMap(({ texts }) => texts);
    },
    async close() {
      stopping.abort();
      await server.shutdown();
    },
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: stopping.signal, onListen() {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      if (path !== "/v1/embeddings") return new Response("no such path", { status: 404 });
      const asked = Asked.parse(await request.json());
      calls.push({ texts: asked.input, headers: request.headers });
      const { input: texts, dimensions = fake.dimensions } = asked;
      const rows = texts.map((text, index) => ({ index, embedding: fakeVector(text, dimensions) }));
      return await ANSWERS[fake.behaviour]({ fake, texts, rows, gone: request.signal });
    },
  );
  fake.baseUrl = `http://127.0.0.1:${server.addr.port}/v1`;
  return fake;
}

interface Exchange {
  readonly fake: FakeOpenAi;
  readonly texts: readonly string[];
  readonly rows: readonly { index: number; embedding: number[] }[];
  /** Aborts when the caller hangs up. */
  readonly gone: AbortSignal;
}

type Answer = (exchange: Exchange) => Response | Promise<Response>;

const reply = (data: unknown) => Response.json({ object: "list", model: "fake", data });

/** Its message quotes what was sent, as real ones do. */
function refusal(status: number, error: object, headers = {}): Answer {
  return ({ texts }) =>
    Response.json({ error: { message: `no: ${texts.join()}`, ...error } }, { status, headers });
}

/** Rows whose every component is this. */
function filled(component: unknown): Answer {
  return ({ rows }) =>
    reply(rows.map((row) => ({ ...row, embedding: row.embedding.map(() => component) })));
}

const ANSWERS: Record<Behaviour, Answer> = {
  good: ({ rows }) => reply(rows),
  slow: ({ rows }) => new Promise((resolve) => setTimeout(() => resolve(reply(rows)), 30)),
  very_slow: ({ rows, gone }) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(reply(rows)), VERY_SLOW_MS);
      gone.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve(new Response(null, { status: 503 }));
      });
    }),
  hanging: ({ gone }) =>
    new Promise((resolve) => {
      gone.addEventListener("abort", () => resolve(new Response(null, { status: 503 })));
    }),
  rate_limited: (exchange) =>
    refusal(429, { code: "rate_limit_exceeded" }, { "retry-after": exchange.fake.retryAfter })(
      exchange,
    ),
  out_of_quota: refusal(429, { code: "insufficient_quota" }),
  server_error: refusal(500, {}),
  unauthorized: refusal(401, { code: "invalid_api_key" }),
  refuses_marked: (exchange) =>
    exchange.texts.some((text) => text.includes(REFUSED_MARK))
      ? refusal(400, { type: "invalid_request_error" })(exchange)
      : reply(exchange.rows),
  refuses_dimensions: refusal(400, { param: "dimensions" }),
  html: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  cut_json: ({ rows }) =>
    new Response(JSON.stringify({ data: rows }).slice(0, -20), {
      headers: { "content-type": "application/json" },
    }),
  too_few: ({ rows }) => reply(rows.slice(1)),
  shuffled: ({ rows }) => reply(rows.toReversed()),
  duplicate_index: ({ rows }) => reply(rows.map((row) => ({ ...row, index: 0 }))),
  longer: ({ rows }) => reply(rows.map((row) => ({ ...row, embedding: [...row.embedding, 1] }))),
  uneven: ({ rows }) => reply(rows.map((row, at) => at === 0 ? row : { ...row, embedding: [1] })),
  nan: () => new Response(`{"data":[{"index":0,"embedding":[1,NaN]}]}`),
  infinite: ({ rows }) =>
    new Response(JSON.stringify({ data: rows }).replace(/\[-?0\.\d+/g, "[1e999")),
  null: filled(null),
  strings: filled("0.5"),
  zeros: filled(0),
  huge_numbers: filled(1e38),
  huge_body: () => new Response(endless(64 * 1024, 0)),
  gzip_bomb: () => new Response(bomb(), { headers: { "content-encoding": "gzip" } }),
  drip: () => new Response(endless(1, 5)),
  redirect: () =>
    new Response(null, {
      status: 307,
      headers: { location: "http://169.254.169.254/latest/meta-data" },
    }),
};

/** A few thousand bytes that are 64 MiB once they are unpacked. */
function bomb(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(new Uint8Array(64 << 20).fill(0x20)));
}

/** Blanks that go on to 300 MB, or until nobody reads them any more. */
function endless(chunkBytes: number, pauseMs: number): ReadableStream<Uint8Array> {
  let left = 300 * 1024 * 1024;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const chunk = new TextEncoder().encode(" ".repeat(chunkBytes));
  return new ReadableStream({
    async pull(stream) {
      if (pauseMs > 0) await new Promise((resolve) => timer = setTimeout(resolve, pauseMs));
      if (left <= 0) return stream.close();
      left -= chunk.length;
      stream.enqueue(chunk);
    },
    cancel() {
      clearTimeout(timer);
    },
  });
}

/** A loopback address that nothing listens on. */
export function closedPort(): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return `http://127.0.0.1:${port}/v1`;
}
