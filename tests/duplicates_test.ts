/** Pairs in nearly the same words, against comparing each memory with each. */
import assert from "node:assert/strict";
import { comparePairs, type FoundPairs, wordPairs } from "../src/duplicates/word_pairs.ts";
import { wordsOf } from "../src/duplicates/words.ts";
import type { Memory } from "../src/memory.ts";
import { compareAge } from "../src/same_texts.ts";
import { below, idOf, memoryOf, randomOf, seed } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

type Told = [older: string, newer: string, score: number];

function told({ pairs }: FoundPairs): Told[] {
  return pairs.toSorted(comparePairs).map(({ older, newer, score }) => [older.id, newer.id, score]);
}

function sharedWords(a: Memory, b: Memory): number {
  const one = new Set(wordsOf(a.content)), other = new Set(wordsOf(b.content));
  return one.intersection(other).size / one.union(other).size;
}

/** Each with each, but that of those with the same words the oldest stands for all. */
function scanned(memories: readonly Memory[], minScore: number): Told[] {
  const byAge = memories.toSorted(compareAge);
  const stands = byAge.map((memory, at) =>
    !byAge.slice(0, at).some((older) => sharedWords(older, memory) === 1)
  );
  const pairs = byAge.flatMap((older, i) =>
    byAge.slice(i + 1).map((newer, j) => ({ older, newer, i, j: i + 1 + j }))
  ).filter(({ i, j, older, newer }) => stands[i] && (stands[j] || sharedWords(older, newer) === 1))
    .map(({ older, newer }) => ({ older, newer, score: sharedWords(older, newer) }));
  return told({ pairs: pairs.filter(({ score }) => score >= minScore), isComplete: true });
}

const signal = new AbortController().signal;
const all = (memories: readonly Memory[], minScore: number, limit = 1e6) =>
  wordPairs({ memories, minScore, limit, signal });

/** Texts that come in families: a word left out, put in, or another in its place. */
function families(random: () => number, count: number, vocabulary: number): Memory[] {
  const word = () => `w${Math.floor(vocabulary * random() * random())}`;
  const texts: string[][] = [];
  for (let n = 0; n < count; n++) {
    const kin = texts[below(random, texts.length + 1)];
    const words = kin === undefined || random() < 0.4
      ? Array.from({ length: 1 + below(random, 25) }, word)
      : [...kin];
    for (let change = below(random, 4); change > 0 && words.length > 0; change--) {
      words.splice(
        below(random, words.length),
        below(random, 2),
        ...random() < 0.6 ? [word()] : [],
      );
    }
    texts.push(words);
  }
  return texts.map((words, n) =>
    memoryOf(n, {
      id: idOf(below(random, 1e9)),
      content: words.join(random() < 0.1 ? " - " : " ") || "...",
      created_at: `2026-01-0${1 + below(random, 9)}T00:00:00.000Z`,
    })
  );
}

Deno.test(`exactly the pairs are found that comparing each with each finds (seed ${seed})`, async () => {
  const random = randomOf(seed);
  let pairs = 0;
  for (let round = 0; round < 40; round++) {
    const memories = families(random, 5 + below(random, 70), 10 + below(random, 400));
    for (const minScore of [0.5, 0.75, 0.8, 0.9, 1, 0.5 + random() / 2]) {
      const found = await all(memories, minScore);
      assert.deepEqual(told(found), scanned(memories, minScore), `round ${round}, ${minScore}`);
      assert.ok(found.isComplete);
      pairs += found.pairs.length;
    }
  }
  assert.ok(pairs > 1_000, `only ${pairs} pairs`);
});

Deno.test("of too many pairs the nearest are given, and it is said that there are more", async () => {
  const memories = families(randomOf(7), 200, 40);
  const whole = await all(memories, 0.5);
  assert.ok(whole.pairs.length > 50 && whole.isComplete);
  const some = await all(memories, 0.5, 20);
  assert.deepEqual(told(some), told(whole).slice(0, 20));
  assert.equal(some.isComplete, false);
  const justAll = await all(memories, 0.5, whole.pairs.length);
  assert.equal(justAll.isComplete, true);
});

Deno.test("a hundred thousand copies are as many pairs with the oldest, and held within the limit", async () => {
  const memories = Array.from({ length: 100_000 }, (_, n) => memoryOf(n, { content: "a copy" }));
  const began = performance.now();
  const { pairs, isComplete } = await all(memories, 0.8, 5_000);
  assert.ok(performance.now() - began < 20_000);
  assert.equal(isComplete, false);
  assert.equal(pairs.length, 5_000);
  assert.ok(pairs.every(({ older, score }) => older.id === idOf(0) && score === 1));
  assert.equal(new Set(pairs.map(({ newer }) => newer.id)).size, 5_000);
});

Deno.test("notes that a machine wrote, all nearly alike, end in time and are said not to be all", async () => {
  const memories = Array.from(
    { length: 20_000 },
    (_, n) => memoryOf(n, { content: `Reminder: take the blue pill at 8:00 on day ${n >> 1}` }),
  );
  const began = performance.now();
  const { pairs, isComplete } = await all(memories, 0.8, 5_000);
  assert.ok(performance.now() - began < 60_000);
  assert.equal(isComplete, false);
  assert.deepEqual(new Set(pairs.map(({ score }) => score)), new Set([1]));
  assert.equal(pairs.length, 5_000);
});

Deno.test("words are compared whatever their case, spelling and script", () => {
  const rows: [string, string[]][] = [
    ["Don't PANIC, don't!", ["don", "t", "panic", "don", "t"]],
    ["Straße 10²", ["strasse", "102"]],
    ["東京都に住む", ["東京", "京都", "都に", "に住", "住む"]],
    ["iPhone東", ["iphone", "東"]],
    ["คนไทย", ["คน", "นไ", "ไท", "ทย"]],
    ["हिन्दी", ["हिन्दी"]],
    ["한국어를 배운다", ["한국어를", "배운다"]],
    ["😀😀", ["😀", "😀"]],
    ["...", ["..."]],
  ];
  for (const [text, words] of rows) assert.deepEqual(wordsOf(text), words);
});

Deno.test("looking for pairs ends when it is told to", async () => {
  const memories = families(randomOf(3), 5_000, 5_000);
  const stop = new AbortController();
  const looking = wordPairs({ memories, minScore: 0.5, limit: 10, signal: stop.signal });
  stop.abort(new Error("told"));
  await assert.rejects(looking, { message: "told" });
});
