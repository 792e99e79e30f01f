/** The indexer where a service of its own keeps the vectors: what is taken over, and what follows. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import type { IndexerOptions } from "../src/indexer.ts";
import { type Brain, withBrain } from "./fakes/brain.ts";
import { ElsewhereIndex, FakeVectorStore } from "./fakes/elsewhere_index.ts";
import { KeepingFakeEmbedder, memoryOf, vectorOf } from "./fakes/indexing.ts";

/** A run of the program over a store that may have something already. */
async function withStore(
  store: FakeVectorStore,
  test: (brain: Brain, indexes: readonly ElsewhereIndex[]) => Promise<void>,
  options: Partial<IndexerOptions> = {},
): Promise<void> {
  const indexes: ElsewhereIndex[] = [];
  await withBrain(
    (brain) => test(brain, indexes),
    {
      newVectorIndex: (kind) => {
        const index = new ElsewhereIndex(store, kind);
        indexes.push(index);
        return index;
      },
      ...options,
    } satisfies Partial<IndexerOptions>,
  );
}

/** As after a start: the state has these memories, and the indexer is told of all at once. */
async function start(brain: Brain, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [id, text] of Object.entries(texts)) brain.state.set(id, memoryOf(id, text));
  await brain.clock.until(brain.indexer.start(brain.state.values()));
}

const TEXTS = { a: "a fence", b: "a hedge", c: "a gate" };

async function filled(): Promise<FakeVectorStore> {
  const store = new FakeVectorStore();
  await withStore(store, async (brain) => {
    await start(brain, TEXTS);
    await brain.idle();
  });
  store.calls.length = 0;
  return store;
}

Deno.test("what the store has from before costs no call, and is neither looked up nor sent", async () => {
  const store = await filled();
  const embedder = new KeepingFakeEmbedder();
  const looked: string[][] = [];
  embedder.recall = (texts) => {
    looked.push([...texts]);
    return Promise.resolve(texts.map((text) => vectorOf(text)));
  };
  await withStore(store, async (brain) => {
    for (const [id, text] of Object.entries(TEXTS)) brain.state.set(id, memoryOf(id, text));
    const started = brain.indexer.start(brain.state.values());
    await brain.idle();
    // But one, for its length.
    assert.deepEqual(looked[0], ["a fence"]);
    assert.deepEqual(brain.counts(), { indexed: 3, pending: 0, failed: 0 });
    await started;
    assert.deepEqual(store.calls, ["adopt a,b,c"]);
    assert.deepEqual(embedder.calls, []);
  }, { embedder });
});

Deno.test("of what was taken over it is said that it is in use before the rest is forgotten", async () => {
  const store = await filled();
  const embedder = new KeepingFakeEmbedder();
  for (const text of Object.values(TEXTS)) embedder.kept.set(text, vectorOf(text));
  const looked = new Set<string>();
  embedder.use = (texts: readonly string[]) => {
    for (const text of texts) looked.add(text);
    return Promise.resolve();
  };
  let lookedBefore: string[] | undefined;
  await withStore(store, (brain) => start(brain, TEXTS), {
    embedder,
    models: {
      length: undefined,
      previous: undefined,
      serve: () => {},
      whenLost: () => {},
      allAsked: () => lookedBefore = [...looked],
      isTooSmall: () => false,
    },
  });
  assert.deepEqual(lookedBefore?.toSorted(), Object.values(TEXTS).toSorted());
});

Deno.test("what was edited or written while the program was down is embedded, and nothing else", async () => {
  const store = await filled();
  await withStore(store, async (brain) => {
    await start(brain, { ...TEXTS, b: "a wall", d: "a door" });
    await brain.idle();
    assert.deepEqual(brain.embedder.texts.toSorted(), ["a door", "a wall"]);
    assert.deepEqual(brain.counts(), { indexed: 4, pending: 0, failed: 0 });
    assert.deepEqual([...store.stored.values()].map(({ source }) => source).toSorted(), [
      "a door",
      "a fence",
      "a gate",
      "a wall",
    ]);
  });
});

Deno.test("what changes while the store is asked what it has is brought in line after it", async () => {
  const store = await filled();
  const asked = Promise.withResolvers<void>();
  store.pause = () => asked.promise;
  await withStore(store, async (brain) => {
    for (const [id, text] of Object.entries(TEXTS)) brain.state.set(id, memoryOf(id, text));
    const started = brain.indexer.start(brain.state.values());
    await brain.clock.advance(0);
    brain.delete("a");
    brain.put("b", "a wall");
    brain.put("c", "a gate", { tags: ["new"] });
    store.pause = () => Promise.resolve();
    asked.resolve();
    await brain.clock.until(started);
    await brain.idle();
    assert.deepEqual(store.tags, { b: [], c: ["new"] });
    assert.equal(store.stored.get("b")?.source, "a wall");
    assert.deepEqual(brain.embedder.texts, ["a wall"]);
  });
});

