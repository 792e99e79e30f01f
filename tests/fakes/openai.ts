/**
 * A fake of an OpenAI-compatible embedding server on loopback, whose behaviour a test switches.
 *
 * Its vectors mean something: words of one concept share a direction, other words have one of
 * their own, and a text is the normalised sum of its words. So related texts are near each other.
 */
import { createHash } from "node:crypto";
import { z } from "zod";

export type Behaviour =
  | "good"
  | "slow"
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
  | "null"
  | "strings"
  | "zeros"
  | "huge_numbers"
  | "huge_body"
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

const CONCEPTS = [
  ["garden", "fence", "plant", "soil", "tomato", "hedge"],
  ["car", "engine", "garage", "tyre", "drive"],
  ["doctor", "health", "medicine", "clinic", "pill"],
  ["flight", "hotel", "travel", "airport", "passport"],
  ["music", "piano", "concert", "song", "choir"],
];

const Request_ = z.object({
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
      const asked = Request_.parse(await request.json());
      calls.push({ texts: asked.input, headers: request.headers });
      return await answer(fake, asked, request.signal);
    },
  );
  fake.baseUrl = `http://127.0.0.1:${server.addr.port}/v1`;
  return fake;
}

type Asked = z.infer<typeof Request_>;

function answer(fake: FakeOpenAi, asked: Asked, gone: AbortSignal): Response | Promise<Response> {
  const dimensions = asked.dimensions ?? fake.dimensions;
  const data = asked.input.map((text, index) => ({
    object: "embedding",
    index,
    embedding: fakeVector(text, dimensions),
  }));
  const reply = (rows: unknown) =>
    Response.json({ object: "list", data: rows, model: asked.model });
  const refusal = (status: number, error: object, headers = {}) =>
    Response.json({ error: { message: `no: ${asked.input.join()}`, ...error } }, {
      status,
      headers,
    });
  const broken = (component: unknown) =>
    reply(data.map((row) => ({ ...row, embedding: row.embedding.map(() => component) })));

  switch (fake.behaviour) {
    case "good":
      return reply(data);
    case "slow":
      return new Promise((resolve) => setTimeout(() => resolve(reply(data)), 30));
    case "hanging":
      return new Promise((resolve) => {
        gone.addEventListener("abort", () => resolve(new Response(null, { status: 503 })));
      });
    case "rate_limited":
      return refusal(429, { code: "rate_limit_exceeded" }, { "retry-after": fake.retryAfter });
    case "out_of_quota":
      return refusal(429, { code: "insufficient_quota" });
    case "server_error":
      return refusal(500, {});
    case "unauthorized":
      return refusal(401, { code: "invalid_api_key" });
    case "refuses_marked":
      return asked.input.some((text) => text.includes(REFUSED_MARK))
        ? refusal(400, { type: "invalid_request_error" })
        : reply(data);
    case "refuses_dimensions":
      return refusal(400, { param: "dimensions" });
    case "html":
      return new Response("<!doctype html><title>Welcome</title>", {
        headers: { "content-type": "text/html" },
      });
    case "cut_json":
      return new Response(JSON.stringify({ data }).slice(0, -20), {
        headers: { "content-type": "application/json" },
      });
    case "too_few":
      return reply(data.slice(1));
    case "shuffled":
      return reply(data.toReversed());
    case "duplicate_index":
      return reply(data.map((row) => ({ ...row, index: 0 })));
    case "longer":
      return reply(data.map((row) => ({ ...row, embedding: [...row.embedding, 0.5] })));
    case "uneven":
      return reply(data.map((row, at) => at === 0 ? row : { ...row, embedding: [1, 0] }));
    case "nan":
      return new Response(`{"data":[{"index":0,"embedding":[1e999,NaN]}]}`);
    case "null":
      return broken(null);
    case "strings":
      return broken("0.5");
    case "zeros":
      return broken(0);
    case "huge_numbers":
      return broken(1e38);
    case "huge_body":
      return new Response(endless(64 * 1024, 0));
    case "drip":
      return new Response(endless(1, 5));
    case "redirect":
      return new Response(null, {
        status: 307,
        headers: { location: "http://169.254.169.254/latest/meta-data" },
      });
  }
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
