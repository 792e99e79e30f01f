/** Which memories say the same, against a scan of all of them. */
import assert from "node:assert/strict";
import type { Memory } from "../src/memory.ts";
import { compareAge, sameTextKey, SameTexts } from "../src/same_texts.ts";
import { below, idOf, memoryOf, randomOf, seed } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

/** Each row says the same in several ways, and not the same as any other row. */
const SAYINGS: readonly (readonly string[])[] = [
  ["Tea", "tea", "TEA", " tea", "tea\n", "\ufefftea\u3000"],
  ["te a", "te  a", "te\t\r\n a", "te\u00a0a", "te\u2028\u0085a"],
  ["tea.", "Tea."],
  ["Straße", "STRASSE", "strasse", "STRAẞE"],
  ["café", "cafe\u0301", "CAFÉ", "CAFE\u0301"],
  ["cafe"],
  ["ΣΑΣ", "σας", "σασ"],
  ["sık", "SıK"],
  ["sik", "SIK"],
  ["i\u0307", "\u0130"],
  ["10²"],
  ["102"],
  ["ﬁx", "FIX", "fix"],
  ["ΐ", "Ϊ\u0301"],
  ["K", "\u212a"],
  ["각", "\u1100\u1161\u11a8"],
  ["東京"],
  ["東 京"],
  ["🙂", " 🙂 "],
  ["\u200b"],
];

Deno.test("texts are the same but for white space, capitals and how Unicode spells them", () => {
  const rowOf = new Map<string, number>();
  SAYINGS.forEach((texts, row) => {
    assert.deepEqual(new Set(texts.map(sameTextKey)).size, 1, texts.join("|"));
    for (const text of texts) rowOf.set(sameTextKey(text), row);
  });
  assert.equal(rowOf.size, SAYINGS.length);
});

Deno.test("what is the same stays so when it is put among other words, or asked for as a key", () => {
  for (const text of SAYINGS.flat()) {
    const key = sameTextKey(text);
    assert.equal(sameTextKey(key), key);
    assert.equal(sameTextKey(`A  ${text} z`), sameTextKey(`a ${key} Z`));
  }
});

function oldestOf(memories: Iterable<Memory>, text: string): Memory | undefined {
  const key = sameTextKey(text);
  return [...memories].filter(({ content }) => sameTextKey(content) === key).sort(compareAge)[0];
}

Deno.test(`after any changes the oldest with a text is found, as a scan finds it (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[below(random, from.length)] ?? assert.fail();
  for (let round = 0; round < 60; round++) {
    const held = new Map<string, Memory>();
    const texts = new SameTexts({ memories: () => held.values(), random });
    const firstAsked = below(random, 60);
    for (let step = 0; step < 120; step++) {
      if (step === firstAsked) await texts.ready();
      const id = idOf(below(random, 40));
      const before = held.get(id);
      const after = random() < 0.25 ? undefined : memoryOf(0, {
        id,
        content: random() < 0.2 && before ? before.content : pick(pick(SAYINGS)),
        created_at: random() < 0.5 && before
          ? before.created_at
          : `2026-01-0${1 + below(random, 3)}T00:00:00.000Z`,
      });
      if (after === undefined) held.delete(id);
      else held.set(id, after);
      texts.changed(before, after);
      if (step < firstAsked) continue;
      const asked = pick(pick(SAYINGS));
      assert.equal(texts.oldest(asked), oldestOf(held.values(), asked), `round ${round}: ${asked}`);
    }
    for (const asked of SAYINGS.flat()) {
      assert.equal(texts.oldest(asked), oldestOf(held.values(), asked));
    }
  }
});

Deno.test("changes while all are read for the first time are not missed, and none is read twice", async () => {
  const held = new Map<string, Memory>();
  for (let n = 0; n < 30_000; n++) {
    held.set(idOf(n), memoryOf(n, { content: `text ${n % 20_000}` }));
  }
  const texts = new SameTexts({ memories: () => held.values(), random: Math.random });
  let isMade = false;
  const made = texts.ready().then(() => isMade = true);
  const set = (n: number, after: Memory | undefined) => {
    const before = held.get(idOf(n));
    if (after === undefined) held.delete(idOf(n));
    else held.set(idOf(n), after);
    texts.changed(before, after);
  };
  for (let n = 0; !isMade; n++) {
    set(n, undefined);
    set(29_999 - n, memoryOf(29_999 - n, { content: `text ${n % 20_000}` }));
    set(40_000 + n, memoryOf(40_000 + n, { content: `text ${n % 20_000}` }));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await made;
  const oldest = new Map<string, Memory>();
  for (const memory of [...held.values()].sort(compareAge).reverse()) {
    oldest.set(memory.content, memory);
  }
  for (let n = 0; n < 20_000; n++) {
    assert.equal(texts.oldest(`text ${n}`), oldest.get(`text ${n}`));
  }
  for (const memory of [...held.values()]) set(Number(memory.id.slice(-12)), undefined);
  for (let n = 0; n < 20_000; n++) assert.equal(texts.oldest(`text ${n}`), undefined);
});

Deno.test("another text with the same hash is not taken for the same", async () => {
  const texts = new SameTexts({ memories: () => [], random: () => 0.5 });
  await texts.ready();
  const known = new Map<number, string>();
  let pair: [string, string] | undefined;
  for (let n = 0; pair === undefined; n++) {
    const earlier = known.get(texts.fingerprint(`t${n}`));
    if (earlier !== undefined) pair = [earlier, `t${n}`];
    known.set(texts.fingerprint(`t${n}`), `t${n}`);
  }
  const [one, other] = pair;
  const first = memoryOf(1, { content: one }), second = memoryOf(2, { content: other });
  texts.changed(undefined, first);
  assert.equal(texts.oldest(other), undefined);
  texts.changed(undefined, second);
  assert.deepEqual([texts.oldest(one), texts.oldest(other)], [first, second]);
  texts.changed(first, undefined);
  assert.deepEqual([texts.oldest(one), texts.oldest(other)], [undefined, second]);
});

Deno.test("a hundred thousand memories with one text are asked for and changed in no time", async () => {
  const held = new Map<string, Memory>();
  for (let n = 0; n < 100_000; n++) held.set(idOf(n), memoryOf(n, { content: "the same" }));
  const texts = new SameTexts({ memories: () => held.values(), random: Math.random });
  await texts.ready();
  const began = performance.now();
  for (let n = 0; n < 100; n++) {
    assert.equal(texts.oldest("The Same")?.id, idOf(n));
    texts.changed(held.get(idOf(n)), undefined);
  }
  const ms = performance.now() - began;
  assert.ok(ms < 100 * 20, `${ms} ms for a hundred`);
});
