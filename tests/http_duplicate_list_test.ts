/** `GET /duplicates`: pairs that tell much the same, by words and by meaning; nothing is merged. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { type VectorIndex, VectorIndexUnavailable } from "../src/vector_index.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { idOf } from "./fakes/store_kit.ts";
import { CANARY, type HttpApp, type Json, NOW, withApp } from "./http_app.ts";

/** What two assistants wrote down of one person, in the order of their ids. */
const NOTES: readonly [string, number[]][] = [
  ["Anna prefers green tea in the morning", [1, 0, 0, 0]],
  ["The user, Anna, drinks tea when she gets up", [0.98, 0.199, 0, 0]],
  ["Anna prefers green tea in the evening", [0, 1, 0, 0]],
  ["anna prefers GREEN tea, in the morning!", [1, 0.01, 0, 0]],
  ["The fence gets cedar posts", [0, 0, 1, 0]],
];

async function put(app: HttpApp, notes = NOTES): Promise<void> {
  for (const [content, embedding] of notes) {
    await app.done(201, "POST", "/memories", { json: { content, embedding } });
  }
  await app.clock.until(app.brain.indexer.idle());
}

async function list(app: HttpApp, query = ""): Promise<Json> {
  return await app.done(200, "GET", `/duplicates${query}`);
}

/** Numbers of the two, and the scores in thousandths. */
function told({ duplicates }: Json): Json[] {
  const thousandths = (score: number | null) => score === null ? null : Math.round(score * 1000);
  return duplicates.map(({ memories, similarity, scores }: Json) => [
    memories.map(({ id }: Json) => Number(id.slice(-12))).join(),
    ...[similarity, scores.keyword, scores.semantic].map(thousandths),
  ]);
}

Deno.test("the reply shows both memories whole, how near they are, and by what", async () => {
  await withApp(async (app) => {
    const json = { content: `${CANARY} one`, tags: ["a"], embedding: [1, 2] };
    await app.done(201, "POST", "/memories", { json });
    await app.done(201, "POST", "/memories", { json: { content: `${CANARY}, ONE` } });
    const memory = (n: number, content: string, tags: string[]) => ({
      id: idOf(n),
      content,
      memory_type: "semantic",
      importance_score: 0.5,
      tags,
      metadata: {},
      created_at: NOW,
      updated_at: NOW,
      last_accessed_at: null,
      access_count: 0,
    });
    const whole = {
      duplicates: [{
        memories: [memory(1, `${CANARY} one`, ["a"]), memory(2, `${CANARY}, ONE`, [])],
        similarity: 1,
        scores: { keyword: 1, semantic: null },
      }],
      total: 1,
      limit: 20,
      offset: 0,
      is_complete: false,
      degraded: "embeddings_unavailable",
    };
    assert.deepEqual(await list(app), whole);
    assert.deepEqual(await list(app), whole, "it was looked for, not read or changed");
  });
});

/** Query -> pairs, with similarity, by words, by meaning. */
const SIDES: readonly [string, Json[]][] = [
  ["", [["1,4", 1000, 1000, 1000], ["1,2", 980, null, 980]]],
  ["?by=any&min_similarity=0.7", [
    ["1,4", 1000, 1000, 1000],
    ["1,2", 980, null, 980],
    ["1,3", 750, 750, null],
  ]],
  ["?by=keyword", [["1,4", 1000, 1000, null]]],
  ["?by=keyword&min_similarity=0.75", [["1,4", 1000, 1000, null], ["1,3", 750, 750, null]]],
  ["?by=semantic", [
    ["1,4", 1000, null, 1000],
    ["2,4", 982, null, 982],
    ["1,2", 980, null, 980],
  ]],
  ["?by=semantic&min_similarity=1", []],
  ["?min_similarity=1", [["1,4", 1000, 1000, null]]],
];

Deno.test("pairs are told by words, by meaning and by either, nearest first", async () => {
  await withApp(async (app) => {
    await put(app);
    for (const [query, pairs] of SIDES) {
      const reply = await list(app, query);
      assert.deepEqual([query, ...told(reply)], [query, ...pairs]);
      assert.deepEqual([reply.total, reply.is_complete], [pairs.length, true]);
    }
  });
});

