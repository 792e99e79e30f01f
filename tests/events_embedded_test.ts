/** `memory.embedded`: once for each text of a memory, when it is found by its meaning; over anything. */
import assert from "node:assert/strict";
import { type Embedder, EmbedderError } from "../src/embedder.ts";
import { drain, KeepingFakeEmbedder, MapVectorIndex } from "./fakes/indexing.ts";
import { heard, inWords } from "./fakes/listening.ts";
import { below, idOf, randomOf, seed } from "./fakes/store_kit.ts";
import { byMemory, faultsOf } from "./fakes/told_words.ts";
import { HttpApp, indexed, put, withApp } from "./http_app.ts";

type Change = [method: string, path: string, json?: unknown];

/** What is told of what comes, in words, from one time of asking to the next. */
function telling(app: HttpApp, after?: string) {
  const listener = app.brain.events.listen(after);
  return {
    get position() {
      return listener.position;
    },
    async told(): Promise<string[]> {
      await drain();
      return (await heard(listener)).events.map(inWords);
    },
  };
}

async function change(app: HttpApp, ...[method, path, json]: Change): Promise<void> {
  const { status, text } = await app.call(method, path, json === undefined ? {} : { json });
  assert.ok(status < 300, text);
}

/** A process; over what the one before left, if there was one. */
async function begin(embedder: Embedder | undefined, before?: HttpApp): Promise<HttpApp> {
  const over = before && { disk: before.disk.afterKill(), clock: before.clock, firstId: 1_000 };
  const app = new HttpApp({ ...embedder && { embedder }, ...over });
  await app.brain.open();
  return app;
}

Deno.test("a memory is told to be embedded once for each of its texts, and after it was told to be there", async () => {
  const embedder = new KeepingFakeEmbedder();
  await withApp(async (app) => {
    const events = telling(app);
    const id = await put(app, { content: "one" });
    await indexed(app);
    assert.deepEqual(await events.told(), ["memory.created 1", "memory.embedded 1"]);
    await change(app, "PATCH", `/memories/${id}`, { tags: ["x"] });
    await indexed(app);
    assert.deepEqual(await events.told(), ["memory.updated 1"]);
    await change(app, "PATCH", `/memories/${id}`, { content: "two" });
    await indexed(app);
    assert.deepEqual(await events.told(), ["memory.updated 1", "memory.embedded 1"]);
    await change(app, "DELETE", `/memories/${id}`);
    assert.deepEqual(await events.told(), ["memory.deleted 1"]);
  }, { embedder });
});

Deno.test("a text that was changed and changed back before the index heard of it is told again", async () => {
  const embedder = new KeepingFakeEmbedder(), vectorIndex = new MapVectorIndex();
  await withApp(async (app) => {
    const id = await put(app, { content: "one" });
    await indexed(app);
    const events = telling(app), busy = Promise.withResolvers<void>();
    vectorIndex.pause = () => busy.promise;
    await put(app, { content: "another" });
    await app.clock.advance(1);
    for (const content of ["two", "one"]) {
      await change(app, "PATCH", `/memories/${id}`, { content });
    }
    busy.resolve();
    await indexed(app);
    const told = await events.told();
    assert.deepEqual(told.slice(0, 3), [
      "memory.created 2",
      "memory.updated 1",
      "memory.updated 1",
    ]);
    assert.deepEqual(told.slice(3).toSorted(), ["memory.embedded 1", "memory.embedded 2"]);
  }, { embedder, vectorIndex });
});

