/** Another model: the old vectors serve until the new ones are complete, and nothing is paid twice. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { type FakeEmbedder, vectorOf } from "./fakes/indexing.ts";
import { Lives, saysOf } from "./fakes/lives.ts";

const away = () => new EmbedderError("retry", "Cannot embed: away");
const gone = () => new EmbedderError("config", "Cannot embed: no such model");

/** Two hundred and fifty memories that the old model has embedded. */
async function settled(): Promise<Lives> {
  const lives = new Lives();
  for (let n = 0; n < 250; n++) lives.put(`${n}`, `text ${n}`);
  await lives.begin("old");
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("old"));
  return lives;
}

function reindexing(lives: Lives) {
  const { model, dimensions, indexed, pending, reindexing } = lives.indexer.stats();
  return { model, dimensions, indexed, pending, reindexing };
}

Deno.test("the old vectors serve until the new ones are complete, new memories among them", async () => {
  await using lives = await settled();
  const { old, new: next } = lives.providers;
  next.plan = (texts) => texts.includes("text 0") ? away() : undefined;
  const indexer = await lives.begin("new");
  await lives.clock.advance(60_000);
  assert.deepEqual(reindexing(lives), {
    model: "old",
    dimensions: 4,
    indexed: 250,
    pending: 100,
    reindexing: { model: "new", dimensions: 6, done: 150, total: 250 },
  });
  assert.deepEqual(lives.served(), lives.wanted("old"));
  assert.deepEqual(await indexer.serving.embedQuery("query"), vectorOf("old: query"));
  assert.equal(indexer.status().state, "waiting");

  lives.put("written meanwhile", "written meanwhile");
  lives.delete("7");
  lives.put("8", "edited");
  await lives.clock.advance(10_000);
  assert.deepEqual(lives.served(), lives.wanted("old"));

  const { serving } = indexer;
  next.plan = () => undefined;
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("new"));
  assert.deepEqual(await indexer.serving.embedQuery("query"), vectorOf("new: query", 6));
  assert.notEqual(indexer.serving.vectorIndex, serving.vectorIndex);
  // A search that began before.
  assert.deepEqual(await serving.embedQuery("another"), vectorOf("old: another"));
  assert.deepEqual(reindexing(lives), {
    model: "new",
    dimensions: 6,
    indexed: 250,
    pending: 0,
    reindexing: null,
  });
  lives.checkPayments("new");
  // Once more it was asked for one of them, to see whether it is there still.
  assert.equal(old.answered.filter((text) => text.startsWith("text")).length, 251);
});

Deno.test("a restart in the middle goes on where it was, and changing back costs nothing", async () => {
  await using lives = await settled();
  const { old, new: next } = lives.providers;
  next.plan = (texts) => texts.includes("text 0") ? away() : undefined;
  await lives.begin("new");
  await lives.clock.advance(5_000);
  const paid = next.answered.length;
  assert.ok(paid >= 100 && paid < 250, `${paid}`);

  await lives.begin("new");
  assert.deepEqual(reindexing(lives).reindexing, {
    model: "new",
    dimensions: 6,
    done: paid,
    total: 250,
  });
  assert.deepEqual(lives.served(), lives.wanted("old"));

  // Back before it was complete: nothing had changed.
  const calls = old.calls.length;
  await lives.begin("old");
  assert.deepEqual(reindexing(lives).reindexing, null);
  assert.deepEqual(lives.served(), lives.wanted("old"));

  next.plan = () => undefined;
  await lives.begin("new");
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("new"));
  await lives.begin("old");
  assert.equal(reindexing(lives).model, "old");
  assert.deepEqual(lives.served(), lives.wanted("old"));
  // Whether the old one is there still was asked once for each start that needed it.
  const asked = old.calls.slice(calls).flat();
  assert.ok(asked.length <= 3 && asked.every((text) => text === asked[0]), `${asked}`);
  assert.equal(next.answered.filter((text) => text.startsWith("text")).length >= 250, true);
});

const GONE: Readonly<Record<string, Partial<FakeEmbedder>>> = {
  "says that there is none": { plan: gone },
  "answers by another model": { accent: "new: " },
  "answers at another length": { length: 6 },
};

for (const [how, change] of Object.entries(GONE)) {
  Deno.test(`where the provider ${how} for the old model, the new vectors serve at once`, async () => {
    await using lives = await settled();
    const { new: next } = lives.providers;
    Object.assign(lives.providers.old, change);
    next.plan = (texts) => texts.includes("text 0") ? away() : undefined;
    const indexer = await lives.begin("new");
    await lives.clock.advance(5_000);
    assert.equal(reindexing(lives).model, "new");
    assert.deepEqual(await indexer.serving.embedQuery("query"), vectorOf("new: query", 6));
    assert.ok(lives.served().size >= 100 && lives.served().size < 250);
    next.plan = () => undefined;
    await lives.idle();
    assert.deepEqual(lives.served(), lives.wanted("new"));
    lives.checkPayments("new");
  });
}

Deno.test("while no model is to be had, the old vectors stay", async () => {
  await using lives = await settled();
  for (const provider of Object.values(lives.providers)) provider.plan = gone;
  const indexer = await lives.begin("new");
  await lives.idle();
  assert.deepEqual(reindexing(lives).model, "old");
  await assert.rejects(indexer.serving.embedQuery("query"), { fault: "config" });
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("old"));
  for (const provider of Object.values(lives.providers)) provider.plan = () => undefined;
  await lives.begin("new");
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("new"));
});