Deno.test("every change shows at once: a new memory, an edit, a delete, an import", async () => {
  await withApp(async (app) => {
    await put(app);
    const pairs = async () => told(await list(app, "?by=keyword")).map(([ids]) => ids);
    assert.deepEqual(await pairs(), ["1,4"]);
    await app.done(201, "POST", "/memories", { json: { content: "cedar posts gets the FENCE" } });
    assert.deepEqual(await pairs(), ["1,4", "5,6"]);
    await app.done(200, "PUT", `/memories/${idOf(6)}`, { json: { content: "Gone fishing" } });
    assert.deepEqual(await pairs(), ["1,4"]);
    await app.done(200, "PUT", `/memories/${idOf(4)}`, { json: { tags: ["kept"] } });
    const [{ memories: [, newer] }] = (await list(app)).duplicates;
    assert.deepEqual(newer.tags, ["kept"]);
    await app.done(204, "DELETE", `/memories/${idOf(1)}`);
    assert.deepEqual(await pairs(), []);
    const older = { id: idOf(70), content: "gone  FISHING", created_at: "2020-01-01T00:00:00Z" };
    await app.done(200, "POST", "/import", { json: [older] });
    assert.deepEqual(await pairs(), ["70,6"]);
    await app.done(200, "PATCH", `/memories/${idOf(3)}`, { json: { embedding: [0, 0, 1, 0.01] } });
    await app.clock.until(app.brain.indexer.idle());
    assert.deepEqual(told(await list(app, "?by=semantic")), [
      ["3,5", 1000, null, 1000],
      ["2,4", 982, null, 982],
    ]);
  });
});

Deno.test("pages are cut from one order, and say how many there are", async () => {
  await withApp(async (app) => {
    await put(app, NOTES.flatMap((note) => [note, note, note]));
    const whole = await list(app, "?min_similarity=0.5&limit=100");
    assert.equal(whole.total, whole.duplicates.length);
    const pages: Json[] = [];
    for (let offset = 0; offset < whole.total; offset += 3) {
      const page = await list(app, `?min_similarity=0.5&limit=3&offset=${offset}`);
      assert.deepEqual([page.total, page.limit, page.offset], [whole.total, 3, offset]);
      pages.push(...page.duplicates);
    }
    assert.deepEqual(pages, whole.duplicates);
    const beyond = await list(app, "?min_similarity=0.5&offset=1000000");
    assert.deepEqual([beyond.total, beyond.duplicates], [whole.total, []]);
  });
});

Deno.test("of copies only the oldest is paired with others, by words and by meaning", async () => {
  await withApp(async (app) => {
    await put(
      app,
      [...Array.from({ length: 4 }, () => NOTES[0]), NOTES[1]].flatMap((n) => n ? [n] : []),
    );
    assert.deepEqual(told(await list(app)), [
      ["1,2", 1000, 1000, 1000],
      ["1,3", 1000, 1000, 1000],
      ["1,4", 1000, 1000, 1000],
      ["1,5", 980, null, 980],
    ]);
  });
});

/** An index that can be taken out of reach. */
class FarIndex extends FloatScan {
  away = false;

  override async nearPairs(query: Parameters<VectorIndex["nearPairs"]>[0]) {
    if (this.away) throw new VectorIndexUnavailable("away");
    return await super.nearPairs(query);
  }
}

/** What is away, and what is asked -> why less was compared, whether all was, and how many. */
const LADDER: readonly [string, string, string | null, boolean, number][] = [
  ["none", "any", null, true, 1],
  ["none", "keyword", null, true, 1],
  ["none", "semantic", "embeddings_unavailable", false, 0],
  ["some", "any", "embeddings_unavailable", false, 1],
  ["some", "semantic", "embeddings_unavailable", false, 0],
  ["own", "semantic", null, true, 0],
  ["ok", "any", null, true, 1],
  ["ok", "semantic", null, true, 1],
  ["down", "any", "embeddings_unavailable", false, 1],
  ["down", "keyword", null, true, 1],
  ["down", "semantic", "embeddings_unavailable", false, 0],
  ["far", "any", "vector_store_unavailable", false, 1],
  ["far", "semantic", "vector_store_unavailable", false, 0],
];