Deno.test("a text that is embedded while its successor is on its way to the disk is not told", async () => {
  const embedder = new KeepingFakeEmbedder();
  const one = Promise.withResolvers<void>(), two = Promise.withResolvers<void>();
  let disk: Promise<void> | undefined;
  const gate = (kind: string) => kind === "sync" ? disk : undefined;
  embedder.plan = (texts) => texts.includes("one") ? one.promise : two.promise;
  await withApp(async (app) => {
    const events = telling(app), slow = Promise.withResolvers<void>();
    const id = await put(app, { content: "one" });
    await app.clock.advance(1);
    disk = slow.promise;
    const changing = change(app, "PATCH", `/memories/${id}`, { content: "two" });
    await drain();
    one.resolve();
    await drain();
    slow.resolve();
    await changing;
    assert.deepEqual(await events.told(), ["memory.created 1", "memory.updated 1"]);
    two.resolve();
    await indexed(app);
    assert.deepEqual(await events.told(), ["memory.embedded 1"]);
  }, { embedder, simulated: { gate } });
});

Deno.test("an import's memories are told to be embedded behind its end, those with a vector of their own too", async () => {
  const embedder = new KeepingFakeEmbedder();
  await withApp(async (app) => {
    const events = telling(app);
    const lines = [1, 2, 3].map((n) => ({
      id: idOf(n),
      content: `text ${n}`,
      ...n === 3 && { embedding: [1, 2, 3, 4] },
    }));
    const body = lines.map((line) => JSON.stringify(line)).join("\n");
    await app.done(200, "POST", "/import", { body, type: "application/x-ndjson" });
    await indexed(app);
    const told = await events.told();
    const made = [1, 2, 3].map((n) => `memory.created ${n}`);
    assert.deepEqual(told.slice(0, 4), [...made, "import.finished 3+0"]);
    assert.deepEqual(told.slice(4).toSorted(), [1, 2, 3].map((n) => `memory.embedded ${n}`));
    // Over what is there, also with counts: changed, not created; and only what reads differently.
    const again = lines.map((line, n) =>
      JSON.stringify({ ...line, access_count: 7, ...n === 0 && { content: "another" } })
    ).join("\n");
    await app.done(200, "POST", "/import?on_conflict=overwrite", {
      body: again,
      type: "application/x-ndjson",
    });
    await indexed(app);
    const changed = [1, 2, 3].map((n) => `memory.updated ${n}`);
    assert.deepEqual(await events.told(), [...changed, "import.finished 0+3", "memory.embedded 1"]);
  }, { embedder });
});

for (const [how, stop] of [["kill", false], ["clean stop", true]] as const) {
  Deno.test(`what was not embedded before a ${how} is told once it is; what was is not told again`, async () => {
    const embedder = new KeepingFakeEmbedder();
    const first = await begin(embedder);
    const events = telling(first);
    await put(first, { content: "told" });
    await indexed(first);
    assert.equal((await events.told()).length, 2);
    embedder.plan = () => new EmbedderError("retry", "away");
    await put(first, { content: "open" });
    const id = await put(first, { content: "gone" });
    await change(first, "DELETE", `/memories/${id}`);
    if (stop) await first.brain.close();
    else first.fs.kill();
    const second = await begin(embedder, first);
    await second.clock.advance(1_000);
    const later = telling(second, events.position ?? "");
    assert.deepEqual(await later.told(), [
      "memory.created 2",
      "memory.created 3",
      "memory.deleted 3",
    ]);
    embedder.plan = () => undefined;
    await indexed(second);
    assert.deepEqual(await later.told(), ["memory.embedded 2"]);
    await second.brain.close();
    const third = await begin(embedder, second);
    await indexed(third);
    assert.deepEqual(await telling(third, later.position ?? "").told(), []);
    // Nor where another model takes the place of this one.
    await third.brain.close();
    const other = Object.assign(new KeepingFakeEmbedder(), { model: "fake-2", length: 6 });
    const fourth = await begin(other, third);
    await indexed(fourth);
    assert.deepEqual(await telling(fourth, later.position ?? "").told(), []);
    await fourth.brain.close();
  });
}

