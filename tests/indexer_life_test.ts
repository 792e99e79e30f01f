/** The indexer from start to stop, and the vectors of queries. */
import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import { EmbeddingCache } from "../src/embedder/cache.ts";
import { cachedEmbedder } from "../src/embedder/cached.ts";
import { openAiEmbedder } from "../src/embedder/openai.ts";
import { EmbedderError, type ServedModels } from "../src/embedder.ts";
import { Indexer } from "../src/indexer.ts";
import { chunksOf } from "../src/indexer/chunks.ts";
import type { Memory } from "../src/memory.ts";
import type { FullVectors, VectorsKind } from "../src/vector_index.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { withBrain } from "./fakes/brain.ts";
import {
  FakeEmbedder,
  KeepingFakeEmbedder,
  MapVectorIndex,
  memoryOf,
  vectorOf,
  vectorsOf,
} from "./fakes/indexing.ts";
import { fakeOpenAi, fakeVector } from "./fakes/openai.ts";

const retry = () => new EmbedderError("retry", "Cannot embed: away");

Deno.test("at start own and remembered vectors come first, the rest newest first, live ones before", async () => {
  const remembered = new Map([["known", vectorOf("known")]]);
  const embedder = Object.assign(new FakeEmbedder(), {
    recall: (texts: readonly string[]) => Promise.resolve(texts.map((t) => remembered.get(t))),
  });
  await withBrain(async (brain) => {
    embedder.plan = (texts) => texts.includes("live") ? retry() : undefined;
    for (let n = 0; n < 2_500; n++) {
      const created_at = new Date(Date.UTC(2026, 0, 1) + ((n * 7) % 2_500) * 1_000).toISOString();
      brain.state.set(`${n}`, memoryOf(`${n}`, `text ${n}`, { created_at }));
    }
    brain.state.set("known", memoryOf("known", "known"));
    brain.state.set("own", memoryOf("own", "own", { embedding: Float32Array.of(1, 0, 0, 0) }));
    const started = brain.indexer.start(brain.state.values());
    brain.put("live", "live");
    await brain.clock.until(started);
    assert.ok(brain.index.has("known") && brain.index.has("own"));
    embedder.plan = () => undefined;
    await brain.idle();
    const times = embedder.texts.filter((text) => text.startsWith("text"))
      .map((text) => brain.state.get(text.slice(5))?.created_at ?? "");
    const firsts = [...new Set(times)];
    assert.deepEqual(firsts, firsts.toSorted().toReversed());
    assert.equal(embedder.texts[0], "live");
    assert.ok(!embedder.texts.includes("known") && !embedder.texts.includes("own"));
    assert.deepEqual(brain.held(), brain.wanted());
  }, { embedder });
});

Deno.test("what is deleted while the start goes on is not counted as pending", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = retry;
    for (let n = 0; n < 250; n++) brain.state.set(`${n}`, memoryOf(`${n}`, `text ${n}`));
    const started = brain.indexer.start([...brain.state.values()]);
    brain.delete("249");
    await brain.clock.until(started);
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 249, failed: 0 });
  }));

Deno.test("a search reads few of the vectors of long memories, of short ones all, own ones for nothing", async () => {
  const recalled: string[] = [];
  const embedder = Object.assign(new FakeEmbedder(), {
    recall(texts: readonly string[]) {
      recalled.push(...texts);
      return Promise.resolve(texts.map((text) => vectorOf(text)));
    },
  });
  let fullVectors: FullVectors = () => assert.fail("no index was made");
  const newVectorIndex = ({ fullVectors: source }: Pick<VectorsKind, "fullVectors">) => {
    fullVectors = source;
    return new MapVectorIndex();
  };
  await withBrain(async (brain) => {
    const own = Float32Array.of(1, 0, 0, 0);
    brain.state.set("own", memoryOf("own", "own", { embedding: own }));
    for (const n of [1, 2, 3]) brain.state.set(`${n}`, memoryOf(`${n}`, `${n} `.repeat(50_000)));
    brain.state.set("short", memoryOf("short", "short"));
    const long = brain.state.get("1")?.content ?? "";
    const expected = [[own], vectorsOf(long), undefined, undefined, vectorsOf("short"), undefined];
    assert.deepEqual(await fullVectors(["own", "1", "2", "3", "short", "gone"]), expected);
    assert.deepEqual(recalled, [...chunksOf(long), "short"]);
    assert.deepEqual(await fullVectors(["3"]), [vectorsOf("3 ".repeat(50_000))]);
  }, { embedder, newVectorIndex });
});

