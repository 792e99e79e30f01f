/**
 * Whatever a provider does that is not right, over a real connection: no vector of it is stored,
 * the texts stay to be done, and once it is well each is embedded with one more call.
 */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { openAiEmbedder } from "../src/embedder/openai.ts";
import { Indexer } from "../src/indexer.ts";
import type { Memory } from "../src/memory.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { eventually } from "./e2e/conditions.ts";
import { FakeClock, FakeEmbedder, memoryOf } from "./fakes/indexing.ts";
import { type Behaviour, type FakeOpenAi, fakeOpenAi, fakeVector } from "./fakes/openai.ts";
import { withApp } from "./http_app.ts";

const DIMENSIONS = 32;
const TEXTS = ["my diary of May", "my diary of June"];

/** How it then stands: waiting for better times, or for the operator. */
const OUTAGES: Readonly<Partial<Record<Behaviour, "waiting" | "misconfigured">>> = {
  hanging: "waiting",
  drip: "waiting",
  rate_limited: "waiting",
  server_error: "waiting",
  unauthorized: "misconfigured",
  out_of_quota: "misconfigured",
  refuses_dimensions: "misconfigured",
  redirect: "misconfigured",
  html: "waiting",
  cut_json: "waiting",
  too_few: "waiting",
  duplicate_index: "waiting",
  longer: "waiting",
  uneven: "waiting",
  nan: "waiting",
  infinite: "waiting",
  null: "waiting",
  strings: "waiting",
  zeros: "waiting",
  huge_numbers: "waiting",
  huge_body: "waiting",
  gzip_bomb: "waiting",
};

async function withIndexer(
  test: (fake: FakeOpenAi, indexer: Indexer, index: FloatScan) => Promise<void>,
  state: ReadonlyMap<string, Memory>,
): Promise<void> {
  const fake = fakeOpenAi(DIMENSIONS);
  const vectorIndex = new FloatScan();
  const { baseUrl } = fake;
  const indexer = new Indexer({
    embedder: openAiEmbedder({
      baseUrl,
      apiKey: "",
      model: "fake",
      dimensions: DIMENSIONS,
      timeoutMs: 2_000,
    }),
    newVectorIndex: () => vectorIndex,
    memory: (id) => state.get(id),
    // It stands still: nothing is tried again but on demand.
    clock: new FakeClock(),
    random: () => 1,
  });
  try {
    await test(fake, indexer, vectorIndex);
  } finally {
    await indexer.stop();
    await fake.close();
  }
}

for (const [behaviour, state] of Object.entries(OUTAGES)) {
  Deno.test(`of a provider that is ill (${behaviour}) no vector is stored, and none is missed later`, async () => {
    const memories = new Map(TEXTS.map((text, n) => [`${n}`, memoryOf(`${n}`, text)]));
    await withIndexer(async (fake, indexer, index) => {
      fake.behaviour = behaviour as Behaviour;
      await indexer.start(memories.values());
      indexer.retryFailed();
      await eventually(30_000, "that it is noticed", () => {
        return indexer.status().state === state ? true : undefined;
      });
      const { indexed, pending, failed } = indexer.stats();
      assert.deepEqual({ indexed, pending, failed }, { indexed: 0, pending: 2, failed: 0 });
      assert.equal(index.size, 0);

      fake.behaviour = "good";
      const { length } = fake.texts;
      indexer.retryFailed();
      await indexer.idle();
      assert.deepEqual(fake.texts.slice(length).toSorted(), TEXTS.toSorted());
      for (const [n, text] of TEXTS.entries()) {
        const vector = Float32Array.from(fakeVector(text, DIMENSIONS));
        const { hits } = await index.search({ vector, limit: 1 });
        assert.deepEqual(hits.map(({ id, score }) => [id, Math.abs(score - 1) < 1e-5]), [
          [`${n}`, true],
        ]);
      }
    }, memories);
  });
}

Deno.test("health says that texts were given up, though the provider is well", async () => {
  const embedder = new FakeEmbedder();
  embedder.plan = (texts) =>
    texts.includes("bad") ? new EmbedderError("input", "Cannot embed: refused") : undefined;
  await withApp(async (app) => {
    for (const content of ["good", "bad"]) {
      await app.done(201, "POST", "/memories", { json: { content } });
    }
    await app.clock.until(app.brain.indexer.idle());
    const { embeddings } = await app.done(200, "GET", "/stats");
    assert.deepEqual([embeddings.indexed, embeddings.pending, embeddings.failed], [1, 0, 1]);
    const health = await app.done(200, "GET", "/health", { key: null });
    assert.deepEqual([health.status, health.checks.embeddings], ["ok", "incomplete"]);
  }, { embedder });
});