Deno.test("what the disk did not take is told when it takes something again", async () => {
  const embedder = new KeepingFakeEmbedder();
  await withApp(async (app) => {
    const events = telling(app);
    let asked = () => {};
    const wait = new Promise<void>((resolve) => asked = resolve);
    embedder.plan = () => wait;
    await put(app, { content: "one" });
    await app.clock.advance(1);
    const isJournal = (kind: string, path: string) => kind === "sync" && path.includes("journal");
    app.fs.faults = [{ at: 1, code: "EIO", only: isJournal }];
    asked();
    await indexed(app);
    assert.deepEqual(await events.told(), ["memory.created 1"]);
    app.fs.faults = [];
    await app.clock.advance(30_000);
    assert.deepEqual(await events.told(), ["memory.embedded 1"]);
  }, { embedder });
});

Deno.test("where nothing embeds texts, only memories with a vector of their own are told", async () => {
  await withApp(async (app) => {
    const events = telling(app);
    const id = await put(app, { content: "plain" });
    await put(app, { content: "own", embedding: [1, 2] });
    await indexed(app);
    assert.deepEqual(await events.told(), [
      "memory.created 1",
      "memory.created 2",
      "memory.embedded 2",
    ]);
    // One that comes later counts as the first time, and no other after it.
    for (const embedding of [[3, 4], [5, 6]]) {
      await change(app, "PATCH", `/memories/${id}`, { embedding });
      await indexed(app);
    }
    assert.deepEqual(await events.told(), [
      "memory.updated 1",
      "memory.embedded 1",
      "memory.updated 1",
    ]);
  });
});

for (const [how, stop] of [["kill", false], ["clean stop", true]] as const) {
  Deno.test(`what was written before anything embedded texts is told once something does, over a ${how}`, async () => {
    const first = await begin(undefined);
    await put(first, { content: "plain" });
    await indexed(first);
    const { position } = first.brain.events.listen();
    if (stop) await first.brain.close();
    else first.fs.kill();
    const second = await begin(new KeepingFakeEmbedder(), first);
    await indexed(second);
    assert.deepEqual(await telling(second, position ?? "").told(), ["memory.embedded 1"]);
    await second.brain.close();
  });
}

Deno.test(`edits, stops and a provider that comes and goes: each text once in the end (TEST_SEED=${seed})`, async () => {
  const random = randomOf(seed), embedder = new KeepingFakeEmbedder();
  const told: string[] = [];
  let ids = 0, app = await begin(embedder), events = telling(app);
  const living = new Set<string>(), texts = new Map<string, string[]>();
  for (let step = 0; step < 120; step++) {
    const some = [...living][below(random, living.size)], chance = random();
    const content = `text ${random() < 0.3 ? "again" : step}`;
    if (chance < 0.35 || some === undefined) {
      const id = idOf(5_000 + ++ids);
      await change(app, "POST", "/memories", { id, content });
      living.add(id);
      texts.set(id, [content]);
    } else if (chance < 0.65) {
      await change(app, "PATCH", `/memories/${some}`, { content });
      texts.get(some)?.push(content);
    } else if (chance < 0.72) {
      await change(app, "DELETE", `/memories/${some}`);
      living.delete(some);
    } else if (chance < 0.82) {
      const isAway = random() < 0.5;
      embedder.plan = () => isAway ? new EmbedderError("retry", "away") : undefined;
    } else if (chance < 0.9) await app.clock.advance(below(random, 5_000));
    else {
      told.push(...await events.told());
      const after = events.position ?? "";
      if (random() < 0.5) await app.brain.close();
      else app.fs.kill();
      app = await begin(embedder, app);
      events = telling(app, after);
    }
    if (random() < 0.5) await drain();
  }
  embedder.plan = () => undefined;
  app.brain.indexer.retryFailed();
  await indexed(app);
  told.push(...await events.told());
  const found = byMemory(told);
  assert.equal(found.size, ids);
  for (const [number, types] of found) {
    const id = idOf(Number(number));
    assert.deepEqual(faultsOf(types, texts.get(id) ?? [], living.has(id)), [], `${types}`);
  }
  await app.brain.close();
});
