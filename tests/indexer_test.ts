/** The indexer on a clock turned by hand, over an embedder and an index that obey the test. */
import assert from "node:assert/strict";
import { EmbeddingCache } from "../src/embedder/cache.ts";
import { cachedEmbedder } from "../src/embedder/cached.ts";
import { openAiEmbedder } from "../src/embedder/openai.ts";
import { EmbedderError } from "../src/embedder.ts";
import { embeddingText, Indexer, type IndexerOptions, systemClock } from "../src/indexer.ts";
import type { Memory } from "../src/memory.ts";
import { FakeClock, FakeEmbedder, MapVectorIndex, memoryOf, vectorOf } from "./fakes/indexing.ts";
import { fakeOpenAi } from "./fakes/openai.ts";

const retry = (ms?: number) => new EmbedderError("retry", "Cannot embed: away", ms);
const refusal = () => new EmbedderError("input", "Cannot embed: refused");
const misconfigured = () => new EmbedderError("config", "Cannot embed: the key is wrong");

/** An indexer with everything around it; `put` and `delete` change the state and tell it. */
class Brain {
  readonly state = new Map<string, Memory>();
  readonly clock = new FakeClock();
  readonly embedder = new FakeEmbedder();
  readonly index = new MapVectorIndex();
  readonly logged: string[] = [];
  readonly indexer: Indexer;

  constructor(options: Partial<IndexerOptions> = {}) {
    this.indexer = new Indexer({
      embedder: this.embedder,
      vectorIndex: this.index,
      memory: (id) => this.state.get(id),
      clock: this.clock,
      random: () => 1,
      log: (message) => this.logged.push(message),
      ...options,
    });
  }

  put(id: string, content: string, more: Partial<Memory> = {}): void {
    const memory = memoryOf(id, content, more);
    this.state.set(id, memory);
    this.indexer.put(memory);
  }

  delete(id: string): void {
    this.state.delete(id);
    this.indexer.delete(id);
  }

  /** Turns the clock until the indexer is idle. */
  idle(): Promise<void> {
    return this.clock.until(this.indexer.idle());
  }

  counts(): { indexed: number; pending: number; failed: number } {
    const { indexed, pending, failed } = this.indexer.stats();
    return { indexed, pending, failed };
  }

  /** What the index holds: for each id the vector it has. */
  held(): Record<string, Float32Array> {
    return Object.fromEntries([...this.index.vectors].toSorted(([a], [b]) => a < b ? -1 : 1));
  }

  /** What it should hold by the state. */
  wanted(): Record<string, Float32Array> {
    const memories = [...this.state.values()].toSorted((a, b) => a.id < b.id ? -1 : 1);
    return Object.fromEntries(
      memories.map(({ id, content, embedding }) => [id, embedding ?? vectorOf(content)]),
    );
  }
}

async function withBrain(test: (brain: Brain) => Promise<void>, options = {}): Promise<void> {
  const brain = new Brain(options);
  try {
    await test(brain);
  } finally {
    await brain.indexer.stop();
  }
  assert.equal(brain.clock.waiting, 0, "a timer outlived the indexer");
}

Deno.test("a memory that was put is embedded, indexed and counted", () =>
  withBrain(async (brain) => {
    brain.put("a", "the garden fence");
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 1, failed: 0 });
    await brain.idle();
    assert.deepEqual(brain.held(), { a: vectorOf("the garden fence") });
    assert.deepEqual(brain.indexer.stats(), {
      provider: "fake",
      model: "fake-1",
      dimensions: 4,
      indexed: 1,
      pending: 0,
      failed: 0,
    });
    assert.deepEqual(brain.indexer.status(), { state: "ok", detail: null });
  }));

Deno.test("a change that leaves the text alone asks for no embedding", () =>
  withBrain(async (brain) => {
    brain.put("a", "text");
    await brain.idle();
    brain.put("a", "text", { importance_score: 1 });
    await brain.idle();
    assert.deepEqual(brain.embedder.calls, [["text"]]);
  }));

Deno.test("a vector that came with the memory is indexed as it is, provider or not", async () => {
  const own = Float32Array.of(1, 2, 3, 4);
  for (const embedder of [undefined, new FakeEmbedder()]) {
    await withBrain(async (brain) => {
      brain.put("a", "text", { embedding: own });
      await brain.idle();
      assert.deepEqual(brain.held(), { a: own });
      assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 0 });
      assert.deepEqual(embedder?.calls ?? [], []);
    }, { embedder });
  }
});