Deno.test("other fields go to the store without a call, also while the vectors are on their way", async () => {
  const store = new FakeVectorStore();
  await withStore(store, async (brain) => {
    brain.put("a", "text");
    await brain.idle();
    brain.put("a", "text", { tags: ["one"] });
    await brain.idle();
    assert.deepEqual(store.tags, { a: ["one"] });

    const written = Promise.withResolvers<void>();
    store.pause = () => written.promise;
    brain.put("b", "another");
    await brain.clock.advance(0);
    brain.put("b", "another", { tags: ["two"] });
    written.resolve();
    await brain.idle();
    assert.deepEqual(store.tags, { a: ["one"], b: ["two"] });

    brain.put("c", "own", { embedding: Float32Array.of(1, 2, 3, 4) });
    await brain.idle();
    brain.put("c", "own", { ...brain.state.get("c"), tags: ["three"] });
    assert.equal(brain.counts().pending, 0);
    await brain.idle();
    assert.deepEqual(store.tags, { a: ["one"], b: ["two"], c: ["three"] });
    assert.deepEqual(brain.embedder.texts, ["text", "another"]);
    assert.deepEqual([...new Set(store.calls)], [
      "upsert a",
      "refresh a",
      "upsert b",
      "refresh b",
      "upsert c",
      "refresh c",
    ]);
  });
});

Deno.test("what the store lost is put again: texts through the embedder, own vectors as they are", async () => {
  const store = new FakeVectorStore();
  await withStore(store, async (brain, [index]) => {
    const own = Float32Array.of(1, 2, 3, 4);
    brain.put("a", "a fence");
    brain.put("b", "a hedge");
    brain.put("c", "own", { embedding: own });
    brain.put("d", "stays");
    await brain.idle();
    brain.embedder.calls.length = store.calls.length = 0;
    brain.state.delete("gone");
    index?.lose(["a", "b", "c", "gone"]);
    assert.equal(brain.counts().indexed, 1);
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 4, pending: 0, failed: 0 });
    assert.deepEqual([...store.stored.keys()].toSorted(), ["a", "b", "c", "d"]);
    assert.deepEqual(index?.vectors.get("c"), [own]);
    assert.deepEqual(brain.embedder.texts, ["a fence", "a hedge"]);
    assert.deepEqual(store.calls.toSorted(), ["upsert a,b", "upsert c"]);
  });
});

Deno.test("a store that is away is no trouble of the provider, and shows in its own place", async () => {
  const store = new FakeVectorStore();
  store.away = true;
  await withStore(store, async (brain) => {
    brain.put("a", "text");
    await brain.idle();
    assert.deepEqual(brain.indexer.status(), { state: "ok", detail: null });
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 0 });
    assert.deepEqual(brain.indexer.vectorStore(), {
      kind: "memory",
      status: "unavailable",
      pending: 1,
      detail: "Cannot reach the vector store: away",
    });
    await assert.rejects(brain.indexer.reindex(), { code: "not_ready" });
    store.away = false;
    await brain.indexer.reindex();
    assert.deepEqual(brain.indexer.vectorStore(), {
      kind: "memory",
      status: "ok",
      pending: 0,
      detail: null,
    });
  });
});

Deno.test("reindexing compares once for all who ask meanwhile, and takes up what was given up", async () => {
  const store = new FakeVectorStore();
  await withStore(store, async (brain) => {
    brain.put("bad", "bad");
    brain.embedder.plan = (texts) =>
      texts.includes("bad") ? new EmbedderError("input", "Cannot embed: refused") : undefined;
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 0, failed: 1 });
    brain.embedder.plan = () => undefined;
    await Promise.all([brain.indexer.reindex(), brain.indexer.reindex()]);
    await brain.idle();
    assert.deepEqual(brain.counts(), { indexed: 1, pending: 0, failed: 0 });
    assert.deepEqual(store.calls.filter((call) => call === "converge"), ["converge"]);
    await brain.indexer.reindex();
    assert.equal(store.calls.filter((call) => call === "converge").length, 2);
  });
});

Deno.test("the store is let go of when a generation is left, and when the indexer stops", async () => {
  const store = new FakeVectorStore();
  await withStore(store, async (brain, indexes) => {
    brain.put("own", "own", { embedding: Float32Array.of(1, 2) });
    brain.put("a", "text");
    await brain.idle();
    assert.equal(indexes.length, 2, "the provider's vectors have another length");
    assert.equal(store.calls.filter((call) => call === "close").length, 1);
  });
  assert.equal(store.calls.filter((call) => call === "close").length, 2);
});

Deno.test("a store that never says what it has does not hold up the end", async () => {
  const store = new FakeVectorStore();
  await withStore(store, async (brain, [index]) => {
    const closed = Promise.withResolvers<void>();
    store.pause = () => closed.promise;
    assert.ok(index);
    const { close } = index.elsewhere;
    index.elsewhere.close = () => (closed.resolve(), close());
    brain.state.set("a", memoryOf("a", "text"));
    void brain.indexer.start(brain.state.values());
    await brain.clock.advance(0);
  });
});

Deno.test("what the store turns out to have once it is back is taken over, and not embedded", async () => {
  const store = await filled();
  store.away = true;
  await withStore(store, async (brain, [index]) => {
    brain.embedder.plan = () => new EmbedderError("retry", "Cannot embed: away");
    await start(brain, { ...TEXTS, d: "a door" });
    await brain.clock.advance(10);
    assert.deepEqual(brain.counts(), { indexed: 0, pending: 4, failed: 0 });
    store.away = false;
    index?.find(["a", "b", "c", "gone"]);
    await brain.clock.advance(10);
    assert.deepEqual(brain.counts(), { indexed: 3, pending: 1, failed: 0 });
    brain.embedder.plan = () => undefined;
    brain.embedder.calls.length = 0;
    await brain.idle();
    assert.deepEqual(brain.embedder.texts, ["a door"]);
    assert.deepEqual(Object.keys(store.tags).toSorted(), ["a", "b", "c", "d"]);
  });
});
