/** The OpenAI adapter against a fake server that lies, stalls and floods. */
import assert from "node:assert/strict";
import type { EmbedderFault } from "../src/embedder.ts";
import { openAiEmbedder, type OpenAiOptions } from "../src/embedder/openai.ts";
import { failureOf, never, testEmbedderContract } from "./embedder_contract.ts";
import {
  type Behaviour,
  closedPort,
  type FakeOpenAi,
  fakeOpenAi,
  fakeVector,
} from "./fakes/openai.ts";

const KEY = "sk-canary-0123456789";

function embedderOf(fake: { baseUrl: string }, options: Partial<OpenAiOptions> = {}) {
  return openAiEmbedder({ baseUrl: fake.baseUrl, apiKey: KEY, model: "fake-3", ...options });
}

async function withFake(test: (fake: FakeOpenAi) => Promise<void>): Promise<void> {
  const fake = fakeOpenAi();
  try {
    await test(fake);
  } finally {
    await fake.close();
  }
}

const BENEATH = { good: "good", failing: "server_error", hanging: "hanging" } as const;

testEmbedderContract("the OpenAI embedder", (setting) => {
  const fake = fakeOpenAi();
  fake.behaviour = BENEATH[setting];
  return { embedder: embedderOf(fake), close: () => fake.close() };
});

Deno.test("the OpenAI embedder answers the provider's vectors and asks in floats", async () => {
  await withFake(async (fake) => {
    const embedder = embedderOf(fake, { dimensions: 8, provider: "local" });
    const vectors = await embedder.embed(["garden", "engine"], { signal: never() });
    const expected = ["garden", "engine"].map((text) => Float32Array.from(fakeVector(text, 8)));
    assert.deepEqual(vectors, expected);
    assert.deepEqual(fake.texts, ["garden", "engine"]);
    assert.equal(fake.calls[0]?.headers.get("authorization"), `Bearer ${KEY}`);
    const { provider, model, dimensions } = embedder;
    assert.deepEqual({ provider, model, dimensions }, {
      provider: "local",
      model: "fake-3",
      dimensions: 8,
    });
  });
});

Deno.test("the OpenAI embedder puts a reply in another order right", async () => {
  await withFake(async (fake) => {
    fake.behaviour = "shuffled";
    const vectors = await embedderOf(fake).embed(["garden", "engine"], { signal: never() });
    assert.deepEqual(
      vectors,
      ["garden", "engine"].map((t) => Float32Array.from(fakeVector(t, 32))),
    );
  });
});

Deno.test("the OpenAI embedder sends no authorization without a key", async () => {
  await withFake(async (fake) => {
    await embedderOf(fake, { apiKey: "" }).embed(["a"], { signal: never() });
    assert.equal(fake.calls[0]?.headers.get("authorization"), null);
  });
});

const FAILURES: Record<
  Exclude<Behaviour, "good" | "slow" | "very_slow" | "shuffled">,
  [EmbedderFault, string]
> = {
  hanging: ["retry", "Cannot embed: no reply within 200 ms"],
  drip: ["retry", "Cannot embed: no reply within 200 ms"],
  rate_limited: ["retry", "Cannot embed: the provider answered 429"],
  out_of_quota: ["config", "Cannot embed: the provider answered 429"],
  server_error: ["retry", "Cannot embed: the provider answered 500"],
  unauthorized: ["config", "Cannot embed: the provider answered 401"],
  refuses_marked: ["input", "Cannot embed: the provider answered 400"],
  refuses_dimensions: ["config", "Cannot embed: the provider answered 400"],
  html: ["retry", "Cannot use the provider's reply: it is not JSON"],
  cut_json: ["retry", "Cannot use the provider's reply: it is not JSON"],
  too_few: ["retry", "Cannot use the provider's reply: 1 vectors for 2 texts"],
  duplicate_index: ["retry", "Cannot use the provider's reply: its indices are not 0 to n-1"],
  longer: ["retry", "Cannot use the provider's reply: its vectors' length is wrong"],
  uneven: ["retry", "Cannot use the provider's reply: its vectors' length is wrong"],
  nan: ["retry", "Cannot use the provider's reply: it is not JSON"],
  infinite: ["retry", "Cannot use the provider's reply: it is not a list of vectors"],
  null: ["retry", "Cannot use the provider's reply: it is not a list of vectors"],
  strings: ["retry", "Cannot use the provider's reply: it is not a list of vectors"],
  zeros: ["retry", "Cannot use the provider's reply: a vector has no direction"],
  huge_numbers: ["retry", "Cannot use the provider's reply: a vector has no direction"],
  huge_body: ["retry", "Cannot embed: the reply is too large"],
  gzip_bomb: ["retry", "Cannot embed: the reply is too large"],
  redirect: ["config", "Cannot embed: the provider's address redirects elsewhere"],
};

