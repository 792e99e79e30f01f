/**
 * The program with its vectors in a Qdrant that comes and goes: nothing is lost by it, nothing that
 * was deleted comes back, and no text is embedded twice.
 */
import assert from "node:assert/strict";
import { type FakeOpenAi, fakeOpenAi } from "../fakes/openai.ts";
import type { StandIn } from "../fakes/qdrant/stand_in.ts";
import { withStandIn } from "../fakes/qdrant/with_stand_in.ts";
import { eventually } from "./conditions.ts";
import { type Env, Place, type Program } from "./program.ts";

const QDRANT_KEY = "qdrant-key-canary";
const CONTENTS = [
  "The hedge wants cutting.",
  "A tyre of the old car is flat.",
  "Choir is on Monday.",
  ...Array.from({ length: 60 }, (_, n) => `note ${n}`),
];
/** Near the hedge, and in none of its words. */
const QUESTION = { query: "garden soil" };

interface World {
  readonly place: Place;
  readonly standIn: StandIn;
  readonly provider: FakeOpenAi;
  readonly withQdrant: Env;
  readonly without: Env;
}

async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  const provider = fakeOpenAi();
  try {
    await withStandIn(async (standIn) => {
      await using place = new Place();
      const without = { OPENAI_BASE_URL: provider.baseUrl, OPENAI_API_KEY: "provider-key-canary" };
      const withQdrant = { ...without, QDRANT_URL: standIn.url, QDRANT_API_KEY: QDRANT_KEY };
      await test({ place, standIn, provider, withQdrant, without });
    }, { apiKey: QDRANT_KEY });
  } finally {
    await provider.close();
  }
}

/** Stores all of them; gives their ids. */
async function store(program: Program, contents: readonly string[]): Promise<string[]> {
  return await Promise.all(contents.map(async (content) => {
    return String((await program.want(201, "POST", "/memories", { content })).at("id"));
  }));
}

async function embedded(program: Program, count: number): Promise<void> {
  await eventually(30_000, `${count} memories are embedded`, async () => {
    const stats = await program.want(200, "GET", "/stats");
    const { pending, indexed } = Object(stats.at("embeddings"));
    return pending === 0 && indexed === count ? true : undefined;
  });
}

/** Until Qdrant has every memory as it is now. */
async function inLine(program: Program, count: number): Promise<void> {
  await embedded(program, count);
  await eventually(30_000, "Qdrant is in line", async () => {
    const { kind, status, pending } = Object(
      (await program.want(200, "GET", "/stats")).at("vector_store"),
    );
    assert.equal(kind, "qdrant");
    return status === "ok" && pending === 0 ? true : undefined;
  });
}

async function foundByMeaning(program: Program): Promise<void> {
  const reply = await program.want(200, "POST", "/search", QUESTION);
  assert.deepEqual([reply.at("mode"), reply.at("degraded")], ["hybrid", null]);
  assert.equal(reply.at("results", 0, "memory", "content"), CONTENTS[0]);
}

/** The memories that it has points of. */
function heldBy({ collections }: StandIn): string[] {
  const points = [...collections.values()].flatMap((one) => [...one.matching(() => true)]);
  return [...new Set(points.map(({ payload }) => String(payload["memory_id"])))].sort();
}

Deno.test("with Qdrant down from the start nothing waits, replies say so, and all comes right by itself", () =>
  withWorld(async ({ place, standIn, withQdrant }) => {
    await standIn.pause();
    const program = await place.serve(withQdrant);
    const ids = await store(program, CONTENTS);
    await embedded(program, ids.length);
    const reply = await program.want(200, "POST", "/search", { query: "hedge" });
    assert.equal(reply.at("degraded"), "vector_store_unavailable");
    assert.equal(reply.at("results", 0, "memory", "content"), CONTENTS[0]);
    const health = await program.want(200, "GET", "/health");
    assert.equal(health.at("status"), "degraded");
    assert.equal(health.at("checks", "vector_store"), "unavailable");
    assert.equal(health.at("checks", "embeddings"), "ok");
    await program.want(200, "GET", "/health/ready");
    assert.equal((await program.ask("POST", "/admin/reindex")).status, 503);

    await standIn.resume();
    await inLine(program, ids.length);
    await foundByMeaning(program);
    assert.equal((await program.want(200, "GET", "/health")).at("status"), "ok");
    assert.deepEqual(heldBy(standIn), ids.toSorted());
    assert.equal((await program.stop()).code, 0);
    for (const secret of ["hedge", withQdrant["QDRANT_URL"] ?? ""]) {
      assert.ok(!(program.out + program.err).includes(secret), secret);
    }
  }));

Deno.test("a kill -9 while Qdrant takes what it is sent, and one while it is down, leave nothing behind", () =>
  withWorld(async ({ place, standIn, provider, withQdrant }) => {
    standIn.faults.add({ kind: "slow", routes: ["batch", "upsert"], ms: 300 });
    const first = await place.serve(withQdrant);
    const ids = await store(first, CONTENTS);
    await eventually(10_000, "Qdrant has some", () => heldBy(standIn).length > 0 || undefined);
    await first.crash();

    standIn.faults.clear();
    const second = await place.serve(withQdrant);
    await inLine(second, ids.length);
    assert.deepEqual(heldBy(standIn), ids.toSorted());
    const { length: texts } = provider.texts;
    await standIn.pause();
    const [gone = "", edited = "", ...others] = ids;
    await second.want(204, "DELETE", `/memories/${gone}`);
    await second.want(200, "PATCH", `/memories/${edited}`, { tags: ["edited"] });
    await second.crash();

    await standIn.resume();
    const third = await place.serve(withQdrant);
    for (let n = 0; n < 5; n++) {
      const reply = await third.want(200, "POST", "/search", QUESTION);
      const found = Object(reply.at("results")).map(({ memory }: { memory: { id: string } }) =>
        memory.id
      );
      assert.ok(!found.includes(gone), "it was deleted");
    }
    await inLine(third, ids.length - 1);
    assert.deepEqual(heldBy(standIn), [edited, ...others].toSorted());
    const tagged = await third.want(200, "POST", "/search", {
      ...QUESTION,
      filters: { tags: ["edited"] },
    });
    assert.deepEqual([tagged.at("total"), tagged.at("results", 0, "memory", "id")], [1, edited]);
    const again = provider.texts.slice(texts).filter((text) => text !== QUESTION.query);
    assert.deepEqual(again, [], "no text was embedded twice");
    await third.stop();
  }));