Deno.test("after a loss only what is lost is asked for, of long memories too", async () => {
  const embedder = new KeepingFakeEmbedder();
  let lose = () => {};
  const models: ServedModels = {
    length: undefined,
    previous: undefined,
    serve: () => {},
    whenLost: (listener) => lose = listener,
    allAsked: () => {},
    isTooSmall: () => true,
  };
  await withBrain(async (brain) => {
    for (const n of [1, 2, 3]) brain.put(`${n}`, `${n} `.repeat(49_000));
    await brain.idle();
    const chunks = new Set(chunksOf("3 ".repeat(49_000)));
    for (const chunk of chunks) embedder.kept.delete(chunk);
    const before = embedder.texts.length;
    lose();
    await brain.idle();
    assert.deepEqual(embedder.texts.slice(before), [...chunks]);
    assert.equal(brain.indexer.stats().cache_full, true);
  }, { embedder, models });
});

Deno.test("once every memory was looked up, and not before, it is said that the rest may be forgotten", async () => {
  const told: string[] = [];
  const embedder = Object.assign(new FakeEmbedder(), {
    recall(texts: readonly string[]) {
      told.push(...texts);
      return Promise.resolve(texts.map((text) => vectorOf(text)));
    },
  });
  const models: ServedModels = {
    length: undefined,
    previous: undefined,
    serve: () => {},
    whenLost: () => {},
    allAsked: () => told.push("all"),
    isTooSmall: () => false,
  };
  await withBrain(async (brain) => {
    const memories = Array.from({ length: 500 }, (_, n) => memoryOf(`${n}`, `text ${n}`));
    for (const memory of memories) brain.state.set(memory.id, memory);
    await brain.clock.until(brain.indexer.start(memories));
    assert.deepEqual(told, [...memories.map(({ content }) => content), "all"]);
  }, { embedder, models });
});

Deno.test("vectors that were being written when another length came are made again", async () => {
  const embedder = Object.assign(new FakeEmbedder(), {
    recall(texts: readonly string[]) {
      return Promise.resolve(texts.map((text) => text === "known" ? vectorOf(text, 2) : undefined));
    },
  });
  await withBrain(async (brain) => {
    brain.put("own", "own", { embedding: Float32Array.of(1, 2) });
    await brain.idle();
    const written = Promise.withResolvers<void>();
    brain.index.pause = () => written.promise;
    brain.state.set("known", memoryOf("known", "known"));
    const started = brain.indexer.start([memoryOf("known", "known")]);
    await brain.clock.advance(0);
    brain.put("live", "live");
    await brain.clock.advance(0);
    written.resolve();
    await brain.clock.until(started);
    await brain.idle();
    assert.deepEqual(brain.held(), {
      known: [vectorOf("known")],
      live: [vectorOf("live")],
      own: [vectorOf("own")],
    });
  }, { embedder });
});

Deno.test("a vector of its own that turns out to be of no use while it is written gives way to the text", () =>
  withBrain(async (brain) => {
    const written = Promise.withResolvers<void>();
    brain.index.pause = () => written.promise;
    brain.put("own", "own", { embedding: Float32Array.of(1, 2) });
    await brain.clock.advance(0);
    brain.put("live", "live");
    await brain.clock.advance(0);
    written.resolve();
    await brain.idle();
    assert.deepEqual(brain.held(), { live: [vectorOf("live")], own: [vectorOf("own")] });
  }));

Deno.test("stopping gives up what is under way and lets waiters go", async () => {
  await withBrain(async (brain) => {
    brain.embedder.plan = () => new Promise(() => {});
    brain.put("a", "text");
    const idle = brain.indexer.idle();
    await brain.clock.advance(0);
    await brain.indexer.stop();
    await idle;
    assert.deepEqual(brain.held(), {});
  });
});

Deno.test("once it is stopped nothing is begun anew, whatever is answered late", async () => {
  const answer = Promise.withResolvers<void>();
  const embedder = new FakeEmbedder();
  embedder.embed = async (texts) => {
    embedder.calls.push([...texts]);
    await answer.promise;
    return texts.map((text) => vectorOf(text));
  };
  await withBrain(async (brain) => {
    brain.put("own", "own", { embedding: Float32Array.of(1, 2) });
    await brain.idle();
    brain.put("live", "live");
    await brain.clock.advance(0);
    await brain.indexer.stop();
    // It says now that the vectors have another length than those in the index.
    answer.resolve();
    await brain.clock.advance(60_000);
    assert.deepEqual(embedder.calls, [["live"]]);
  }, { embedder });
});

