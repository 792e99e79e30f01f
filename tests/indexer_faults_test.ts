/** The indexer where the provider or the index fails: what waits, what is given up, what it says. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { chunksOf } from "../src/indexer/chunks.ts";
import { withBrain } from "./fakes/brain.ts";
import { vectorOf } from "./fakes/indexing.ts";

const retry = (ms?: number) => new EmbedderError("retry", "Cannot embed: away", ms);
const refusal = () => new EmbedderError("input", "Cannot embed: refused");
const misconfigured = () => new EmbedderError("config", "Cannot embed: the key is wrong");

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

Deno.test("a chunk too long for the model is indexed by its beginning", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = (texts) =>
      texts.some((text) => text.length > 600) ? refusal() : undefined;
    brain.put("long", "x".repeat(20_000));
    await brain.idle();
    assert.deepEqual(brain.held(), { long: Array(20).fill(vectorOf("x".repeat(500))) });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 0 });
  }));

Deno.test("a chunk that is refused costs the memory only that chunk", () =>
  withBrain(async (brain) => {
    brain.embedder.plan = (texts) =>
      texts.some((text) => text.includes("bad")) ? refusal() : undefined;
    const long = (word: string) => `${word} `.repeat(99) + "end. ";
    const text = long("good") + long("bad") + long("fine");
    brain.put("partly", text);
    brain.put("all", long("bad") + long("bad and so on"));
    await brain.idle();
    const taken = chunksOf(text).filter((chunk) => !chunk.includes("bad"));
    assert.equal(taken.length, 2);
    assert.deepEqual(brain.held(), { partly: taken.map((chunk) => vectorOf(chunk)) });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 1 });
    assert.equal(brain.indexer.failedReason("all"), "refused");
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

Deno.test("vectors of another length than the provider's others are a setting, said in words", () =>
  withBrain(async (brain) => {
    brain.put("before", "text before");
    await brain.idle();
    brain.embedder.length = 5;
    brain.put("a", "text");
    await brain.idle();
    const detail = "Cannot index: the provider's vectors have 5 numbers, the index's 4";
    assert.deepEqual(brain.indexer.status(), { state: "misconfigured", detail });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 1, failed: 0 });
    await assert.rejects(brain.indexer.serving.embedQuery("q"), {
      fault: "config",
      message: detail,
    });
    brain.embedder.length = 4;
    await brain.clock.advance(5 * 60_000);
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("without a provider, a vector of another length is given up alone, its old one forgotten", () =>
  withBrain(async (brain) => {
    const own = (...numbers: number[]) => ({ embedding: Float32Array.from(numbers) });
    brain.put("a", "text", own(1, 2, 3, 4));
    brain.put("b", "text", own(2, 2, 3, 4));
    await brain.idle();
    brain.put("b", "text", own(1, 2));
    brain.put("c", "text", own(4, 3, 2, 1));
    await brain.idle();
    assert.deepEqual(brain.held(), {
      a: [Float32Array.of(1, 2, 3, 4)],
      c: [Float32Array.of(4, 3, 2, 1)],
    });
    assert.equal(brain.indexer.failedReason("b"), "dimensions");
    assert.deepEqual(brain.counts(), { indexed: 2, pending: 0, failed: 1 });
  }, { embedder: undefined }));

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

Deno.test("a vector that was being written when its text was edited is taken out again", () =>
  withBrain(async (brain) => {
    brain.put("other", "other");
    await brain.idle();
    const written = Promise.withResolvers<void>();
    brain.index.pause = () => written.promise;
    brain.put("a", "first");
    await brain.clock.advance(1);
    brain.embedder.plan = refusal;
    brain.put("a", "second, which is refused");
    written.resolve();
    await brain.idle();
    assert.deepEqual(brain.held(), { other: [vectorOf("other")] });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 1 });
  }));
