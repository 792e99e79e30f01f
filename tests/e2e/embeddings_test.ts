/** A provider of embeddings that is well, ill or away: writes never wait, searches always answer. */
import assert from "node:assert/strict";
import { type Behaviour, type FakeOpenAi, fakeOpenAi } from "../fakes/openai.ts";
import { eventually } from "./conditions.ts";
import { Place, type Program } from "./program.ts";

const PROVIDER_KEY = "provider-key-canary";
const KNOWN = ["The hedge wants cutting.", "A tyre of the old car is flat.", "Choir is on Monday."];
const WRITES = 12;

function setting(fake: FakeOpenAi): Record<string, string> {
  return { OPENAI_BASE_URL: fake.baseUrl, OPENAI_API_KEY: PROVIDER_KEY };
}

async function allEmbedded(program: Program, count: number): Promise<void> {
  await eventually(45_000, `${count} memories found by meaning`, async () => {
    const stats = await program.want(200, "GET", "/stats");
    const { pending, indexed } = Object(stats.at("embeddings"));
    return pending === 0 && indexed === count ? true : undefined;
  });
}

/** Stores them one after the other; the median of the milliseconds that it took. */
async function store(program: Program, contents: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (const content of contents) {
    const began = performance.now();
    await program.want(201, "POST", "/memories", { content });
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
}

async function foundByMeaning(program: Program): Promise<void> {
  const reply = await program.want(200, "POST", "/search", { query: "garden soil" });
  assert.equal(reply.at("mode"), "hybrid");
  assert.equal(reply.at("degraded"), null);
  assert.equal(reply.at("results", 0, "memory", "content"), KNOWN[0]);
}

/** How often each text was sent since that many calls ago. */
function countsSince(fake: FakeOpenAi, calls: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of fake.calls.slice(calls).flatMap(({ texts }) => texts)) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

function assertEachOnce(
  counts: ReadonlyMap<string, number>,
  contents: readonly string[],
  most = 1,
): void {
  for (const content of new Set(contents)) {
    const count = counts.get(content) ?? 0;
    assert.ok(count >= 1 && count <= most, `${content}: sent ${count} times`);
  }
}

Deno.test("embeddings are made once, outlive a restart, and may be deleted or damaged at no loss", async () => {
  const fake = fakeOpenAi();
  try {
    await using place = new Place();
    const first = await place.serve(setting(fake));
    const contents = [...KNOWN, ...KNOWN, "Something else."];
    await store(first, contents);
    await allEmbedded(first, contents.length);
    assertEachOnce(countsSince(fake, 0), contents);
    await foundByMeaning(first);
    assert.equal(fake.calls[0]?.headers.get("authorization"), `Bearer ${PROVIDER_KEY}`);
    await first.stop();

    const calls = fake.calls.length;
    const second = await place.serve(setting(fake));
    await allEmbedded(second, contents.length);
    assert.equal(fake.calls.length, calls, "a restart asks for nothing again");
    await foundByMeaning(second);
    await second.crash();

    for (const damage of ["deleted", "damaged"]) {
      for (const end of ["", "-wal", "-shm"]) {
        await Deno.remove(place.path(`embeddings.db${end}`)).catch(() => {});
      }
      if (damage === "damaged") {
        await Deno.writeTextFile(place.path("embeddings.db"), "no database ".repeat(1000));
      }
      const before = fake.calls.length;
      const program = await place.serve(setting(fake));
      await allEmbedded(program, contents.length);
      assertEachOnce(countsSince(fake, before), contents);
      assert.equal((await program.want(200, "GET", "/memories")).at("total"), contents.length);
      assert.equal((await program.stop()).code, 0);
    }
  } finally {
    await fake.close();
  }
});

Deno.test("another length re-embeds beside the old vectors, over a kill, and changing back is free", async () => {
  const fake = fakeOpenAi();
  const asking = (dimensions: number) => ({
    ...setting(fake),
    EMBEDDING_DIMENSIONS: `${dimensions}`,
  });
  const contents = [...KNOWN, ...Array.from({ length: 200 }, (_, n) => `note ${n}`)];
  try {
    await using place = new Place();
    const first = await place.serve(asking(32));
    await store(first, contents);
    await allEmbedded(first, contents.length);
    await first.stop();

    fake.behaviour = "server_error";
    const second = await place.serve(asking(16));
    await eventually(10_000, "that it tries", async () => {
      const stats = await second.want(200, "GET", "/stats");
      const { dimensions, indexed, reindexing } = Object(stats.at("embeddings"));
      return dimensions === 32 && indexed === contents.length && reindexing?.total
        ? true
        : undefined;
    });
    await second.crash();

    fake.behaviour = "good";
    const calls = fake.calls.length;
    const third = await place.serve(asking(16));
    // Ready comes before what is remembered is in the index.
    await eventually(10_000, "the old vectors serve", async () => {
      const { text } = await third.want(200, "POST", "/search", { query: "garden soil" });
      return JSON.parse(text).mode === "hybrid" || undefined;
    });
    await foundByMeaning(third);
    await allEmbedded(third, contents.length);
    const stats = await third.want(200, "GET", "/stats");
    assert.deepEqual(stats.at("embeddings", "dimensions"), 16);
    assert.deepEqual(stats.at("embeddings", "reindexing"), null);
    await foundByMeaning(third);
    // Once for the new vectors, and one of them to see whether the old ones are made still.
    assertEachOnce(countsSince(fake, calls), contents, 2);
    assert.equal((await third.stop()).code, 0);

    const back = fake.calls.length;
    const fourth = await place.serve(asking(32));
    await eventually(10_000, "the old vectors", async () => {
      const stats = await fourth.want(200, "GET", "/stats");
      return stats.at("embeddings", "dimensions") === 32 ? true : undefined;
    });
    await foundByMeaning(fourth);
    const again = countsSince(fake, back);
    assert.ok([...again.values()].reduce((sum, count) => sum + count, 0) <= 2, "it was paid for");
    assert.equal((await fourth.stop()).code, 0);
  } finally {
    await fake.close();
  }
});

/** Ill in this way, and whether it is well again by itself or after a restart. */
const OUTAGES: Readonly<Partial<Record<Behaviour, "itself" | "restart">>> = {
  server_error: "itself",
  rate_limited: "itself",
  html: "itself",
  cut_json: "itself",
  too_few: "itself",
  nan: "itself",
  hanging: "restart",
  longer: "restart",
  unauthorized: "restart",
  out_of_quota: "restart",
};

for (const [behaviour, mends] of Object.entries(OUTAGES)) {
  Deno.test(`a provider that is ill (${behaviour}) delays no write, and search says so`, async () => {
    const fake = fakeOpenAi();
    fake.retryAfter = "1";
    try {
      await using place = new Place();
      let program = await place.serve(setting(fake));
      const well = await store(program, KNOWN);
      await allEmbedded(program, KNOWN.length);

      fake.behaviour = behaviour as Behaviour;
      const contents = Array.from({ length: WRITES }, (_, i) => `outage note ${i % 10}`);
      const ill = await store(program, contents);
      assert.ok(ill < 100 + 10 * well, `${ill} ms a write, ${well} ms when all was well`);
      await searchIsDegraded(program);

      if (mends === "restart") assert.equal((await program.stop()).code, 0);
      fake.behaviour = "good";
      const calls = fake.calls.length;
      if (mends === "restart") program = await place.serve(setting(fake));
      await allEmbedded(program, KNOWN.length + WRITES);
      // Where some vectors were kept in the wrong length, it takes a second call to tell which.
      assertEachOnce(countsSince(fake, calls), contents, behaviour === "longer" ? 2 : 1);
      for (const secret of [PROVIDER_KEY, "outage note", "hedge"]) {
        assert.ok(!(program.out + program.err).includes(secret), secret);
      }
      assert.equal((await program.stop()).code, 0);
    } finally {
      await fake.close();
    }
  });
}

/** Also when it is asked seven times in a row. */
async function searchIsDegraded(program: Program): Promise<void> {
  for (let i = 0; i < 7; i++) {
    const began = performance.now();
    const reply = await program.want(200, "POST", "/search", { query: `hedge cutting ${i}` });
    const ms = performance.now() - began;
    assert.ok(ms < 2_000, `a search took ${ms} ms`);
    assert.equal(reply.at("degraded"), "embeddings_unavailable");
    assert.equal(reply.at("mode"), "keyword");
    assert.equal(reply.at("results", 0, "memory", "content"), KNOWN[0]);
  }
}