Deno.test("a brain moves into Qdrant and out again without one call of the provider", () =>
  withWorld(async ({ place, standIn, provider, withQdrant, without }) => {
    const before = await place.serve(without);
    const ids = await store(before, CONTENTS);
    await embedded(before, ids.length);
    await foundByMeaning(before);
    await before.stop();
    const { length } = provider.texts;
    for (const setting of [withQdrant, { ...withQdrant, QDRANT_COLLECTION: "mine" }]) {
      const inside = await place.serve(setting);
      await inLine(inside, ids.length);
      assert.deepEqual(heldBy(standIn), ids.toSorted());
      await inside.stop();
    }
    assert.deepEqual([...standIn.collections.keys()].toSorted(), [
      "mine",
      "second-brain-text-embedding-3-small-32",
    ]);
    const after = await place.serve(without);
    await embedded(after, ids.length);
    assert.equal(provider.texts.length, length, "it was paid for already");
    await foundByMeaning(after);
    await after.stop();
  }));

Deno.test("a Qdrant that hangs delays no write, no search for long, and not the end", () =>
  withWorld(async ({ place, standIn, withQdrant }) => {
    const program = await place.serve({ ...withQdrant, QDRANT_TIMEOUT_MS: "200" });
    await store(program, CONTENTS.slice(0, 3));
    await inLine(program, 3);
    standIn.faults.add({ kind: "hang" });
    for (let n = 0; n < 6; n++) {
      const began = performance.now();
      await program.want(201, "POST", "/memories", { content: `while it hangs ${n}` });
      const reply = await program.want(200, "POST", "/search", { query: "hedge" });
      assert.equal(reply.at("degraded"), "vector_store_unavailable");
      const ms = performance.now() - began;
      assert.ok(ms < 2_000, `${ms} ms`);
    }
    const { code, ms } = await program.stop();
    assert.equal(code, 0);
    assert.ok(ms < 3_000, `${ms} ms`);
    const atStart = await place.serve(withQdrant);
    const reply = await atStart.want(200, "POST", "/search", { query: "hedge" });
    assert.equal(reply.at("degraded"), "vector_store_unavailable");
    assert.equal(reply.at("results", 0, "memory", "content"), CONTENTS[0]);
    const again = await atStart.stop();
    assert.deepEqual([again.code, again.ms < 3_000], [0, true], `${again.ms} ms`);
  }));

Deno.test("reindex makes and sends what is lacking, on a folder at rest and for a service that runs", () =>
  withWorld(async ({ place, standIn, provider, withQdrant, without }) => {
    const nothing = await place.run(["reindex"], { env: without });
    assert.deepEqual([nothing.code, nothing.out], [1, ""]);
    assert.match(nothing.err, /^Cannot reindex: there is no brain at /);
    const program = await place.serve({});
    const ids = await store(program, CONTENTS);
    await program.stop();
    assert.deepEqual(provider.texts, []);

    provider.behaviour = "unauthorized";
    const refused = await place.run(["reindex"], { env: without });
    assert.equal(refused.code, 1);
    const none =
      `Cannot index all memories: 0 indexed, ${ids.length} pending, 0 failed. Cannot embed`;
    assert.ok(refused.err.startsWith(none), refused.err);
    provider.behaviour = "good";

    const plain = await place.run(["reindex"], { env: without });
    const all = `Done: ${ids.length} indexed, 0 pending, 0 failed.`;
    assert.deepEqual(
      [plain.code, plain.out, plain.err],
      [0, "", `${all} The vectors are searched in the service's own memory.\n`],
    );
    const { length } = provider.texts;
    const sent = await place.run(["reindex"], { env: withQdrant });
    const inQdrant = `${all} Qdrant has all of them as they are now.\n`;
    assert.deepEqual([sent.code, sent.out, sent.err], [0, "", inQdrant]);
    assert.deepEqual(heldBy(standIn), ids.toSorted());

    const running = await place.serve(withQdrant);
    await inLine(running, ids.length);
    const locked = await place.run(["reindex"], { env: withQdrant });
    assert.equal(locked.code, 75, locked.err);
    for (const one of standIn.collections.values()) one.delete(() => true);
    assert.deepEqual(heldBy(standIn), []);
    const asked = await place.run(["reindex", "--url", running.url, "--key", running.key]);
    assert.deepEqual([asked.code, asked.out, asked.err], [0, "", inQdrant]);
    assert.deepEqual(heldBy(standIn), ids.toSorted());
    await standIn.pause();
    const away = await place.run(["reindex", "--url", running.url, "--key", running.key]);
    assert.equal(away.code, 1);
    assert.match(away.err, /^The brain refused \(503\): Cannot compare the vector store /);
    await running.stop();
    const atRest = await place.run(["reindex"], { env: withQdrant });
    assert.equal(atRest.code, 1);
    assert.match(atRest.err, /^Cannot bring the vector store in line: Cannot reach Qdrant/);
    assert.equal(provider.texts.length, length, "it was paid for already");
  }));