Deno.test("what is away makes the list poorer, never an error", async () => {
  for (const [state, by, degraded, complete, total] of LADDER) {
    const embedder = new FakeEmbedder(), vectorIndex = new FarIndex();
    await withApp(async (app) => {
      if (state === "down") embedder.plan = () => new EmbedderError("config", "Cannot embed: away");
      const embedded = { some: 1, own: 2 }[state] ?? 0;
      for (const [n, content] of [`${CANARY} a b`, `${CANARY} B a`].entries()) {
        const embedding = n < embedded ? [n, 1 - n] : undefined;
        await app.done(201, "POST", "/memories", { json: { content, embedding } });
      }
      await app.clock.until(app.brain.indexer.idle());
      vectorIndex.away = state === "far";
      const reply = await list(app, `?by=${by}&min_similarity=0.9`);
      const seen = [reply.degraded, reply.is_complete, reply.total];
      assert.deepEqual([state, by, ...seen], [state, by, degraded, complete, total]);
    }, { vectorIndex, ...(!["none", "some", "own"].includes(state) && { embedder }) });
  }
});

Deno.test("queries that make no sense are refused", async () => {
  await withApp(async (app) => {
    const queries = [
      "by=meaning",
      "by=",
      "min_similarity=0.4",
      "min_similarity=1.01",
      "min_similarity=NaN",
      "limit=0",
      "limit=101",
      "offset=-1",
      "cursor=x",
      "by=any&by=any",
    ];
    for (const query of queries) await app.done(400, "GET", `/duplicates?${query}`);
  });
});

Deno.test("many who ask at once share one computation, and what changes on the way is not shown", async () => {
  let asked = 0;
  const gate = Promise.withResolvers<void>();
  class SlowIndex extends FloatScan {
    override async nearPairs(query: Parameters<VectorIndex["nearPairs"]>[0]) {
      asked++;
      const pairs = await super.nearPairs(query);
      await gate.promise;
      return pairs;
    }
  }
  await withApp(async (app) => {
    await put(app);
    const asking = Array.from({ length: 20 }, () => list(app, "?by=semantic"));
    while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    await app.done(204, "DELETE", `/memories/${idOf(2)}`);
    await app.done(200, "PUT", `/memories/${idOf(4)}`, { json: { content: "of something else" } });
    gate.resolve();
    const replies = await Promise.all(asking);
    for (const reply of replies) assert.deepEqual(told(reply), []);
    assert.ok(asked <= 2, `${asked} computations`);
  }, { vectorIndex: new SlowIndex() });
});

Deno.test("who waits too long gets what there is, and all of it later", async () => {
  let gate = Promise.withResolvers<void>();
  class SlowIndex extends FloatScan {
    override async nearPairs(query: Parameters<VectorIndex["nearPairs"]>[0]) {
      await gate.promise;
      return await super.nearPairs(query);
    }
  }
  await withApp(async (app) => {
    await put(app);
    const late = async (query: string) => {
      const reply = list(app, query);
      await app.clock.until(reply);
      return await reply;
    };
    const some = await late("");
    assert.deepEqual([told(some), some.is_complete], [[["1,4", 1000, 1000, null]], false]);
    gate.resolve();
    const both = await list(app);
    assert.deepEqual([both.total, both.is_complete], [2, true]);
    gate = Promise.withResolvers();
    await app.done(204, "DELETE", `/memories/${idOf(4)}`);
    await app.clock.advance(1);
    const earlier = await late("?by=semantic");
    assert.deepEqual([told(earlier), earlier.is_complete], [[["1,2", 980, null, 980]], false]);
    const json = { content: "of something else", embedding: [0, 0, 0, 1] };
    await app.done(200, "PUT", `/memories/${idOf(2)}`, { json });
    await app.clock.until(app.brain.indexer.idle());
    const now = await late("?by=semantic");
    assert.deepEqual([told(now), now.is_complete], [[], false], "what says something else now");
    gate.resolve();
    assert.equal((await list(app, "?by=semantic")).is_complete, true);
  }, { vectorIndex: new SlowIndex() });
});

Deno.test("a stop ends what is still being compared", async () => {
  class HangingIndex extends FloatScan {
    override nearPairs({ signal }: Parameters<VectorIndex["nearPairs"]>[0]): Promise<never> {
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    }
  }
  await withApp(async (app) => {
    await put(app);
    const asking = app.call("GET", "/duplicates");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await app.brain.close();
    const { status, headers } = await asking;
    assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
  }, { vectorIndex: new HangingIndex() });
});