Deno.test("over a real connection an outage costs one call per distinct text, a restart none", async () => {
  const folder = await Deno.makeTempDir();
  const fake = fakeOpenAi();
  const provider = openAiEmbedder({ baseUrl: fake.baseUrl, apiKey: "", model: "fake" });
  const state = new Map<string, Memory>();
  for (let n = 0; n < 250; n++) state.set(`${n}`, memoryOf(`${n}`, `garden ${n % 130}`));

  /** A life of the process: `meanwhile` happens once the start is over and nothing moves. */
  async function live(meanwhile: (indexer: Indexer) => void): Promise<void> {
    const path = `${folder}/embeddings.db`;
    const quarantineFolder = `${folder}/quarantine`;
    const cache = new EmbeddingCache({ path, quarantineFolder, maxBytes: 1024 ** 3 });
    const embedder = cachedEmbedder(provider, cache);
    const vectorIndex = new FloatScan();
    const indexer = new Indexer({
      embedder,
      newVectorIndex: () => vectorIndex,
      memory: (id) => state.get(id),
      clock: systemClock,
      random: Math.random,
    });
    await indexer.start(state.values());
    await indexer.idle();
    meanwhile(indexer);
    await indexer.idle();
    assert.equal(vectorIndex.size, 250);
    const last = state.get("249") ?? assert.fail("it is there");
    const vectors = [Float32Array.from(fakeVector("garden 119", 32))];
    assert.deepEqual(await indexer.serving.vectorsOf(last), vectors);
    await indexer.stop();
    cache.close();
  }

  try {
    fake.behaviour = "unauthorized";
    let refused = 0;
    await live((indexer) => {
      assert.equal(indexer.status().state, "misconfigured");
      refused = fake.texts.length;
      fake.behaviour = "good";
      indexer.retryFailed();
    });
    const answered = fake.texts.slice(refused);
    assert.equal(answered.length, 130);
    assert.equal(new Set(answered).size, 130);
    await live(() => {});
    assert.equal(fake.texts.length, refused + 130);
  } finally {
    await fake.close();
    await Deno.remove(folder, { recursive: true });
  }
});
Deno.test("queries are remembered, cut off after 1.5 seconds, and refused at once when it is no use", () =>
  withBrain(async (brain) => {
    const { clock, embedder, indexer } = brain;
    assert.deepEqual(await indexer.serving.embedQuery("known"), vectorOf("known"));
    embedder.plan = () => new Promise(() => {});
    for (let n = 0; n < 5; n++) {
      const before = clock.now();
      const query = assert.rejects(indexer.serving.embedQuery(`hung ${n}`), { fault: "retry" });
      await clock.until(query);
      assert.equal(clock.now() - before, 1_500);
    }
    assert.equal(embedder.calls.length, 6);
    await assert.rejects(indexer.serving.embedQuery("refused"), { fault: "retry" });
    assert.deepEqual(await indexer.serving.embedQuery("known"), vectorOf("known"));
    assert.equal(embedder.calls.length, 6);

    await clock.advance(30_000);
    const probe = assert.rejects(indexer.serving.embedQuery("probe"), { fault: "retry" });
    await brain.clock.advance(0);
    await assert.rejects(indexer.serving.embedQuery("beside it"), { fault: "retry" });
    assert.equal(embedder.calls.length, 7);
    await clock.until(probe);

    await clock.advance(30_000);
    embedder.plan = () => undefined;
    assert.deepEqual(await indexer.serving.embedQuery("well again"), vectorOf("well again"));
    assert.deepEqual(await indexer.serving.embedQuery("and on"), vectorOf("and on"));
  }));

Deno.test("the memory for query vectors is bounded", () =>
  withBrain(async (brain) => {
    for (let n = 0; n < 300; n++) await brain.indexer.serving.embedQuery(`query ${n}`);
    await brain.indexer.serving.embedQuery("query 299");
    assert.equal(brain.embedder.calls.length, 300);
    await brain.indexer.serving.embedQuery("query 0");
    assert.equal(brain.embedder.calls.length, 301);
  }));
