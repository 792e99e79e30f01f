/**
 * What an outage of the provider costs: no write a moment, no search more than two seconds and none
 * anything once the breaker is open, and after it one call for each text, also across a kill -9.
 */
import assert from "node:assert/strict";
import { type FakeOpenAi, fakeOpenAi, fakeVector } from "../fakes/openai.ts";
import { eventually } from "./conditions.ts";
import { Place, type Program } from "./program.ts";

const DIMENSIONS = 32;
const WRITES = 100;
const TURN = 20;
const ATTEMPTS = 4;

function setting({ baseUrl }: FakeOpenAi): Record<string, string> {
  return { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: "provider-key" };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
}

async function allIndexed(program: Program): Promise<void> {
  await eventually(45_000, "all found by meaning", async () => {
    const stats = await program.want(200, "GET", "/stats");
    return Object(stats.at("embeddings")).pending === 0 ? true : undefined;
  });
}

async function indexed(program: Program, count: number): Promise<void> {
  await eventually(45_000, `${count} memories found by meaning`, async () => {
    const stats = await program.want(200, "GET", "/stats");
    const { pending, indexed } = Object(stats.at("embeddings"));
    return pending === 0 && indexed === count ? true : undefined;
  });
}

/**
 * The medians of writes to both, some here, some there, so that what else the machine does hits
 * both. Where a provider is well its vectors come first: making them must not slow the other.
 */
async function compareWrites(well: Program, ill: Program): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < WRITES / TURN; turn++) {
    for (const [at, program] of [well, ill].entries()) {
      for (let n = 0; n < TURN; n++) {
        const content = `note ${n} ${crypto.randomUUID()}`;
        times[at]?.push(await timed(() => program.want(201, "POST", "/memories", { content })));
      }
      if (program === well) await allIndexed(program);
    }
  }
  return [median(times[0]), median(times[1])];
}

Deno.test("a write takes as long with a provider that hangs as with one that is well", async () => {
  const [good, hung] = [fakeOpenAi(), fakeOpenAi()];
  hung.behaviour = "hanging";
  try {
    await using goodPlace = new Place();
    await using hungPlace = new Place();
    const well = await goodPlace.serve(setting(good));
    const ill = await hungPlace.serve(setting(hung));
    await compareWrites(well, ill); // Until both have run warm.
    const seen: string[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [wellMs, illMs] = await compareWrites(well, ill);
      seen.push(`${illMs.toFixed(2)} ms hung, ${wellMs.toFixed(2)} ms well`);
      // The one that is well has vectors to keep as well: it may be the slower of the two.
      if (illMs <= wellMs * 1.1 + 0.1) break;
      assert.ok(attempt + 1 < ATTEMPTS, seen.join("; "));
    }
    console.log(`median of ${WRITES} writes: ${seen.at(-1)}`);
    assert.ok(hung.calls.length >= 1, "it was asked");
    await Promise.all([well.stop(), ill.stop()]);
  } finally {
    await Promise.all([good.close(), hung.close()]);
  }
});

Deno.test("a search waits for a provider that hangs, and once the breaker is open for nobody", async () => {
  const fake = fakeOpenAi();
  try {
    await using place = new Place();
    const program = await place.serve(setting(fake));
    await program.want(201, "POST", "/memories", { content: "The hedge wants cutting." });
    await indexed(program, 1);
    fake.behaviour = "hanging";
    const times: number[] = [];
    for (let n = 0; n < 12; n++) {
      const query = `hedge cutting ${n}`;
      times.push(
        await timed(async () => {
          const reply = await program.want(200, "POST", "/search", { query });
          assert.deepEqual([reply.at("mode"), reply.at("degraded"), reply.at("total")], [
            "keyword",
            "embeddings_unavailable",
            1,
          ]);
        }),
      );
    }
    const [waited, after] = [Math.max(...times.slice(0, 5)), median(times.slice(5))];
    console.log(`${Math.round(waited)} ms at most, ${Math.round(after)} ms with the breaker open`);
    assert.ok(waited < 2_000 && after < 100, `${times}`);
    await program.stop();
  } finally {
    await fake.close();
  }
});

Deno.test("a kill -9 in an outage, and one after it, cost no text a second call", async () => {
  const fake = fakeOpenAi();
  fake.behaviour = "hanging";
  const contents = Array.from({ length: 240 }, (_, n) => `garden note ${n % 130}`);
  try {
    await using place = new Place();
    const first = await place.serve(setting(fake));
    await Promise.all(contents.map((content) => first.want(201, "POST", "/memories", { content })));
    await eventually(10_000, "the first call", () => fake.calls.length > 0 ? true : undefined);
    await first.crash();

    fake.behaviour = "good";
    const during = fake.texts.length;
    const second = await place.serve(setting(fake));
    await indexed(second, contents.length);
    const texts = fake.texts.slice(during);
    assert.deepEqual(texts.toSorted(), [...new Set(contents)].toSorted());
    await second.crash();

    const third = await place.serve(setting(fake));
    await indexed(third, contents.length);
    assert.equal(fake.texts.length, during + texts.length, "it was paid for already");
    await third.stop();
  } finally {
    await fake.close();
  }
});

Deno.test("five seconds late, a vector is dropped where its text was edited or deleted meanwhile", async () => {
  const fake = fakeOpenAi();
  fake.behaviour = "very_slow";
  try {
    await using place = new Place();
    const program = await place.serve(setting(fake));
    const ids: string[] = [];
    for (const content of ["is edited", "is deleted"]) {
      const reply = await program.want(201, "POST", "/memories", { content });
      ids.push(String(reply.at("id")));
    }
    const [edited, deleted] = ids;
    await eventually(4_000, "that they are sent", () => fake.texts.length >= 2 ? true : undefined);
    await program.want(200, "PUT", `/memories/${edited}`, { content: "was edited" });
    await program.want(204, "DELETE", `/memories/${deleted}`);
    const before = await program.want(200, "GET", `/memories/${edited}?include=embedding`);
    assert.equal(before.at("embedding"), undefined);
    await indexed(program, 1);
    const after = await program.want(200, "GET", `/memories/${edited}?include=embedding`);
    const vector = Float32Array.from(Object(after.at("embedding")));
    assert.deepEqual(vector, Float32Array.from(fakeVector("was edited", DIMENSIONS)));
    assert.deepEqual(fake.texts.toSorted(), ["is deleted", "is edited", "was edited"]);
    await program.stop();
  } finally {
    await fake.close();
  }
});