Deno.test("without a provider texts are not indexed and nothing is pending", () =>
  withBrain(async (brain) => {
    brain.put("a", "text");
    brain.put("b", "text", { embedding: Float32Array.of(1) });
    await brain.idle();
    brain.put("b", "another");
    await brain.idle();
    brain.delete("a");
    await brain.idle();
    assert.deepEqual(brain.held(), {});
    assert.deepEqual(brain.indexer.stats(), {
      provider: null,
      model: null,
      dimensions: null,
      indexed: 0,
      pending: 0,
      failed: 0,
    });
    assert.deepEqual(brain.indexer.status(), { state: "off", detail: null });
    await assert.rejects(brain.indexer.embedQuery("q"), { fault: "config" });
  }, { embedder: undefined }));

Deno.test("a deleted memory leaves the index, and an edited one its old meaning, at once", () =>
  withBrain(async (brain) => {
    for (const id of ["a", "b"]) brain.put(id, id);
    await brain.idle();
    brain.embedder.plan = () => retry();
    brain.delete("a");
    brain.put("b", "edited");
    await brain.clock.advance(0);
    assert.deepEqual(brain.held(), {});
    brain.embedder.plan = () => undefined;
    await brain.idle();
    assert.deepEqual(brain.held(), { b: vectorOf("edited") });
  }));

Deno.test("an answer for a text that was edited or deleted meanwhile is dropped", () =>
  withBrain(async (brain) => {
    const answer = Promise.withResolvers<void>();
    brain.embedder.plan = () => answer.promise;
    for (const id of ["edited", "deleted", "same"]) brain.put(id, `first ${id}`);
    await brain.clock.advance(0);
    brain.embedder.plan = () => undefined;
    brain.put("edited", "second");
    brain.delete("deleted");
    answer.resolve();
    await brain.idle();
    assert.deepEqual(brain.held(), { edited: vectorOf("second"), same: vectorOf("first same") });
    assert.deepEqual(brain.embedder.texts.slice(3), ["second"]);
  }));

Deno.test("a text edited to and fro while its vector is written ends as the state has it", () =>
  withBrain(async (brain) => {
    brain.put("a", "A");
    await brain.idle();
    brain.put("a", "B");
    brain.put("a", "A");
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
    brain.put("a", "B");
    await Promise.resolve();
    brain.put("a", "A");
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("batches hold at most 100 texts and 100,000 characters, two under way at a time", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = () => new Promise((resolve) => brain.clock.after(10, resolve));
    for (let n = 0; n < 250; n++) brain.put(`short ${n}`, `text ${n}`);
    await brain.idle();
    assert.ok(brain.embedder.calls.every((texts) => texts.length <= 100));
    assert.ok(brain.embedder.calls.length <= 5, `${brain.embedder.calls.length} calls`);
    const before = brain.embedder.calls.length;
    for (let n = 0; n < 10; n++) brain.put(`long ${n}`, `${n}`.repeat(24_000));
    await brain.idle();
    const long = brain.embedder.calls.slice(before);
    assert.ok(long.every((texts) => texts.join("").length <= 100_000));
    assert.equal(brain.embedder.mostAtOnce, 2);
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a very long text is cut, and never within a character", () => {
  assert.equal(embeddingText(memoryOf("a", "x".repeat(24_000))).length, 24_000);
  assert.equal(embeddingText(memoryOf("a", "x".repeat(100_000))).length, 24_000);
  const cut = embeddingText(memoryOf("a", "x" + "🪴".repeat(20_000)));
  assert.ok(cut.isWellFormed());
  assert.equal(cut.length, 23_999);
});

Deno.test("after an outage every text is embedded, and none was lost", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = () => retry();
    for (let n = 0; n < 150; n++) brain.put(`${n}`, `text ${n}`);
    await brain.clock.advance(60 * 60_000);
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 150, failed: 0 });
    assert.deepEqual(brain.indexer.status(), { state: "waiting", detail: "Cannot embed: away" });
    // Two at first, then 1, 2, 4 ... 256 s apart and then every five minutes.
    assert.ok(brain.embedder.calls.length < 25, `${brain.embedder.calls.length} calls`);
    brain.embedder.plan = () => undefined;
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
    assert.equal(brain.embedder.answered.length, 150);
    assert.deepEqual(brain.indexer.status(), { state: "ok", detail: null });
  }));

