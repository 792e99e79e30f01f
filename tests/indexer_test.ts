/** The indexer where all goes well: what is embedded, what is not, and what an edit leaves behind. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { chunksOf } from "../src/indexer/chunks.ts";
import { withBrain } from "./fakes/brain.ts";
import { FakeEmbedder, vectorOf } from "./fakes/indexing.ts";

Deno.test("a memory that was put is embedded, indexed and counted", () =>
  withBrain(async (brain) => {
    brain.put("a", "the garden fence");
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 1, failed: 0 });
    await brain.idle();
    assert.deepEqual(brain.held(), { a: [vectorOf("the garden fence")] });
    assert.deepEqual(brain.indexer.stats(), {
      provider: "fake",
      model: "fake-1",
      dimensions: 4,
      indexed: 1,
      pending: 0,
      failed: 0,
      cache_full: false,
      reindexing: null,
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
      assert.deepEqual(brain.held(), { a: [own] });
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
      cache_full: false,
      reindexing: null,
    });
    assert.deepEqual(brain.indexer.status(), { state: "off", detail: null });
    await assert.rejects(brain.indexer.serving.embedQuery("q"), { fault: "config" });
  }, { embedder: undefined }));

Deno.test("a deleted memory leaves the index, and an edited one its old meaning, at once", () =>
  withBrain(async (brain) => {
    for (const id of ["a", "b"]) brain.put(id, id);
    await brain.idle();
    brain.embedder.plan = () => new EmbedderError("retry", "away");
    brain.delete("a");
    brain.put("b", "edited");
    await brain.clock.advance(0);
    assert.deepEqual(brain.held(), {});
    brain.embedder.plan = () => undefined;
    await brain.idle();
    assert.deepEqual(brain.held(), { b: [vectorOf("edited")] });
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
    assert.deepEqual(brain.held(), {
      edited: [vectorOf("second")],
      same: [vectorOf("first same")],
    });
    assert.deepEqual(brain.embedder.texts.slice(3), ["second"]);
    assert.deepEqual(brain.index.written.map(({ id }) => id).sort(), ["edited", "same"]);
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

Deno.test("a long memory is indexed at once by all its chunks, however many calls they take", () =>
  withBrain(async (brain) => {
    const text = Array.from({ length: 9_000 }, (_, n) => `number ${n}`).join(", ");
    assert.ok(chunksOf(text).length > 150);
    brain.put("long", text);
    brain.put("short", "text");
    await brain.idle();
    assert.deepEqual(brain.embedder.texts.toSorted(), [...chunksOf(text), "text"].toSorted());
    assert.ok(brain.embedder.calls.every((texts) => texts.length <= 100));
    assert.deepEqual(brain.held(), brain.wanted());
    assert.deepEqual(brain.index.written.map(({ id }) => id).toSorted(), ["long", "short"]);
    assert.deepEqual(brain.counts(), { indexed: 2, pending: 0, failed: 0 });
  }));

Deno.test("of a long memory no chunk is found before the others", () =>
  withBrain(async (brain) => {
    const text = Array.from({ length: 9_000 }, (_, n) => `number ${n}`).join(", ");
    brain.embedder.plan = (texts) =>
      texts.join().includes("number 8999") ? new EmbedderError("retry", "away") : undefined;
    brain.put("long", text);
    await brain.clock.advance(10_000);
    assert.ok(brain.embedder.answered.length >= 100);
    assert.deepEqual(brain.held(), {});
    brain.embedder.plan = () => undefined;
    await brain.idle();
    assert.deepEqual(brain.held(), brain.wanted());
  }));

Deno.test("a vector of a client's own is used where it has the provider's length, else its text is", () =>
  withBrain(async (brain) => {
    const [fits, other] = [Float32Array.of(4, 3, 2, 1), Float32Array.of(1, 2)];
    brain.put("before", "text before", { embedding: other });
    brain.put("text", "text");
    await brain.idle();
    brain.put("fits", "text that has a vector", { embedding: fits });
    brain.put("after", "text after", { embedding: other });
    await brain.idle();
    const [before, text, after] = ["text before", "text", "text after"].map((t) => [vectorOf(t)]);
    assert.deepEqual(brain.held(), { after, before, fits: [fits], text });
    assert.deepEqual(brain.counts(), { indexed: 4, pending: 0, failed: 0 });
    assert.deepEqual(brain.embedder.texts.toSorted(), [
      "text",
      "text",
      "text after",
      "text before",
    ]);
  }));