for (const [behaviour, [fault, message]] of Object.entries(FAILURES)) {
  Deno.test(`the OpenAI embedder calls "${behaviour}" a ${fault} fault`, async () => {
    await withFake(async (fake) => {
      fake.behaviour = behaviour as Behaviour;
      const stalls = ["hanging", "drip"].includes(behaviour);
      const embedder = embedderOf(fake, {
        // Of a provider that was told the length, another length is wrong.
        dimensions: behaviour === "longer" ? 32 : undefined,
        timeoutMs: stalls ? 200 : 20_000,
      });
      const call = embedder.embed(["my diary", "[refused]"], { signal: never() });
      const error = await failureOf(call);
      assert.deepEqual({ fault: error.fault, message: error.message }, { fault, message });
      const shown = Deno.inspect(error, { depth: 10 });
      for (const secret of [KEY, "diary", fake.baseUrl]) assert.ok(!shown.includes(secret), shown);
      assert.equal(fake.calls.length, 1);
    });
  });
}

Deno.test("the OpenAI embedder names a closed port a retry fault", async () => {
  const error = await failureOf(
    embedderOf({ baseUrl: closedPort() }).embed(["a"], {
      signal: never(),
    }),
  );
  assert.deepEqual([error.fault, error.message], [
    "retry",
    "Cannot embed: the provider cannot be reached",
  ]);
});

Deno.test("the OpenAI embedder names a host that has no address a retry fault", async () => {
  // No label may be this long, so that the answer hangs on nobody's name server.
  const baseUrl = `http://${"x".repeat(64)}.invalid/v1`;
  const error = await failureOf(embedderOf({ baseUrl }).embed(["a"], { signal: never() }));
  assert.deepEqual([error.fault, error.message], [
    "retry",
    "Cannot embed: the provider cannot be reached",
  ]);
});

Deno.test("the OpenAI embedder calls a reply that breaks off a retry fault", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(64 * 1024));
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    await connection.write(new TextEncoder().encode(head));
  })();
  const baseUrl = `http://127.0.0.1:${listener.addr.port}/v1`;
  const error = await failureOf(embedderOf({ baseUrl }).embed(["a"], { signal: never() }));
  assert.deepEqual([error.fault, error.message], ["retry", "Cannot embed: the reply broke off"]);
  await serving;
  listener.close();
});

Deno.test("the OpenAI embedder reads Retry-After as seconds or a date, within an hour", async () => {
  await withFake(async (fake) => {
    fake.behaviour = "rate_limited";
    const now = () => Date.parse("2026-01-01T00:00:00Z");
    const heard: [string, number | undefined][] = [
      ["7", 7_000],
      ["0.5", 500],
      ["0", 0],
      ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
      ["Wed, 31 Dec 2025 23:00:00 GMT", 0],
      ["999999", 3_600_000],
      ["soon", undefined],
      ["", undefined],
    ];
    for (const [header, expected] of heard) {
      fake.retryAfter = header;
      const error = await failureOf(embedderOf(fake, { now }).embed(["a"], { signal: never() }));
      assert.equal(error.retryAfterMs, expected, header);
    }
  });
});
