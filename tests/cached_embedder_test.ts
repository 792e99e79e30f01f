/** The cached embedder: as good as the one behind it, and never asking it twice. */
import assert from "node:assert/strict";
import { cachedEmbedder } from "../src/embedder/cached.ts";
import { openAiEmbedder } from "../src/embedder/openai.ts";
import { EmbedderError } from "../src/embedder.ts";
import { failureOf, never, testEmbedderContract } from "./embedder_contract.ts";
import { Place } from "./fakes/cache_place.ts";
import { FakeEmbedder, vectorOf } from "./fakes/indexing.ts";
import { fakeOpenAi } from "./fakes/openai.ts";

testEmbedderContract("the cached embedder", (setting) => {
  const place = new Place();
  const fake = fakeOpenAi();
  fake.behaviour = setting === "failing" ? "server_error" : setting;
  const provider = openAiEmbedder({ baseUrl: fake.baseUrl, apiKey: "", model: "fake" });
  return {
    embedder: cachedEmbedder(provider, place.open()),
    async close() {
      await fake.close();
      place[Symbol.dispose]();
    },
  };
});

Deno.test("the cached embedder asks once for equal texts, in one batch, in two, and after a restart", async () => {
  using place = new Place();
  const provider = new FakeEmbedder();
  const embedder = cachedEmbedder(provider, place.open());
  const [one, two] = await Promise.all([
    embedder.embed(["a", "b", "a"], { signal: never() }),
    embedder.embed(["b", "c"], { signal: never() }),
  ]);
  assert.deepEqual(one, ["a", "b", "a"].map((text) => vectorOf(text)));
  assert.deepEqual(two, ["b", "c"].map((text) => vectorOf(text)));
  assert.deepEqual(provider.calls, [["a", "b"], ["c"]]);
  const again = cachedEmbedder(provider, place.open());
  assert.deepEqual(await again.embed(["c", "a"], { signal: never() }), [two[1], one[0]]);
  assert.deepEqual(await again.recall(["b", "d"]), [vectorOf("b"), undefined]);
  assert.equal(provider.calls.length, 2);
});

Deno.test("whoever puts nothing waits for what was answered last, and then loses none of it by closing", async () => {
  using place = new Place();
  const cache = place.open();
  const entries = Array.from({ length: 200 }, (_, n) => {
    return { key: `${n}`, vector: vectorOf(`text ${n}`, 1_536) };
  });
  void cache.put(entries);
  await cache.put([]);
  const kept = await place.open().get(entries.map(({ key }) => key));
  assert.equal(kept.filter((vector) => vector !== undefined).length, 200);
});

Deno.test("a text that another call failed to fetch is asked for again, not failed with it", async () => {
  using place = new Place();
  const provider = new FakeEmbedder();
  provider.plan = (texts) => texts.includes("bad") ? new EmbedderError("input", "no") : undefined;
  const embedder = cachedEmbedder(provider, place.open());
  const [bad, good] = await Promise.all([
    failureOf(embedder.embed(["bad", "shared"], { signal: never() })),
    embedder.embed(["shared", "own"], { signal: never() }),
  ]);
  assert.equal(bad.fault, "input");
  assert.deepEqual(good, [vectorOf("shared"), vectorOf("own")]);
});

Deno.test("a caller that waits for another's call gives up on its own", async () => {
  using place = new Place();
  const provider = new FakeEmbedder();
  const answer = Promise.withResolvers<void>();
  provider.plan = () => answer.promise;
  const embedder = cachedEmbedder(provider, place.open());
  const patient = embedder.embed(["a"], { signal: never() });
  const caller = new AbortController();
  const hasty = failureOf(embedder.embed(["a"], { signal: caller.signal }));
  caller.abort();
  assert.equal((await hasty).fault, "retry");
  answer.resolve();
  assert.deepEqual(await patient, [vectorOf("a")]);
});

Deno.test("vectors remembered at another length give way to the provider's", async () => {
  using place = new Place();
  const provider = new FakeEmbedder();
  const embedder = cachedEmbedder(provider, place.open());
  await embedder.embed(["a"], { signal: never() });
  provider.length = 6;
  const expected = [vectorOf("a", 6), vectorOf("b", 6)];
  assert.deepEqual(await embedder.embed(["a", "b"], { signal: never() }), expected);
  assert.deepEqual(await embedder.recall(["a", "b"]), expected);
});

Deno.test("whoever may be answered by what is remembered is told so", async () => {
  using place = new Place();
  const embedder = cachedEmbedder(new FakeEmbedder(), place.open());
  const isToldOf = async (...texts: string[]) => {
    let isTold = false;
    await embedder.embed(texts, { signal: never(), remembered: () => isTold = true });
    return isTold;
  };
  assert.equal(await isToldOf("a"), false);
  assert.equal(await isToldOf("b", "a"), true);
  // The second waits for the first, which looks it up.
  assert.deepEqual(await Promise.all([isToldOf("b", "c"), isToldOf("c")]), [true, true]);
});

Deno.test("an embedder that answers too few vectors is an error, not a wait without end", async () => {
  using place = new Place();
  const provider = new FakeEmbedder();
  const short = {
    ...provider,
    model: "m",
    provider: "p",
    dimensions: undefined,
    embed: () => Promise.resolve([]),
  };
  const error = await failureOf(
    cachedEmbedder(short, place.open()).embed(["a"], { signal: never() }),
  );
  assert.equal(error.fault, "retry");
});