Deno.test("texts that the new model refuses do not hold up the change", async () => {
  await using lives = await settled();
  lives.providers.new.plan = (texts) =>
    texts.includes("text 3") ? new EmbedderError("input", "no") : undefined;
  const indexer = await lives.begin("new");
  await lives.idle();
  const { model, indexed, pending, failed } = indexer.stats();
  assert.deepEqual({ model, indexed, pending, failed }, {
    model: "new",
    indexed: 249,
    pending: 0,
    failed: 1,
  });
});

Deno.test("a model of the same name with longer vectors makes all of them anew, once", async () => {
  await using lives = await settled();
  const { old } = lives.providers;
  await lives.indexer.serving.embedQuery("asked before");
  const before = old.answered.length;
  Object.assign(old, { length: 5, accent: "grown: " });
  const indexer = await lives.begin("old");
  assert.deepEqual(lives.served().size, 250);
  // Nobody knows yet: this was remembered.
  assert.deepEqual(await indexer.serving.embedQuery("asked before"), vectorOf("old: asked before"));
  await assert.rejects(indexer.serving.embedQuery("query"), { fault: "retry" });
  await lives.idle();
  const grown = (text: string) => [vectorOf(`grown: ${text}`, 5)];
  assert.deepEqual(
    lives.served(),
    new Map([...lives.state.values()].map(({ id, content }) => [id, grown(content)])),
  );
  assert.deepEqual(await indexer.serving.embedQuery("query"), vectorOf("grown: query", 5));
  // The query too, whose answer was kept.
  assert.equal(old.answered.length - before, 251);
  await lives.begin("old");
  assert.deepEqual(
    await lives.indexer.serving.embedQuery("asked before"),
    vectorOf("grown: asked before", 5),
  );
  await lives.idle();
  assert.equal(lives.served().size, 250);
  assert.equal(old.answered.length - before, 252);
  old.length = 7;
  await assert.rejects(lives.indexer.serving.embedQuery("another query"), { fault: "config" });
});

Deno.test("what is remembered does not settle the length of the provider's vectors", async () => {
  await using lives = new Lives();
  await lives.begin("old");
  for (const id of ["kept", "left"]) lives.put(id, `text ${id}`);
  await lives.idle();
  lives.delete("left");
  Object.assign(lives.providers.old, { length: 6 });
  await lives.begin("old");
  lives.put("again", "text left");
  await lives.idle();
  assert.deepEqual(lives.served().get("again"), saysOf("old", "text left"));
  lives.put("new", "text new");
  await lives.idle();
  assert.deepEqual(lives.indexer.status(), { state: "ok", detail: null });
  const longer = [...lives.state.values()].map(({ id, content }) => {
    return [id, [vectorOf(`old: ${content}`, 6)]] as const;
  });
  assert.deepEqual(lives.served(), new Map(longer));
  // Now it is: another one is a fault.
  Object.assign(lives.providers.old, { length: 5 });
  await assert.rejects(lives.indexer.serving.embedQuery("query"), { fault: "config" });
});

Deno.test("a client's own vectors serve with the model that has their length, else their texts do", async () => {
  await using lives = new Lives();
  const own = Float32Array.of(1, 2, 3, 4);
  lives.put("own", "text of it", { embedding: own });
  lives.put("text", "text");
  await lives.begin("old");
  await lives.idle();
  assert.deepEqual(lives.served().get("own"), [own]);
  await lives.begin("new");
  await lives.idle();
  assert.deepEqual(lives.served().get("own"), saysOf("new", "text of it"));
  await lives.begin("twin");
  await lives.idle();
  assert.deepEqual(lives.served().get("own"), [own]);
  assert.deepEqual(lives.providers.twin.answered, ["text"]);
});

Deno.test("without what was remembered there is no old model, and all is made anew", async () => {
  await using lives = await settled();
  await lives.end();
  lives.cache.close();
  for (const end of ["", "-wal"]) {
    await Deno.remove(lives.place.path + end).catch(() => {});
  }
  await lives.begin("new");
  assert.deepEqual(reindexing(lives).model, "new");
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("new"));
});

Deno.test("what is lost under the running process is kept again, each text once, and serves throughout", async () => {
  await using lives = await settled();
  const { old } = lives.providers;
  const memory = lives.state.get("3") ?? assert.fail("it is there");
  const before = old.answered.length;
  for (const end of ["", "-wal"]) {
    await Deno.remove(lives.place.path + end).catch(() => {});
  }
  await lives.clock.advance(2_000);
  assert.equal(await lives.indexer.serving.vectorsOf(memory), undefined);
  assert.deepEqual(lives.served(), lives.wanted("old"));
  await lives.idle();
  assert.deepEqual(lives.served(), lives.wanted("old"));
  assert.deepEqual(await lives.indexer.serving.vectorsOf(memory), saysOf("old", "text 3"));
  const again = old.answered.slice(before);
  assert.equal(new Set(again).size, 250);
  assert.equal(again.length, 250);
  await lives.begin("new");
  assert.equal(reindexing(lives).model, "old");
  // But for the one that shows whether the model is there still.
  assert.equal(old.answered.length, before + 251);
});