Deno.test("a provider that never answers is given up after 20 seconds", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = () => new Promise(() => {});
    brain.put("a", "text");
    await brain.clock.advance(19_999);
    assert.equal(brain.indexer.status().state, "ok");
    await brain.clock.advance(1);
    assert.deepEqual(brain.indexer.status(), {
      state: "waiting",
      detail: "Cannot embed: no answer within 20000 ms",
    });
    brain.embedder.plan = () => undefined;
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("the waits between attempts are random and double, and Retry-After is obeyed", () =>
  withBrain(async (brain) => {
    const at: number[] = [];
    let after: number | undefined = undefined;
    brain.embedder.plan = () => (at.push(brain.clock.now()), retry(after));
    brain.put("a", "text");
    await brain.clock.advance(8_000);
    assert.deepEqual(at, [0, 500, 1_500, 3_500, 7_500]);
    after = 90_000;
    await brain.clock.advance(8_000);
    assert.equal(at.length, 6);
    await brain.clock.advance(89_000);
    assert.equal(at.length, 6);
    await brain.clock.advance(1_000);
    assert.equal(at.length, 7);
  }, { random: () => 0.5 }));

Deno.test("with a wrong setting it looks in every five minutes, says so, and is idle", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = misconfigured;
    brain.put("a", "text");
    await brain.idle();
    assert.deepEqual(brain.indexer.status(), {
      state: "misconfigured",
      detail: "Cannot embed: the key is wrong",
    });
    await brain.clock.advance(15 * 60_000);
    assert.equal(brain.embedder.calls.length, 4);
    brain.put("b", "text");
    await brain.clock.advance(0);
    assert.equal(brain.embedder.calls.length, 4);
    brain.embedder.plan = () => undefined;
    brain.indexer.retryFailed();
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a refused text is found by halving, given up alone, and taken up again when edited", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = (texts) =>
      texts.some((text) => text.includes("bad")) ? refusal() : undefined;
    for (let n = 0; n < 100; n++) brain.put(`${n}`, n === 70 ? "bad" : `good ${n}`);
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 99, pending: 0, failed: 1 });
    assert.equal(brain.indexer.failedReason("70"), "refused");
    assert.ok(brain.embedder.calls.length <= 16, `${brain.embedder.calls.length} calls`);
    const calls = brain.embedder.calls.length;
    brain.put("70", "bad", { importance_score: 1 });
    await brain.idle();
    assert.equal(brain.embedder.calls.length, calls);
    brain.put("70", "mended");
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 100, pending: 0, failed: 0 });
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a provider that refuses everything is a setting, and costs no memory its place", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = refusal;
    for (let n = 0; n < 8; n++) brain.put(`${n}`, `text ${n}`);
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 8, failed: 0 });
    assert.deepEqual(brain.indexer.status(), {
      state: "misconfigured",
      detail: "Cannot embed: the provider refuses every text",
    });
    brain.embedder.plan = () => undefined;
    await brain.clock.advance(5 * 60_000);
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a text too long for the model is indexed by its beginning", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = (texts) =>
      texts.some((text) => text.length > 2_000) ? refusal() : undefined;
    brain.put("long", "x".repeat(20_000));
    await brain.idle();
    assert.deepEqual(brain.held(), { long: vectorOf("x".repeat(1_250)) });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 0 });
  }));

Deno.test("what was given up is taken up on demand", () =>
  withBrain(async (brain) => {
    brain.put("good", "good");
    await brain.idle();
    brain.embedder.plan = refusal;
    brain.put("a", "text");
    await brain.idle();
    assert.equal(brain.counts().failed, 1);
    brain.embedder.plan = () => undefined;
    brain.indexer.retryFailed();
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("vectors of another length than the index's are a setting, said in words", () =>
  withBrain(async (brain) => {
    brain.put("own", "text", { embedding: Float32Array.of(1, 2, 3) });
    await brain.idle();
    brain.put("a", "text");
    await brain.idle();
    const detail = "Cannot index: the provider's vectors have 4 numbers, the index's 3";
    assert.deepEqual(brain.indexer.status(), { state: "misconfigured", detail });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 1, failed: 0 });
    await assert.rejects(brain.indexer.embedQuery("q"), { fault: "config", message: detail });
    brain.delete("own");
    await brain.clock.advance(0);
    await brain.clock.advance(5 * 60_000);
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a memory's own vector of another length is given up alone, its old one forgotten", () =>
  withBrain(async (brain) => {
    brain.put("a", "text");
    brain.put("b", "text");
    await brain.idle();
    brain.put("b", "text", { embedding: Float32Array.of(1, 2) });
    brain.put("c", "text", { embedding: Float32Array.of(4, 3, 2, 1) });
    await brain.idle();
    assert.deepEqual(brain.held(), { a: vectorOf("text"), c: Float32Array.of(4, 3, 2, 1) });
    assert.equal(brain.indexer.failedReason("b"), "dimensions");
    assert.deepEqual(brain.counts(), { indexed: 2, pending: 0, failed: 1 });
  }));

Deno.test("an index out of reach loses nothing: puts, edits, deletes and own vectors", () =>
  withBrain(async (brain) => {
    for (const id of ["a", "b", "c"]) brain.put(id, id);
    await brain.idle();
    brain.index.away = true;
    brain.delete("a");
    brain.put("b", "edited");
    brain.put("d", "new");
    brain.put("e", "own", { embedding: Float32Array.of(1, 1, 1, 1) });
    await brain.clock.advance(60_000);
    assert.equal(brain.indexer.stats().pending, 3);
    brain.index.away = false;
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
    assert.deepEqual(brain.counts(), { indexed: 4, pending: 0, failed: 0 });
  }));

Deno.test("at start own and remembered vectors come first, the rest newest first, live ones before", async () => {
  const remembered = new Map([["known", vectorOf("known")]]);
  const recall = (texts: readonly string[]) => Promise.resolve(texts.map((t) => remembered.get(t)));
  await withBrain(async (brain) => {
    brain.embedder.plan = (texts) => texts.includes("live") ? retry() : undefined;
    for (let n = 0; n < 1_000; n++) {
      const created_at = new Date(Date.UTC(2026, 0, 1) + ((n * 7) % 1_000) * 1_000).toISOString();
      brain.state.set(`${n}`, memoryOf(`${n}`, `text ${n}`, { created_at }));
    }
    brain.state.set("known", memoryOf("known", "known"));
    brain.state.set("own", memoryOf("own", "own", { embedding: Float32Array.of(1, 0, 0, 0) }));
    const started = brain.indexer.start(brain.state.values());
    brain.put("live", "live");
    await brain.clock.until(started);
    assert.ok(brain.index.has("known") && brain.index.has("own"));
    brain.embedder.plan = () => undefined;
    await brain.idle();
    const times = brain.embedder.texts.filter((text) => text.startsWith("text"))
      .map((text) => brain.state.get(text.slice(5))?.created_at ?? "");
    const firsts = [...new Set(times)];
    assert.deepEqual(firsts, firsts.toSorted().toReversed());
    assert.deepEqual(brain.embedder.calls[0], ["live"]);
    assert.ok(!brain.embedder.texts.includes("known") && !brain.embedder.texts.includes("own"));
    assert.deepEqual(brain.held(), brain.wanted());
  }, { recall });
});

Deno.test("queries are remembered, cut off after 1.5 seconds, and refused at once when it is no use", () =>
  withBrain(async (brain) => {
    const { clock, embedder, indexer } = brain;
    assert.deepEqual(await indexer.embedQuery("known"), vectorOf("known"));
    embedder.plan = () => new Promise(() => {});
    for (let n = 0; n < 5; n++) {
      const before = clock.now();
      const query = assert.rejects(indexer.embedQuery(`hung ${n}`), { fault: "retry" });
      await clock.until(query);
      assert.equal(clock.now() - before, 1_500);
    }
    assert.equal(embedder.calls.length, 6);
    await assert.rejects(indexer.embedQuery("refused"), { fault: "retry" });
    assert.deepEqual(await indexer.embedQuery("known"), vectorOf("known"));
    assert.equal(embedder.calls.length, 6);

    await clock.advance(30_000);
    const probe = assert.rejects(indexer.embedQuery("probe"), { fault: "retry" });
    await brain.clock.advance(0);
    await assert.rejects(indexer.embedQuery("beside it"), { fault: "retry" });
    assert.equal(embedder.calls.length, 7);
    await clock.until(probe);

    await clock.advance(30_000);
    embedder.plan = () => undefined;
    assert.deepEqual(await indexer.embedQuery("well again"), vectorOf("well again"));
    assert.deepEqual(await indexer.embedQuery("and on"), vectorOf("and on"));
  }));

Deno.test("the memory for query vectors is bounded", () =>
  withBrain(async (brain) => {
    for (let n = 0; n < 300; n++) await brain.indexer.embedQuery(`query ${n}`);
    await brain.indexer.embedQuery("query 299");
    assert.equal(brain.embedder.calls.length, 300);
    await brain.indexer.embedQuery("query 0");
    assert.equal(brain.embedder.calls.length, 301);
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

Deno.test("over a real connection an outage costs one call per distinct text, a restart none", async () => {
  const folder = await Deno.makeTempDir();
  const fake = fakeOpenAi();
  const provider = openAiEmbedder({ baseUrl: fake.baseUrl, apiKey: "", model: "fake" });
  const state = new Map<string, Memory>();
  for (let n = 0; n < 250; n++) state.set(`${n}`, memoryOf(`${n}`, `garden ${n % 130}`));

  /** A life of the process: `meanwhile` happens once the start is over and nothing moves. */
  async function live(meanwhile: (indexer: Indexer) => void): Promise<void> {
    const path = `${folder}/embeddings.db`;
    const cache = new EmbeddingCache({ path, quarantineFolder: `${folder}/quarantine` });
    const embedder = cachedEmbedder(provider, cache);
    const vectorIndex = new MapVectorIndex();
    const indexer = new Indexer({
      embedder,
      recall: embedder.recall,
      vectorIndex,
      memory: (id) => state.get(id),
      clock: systemClock,
      random: Math.random,
    });
    await indexer.start(state.values());
    await indexer.idle();
    meanwhile(indexer);
    await indexer.idle();
    assert.equal(vectorIndex.size, 250);
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
