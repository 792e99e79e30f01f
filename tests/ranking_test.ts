/** Ranking: the best few, the weights. */
import assert from "node:assert/strict";
import { Best, compareRanked, recencyOf, scoreParts, weigh } from "../src/ranking.ts";
import { random } from "./random.ts";

const SEED = 20_261_122;
const NOW_MS = Date.parse("2026-11-22T12:00:00.000Z");
const NOW = new Date(NOW_MS).toISOString();

function daysAgo(days: number): string {
  return new Date(NOW_MS - days * 86_400_000).toISOString();
}

Deno.test(`the best few are those that sorting everything gives (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 200; round++) {
    const numbers = Array.from({ length: Math.floor(next() * 60) }, () => Math.floor(next() * 30));
    const limit = Math.floor(next() * 20);
    const best = new Best<number>(limit, (a, b) => b - a);
    for (const number of numbers) best.offer(number);
    assert.deepEqual(best.sorted(), numbers.toSorted((a, b) => b - a).slice(0, limit));
  }
});

Deno.test("recency is halved every thirty days, and the future is now", () => {
  const recency = (updated_at: string) => recencyOf({ updated_at }, NOW_MS);
  assert.deepEqual([0, 30, 60, -5].map(daysAgo).map(recency), [1, 0.5, 0.25, 1]);
});

Deno.test("weights of zero leave the relevance as it is", () => {
  const memory = { importance_score: 0.1, updated_at: daysAgo(400) };
  assert.equal(weigh(0.37, memory, { importance: 0, recency: 0 }, NOW_MS), 0.37);
});

Deno.test("a memory that could not be more important or newer keeps all its relevance", () => {
  const memory = { importance_score: 1, updated_at: NOW };
  assert.equal(weigh(0.8, memory, { importance: 1, recency: 1 }, NOW_MS), 0.8);
});

Deno.test("weights follow the formula", () => {
  const memory = { importance_score: 0, updated_at: daysAgo(30) };
  const expected = 0.5 * (1 + 0.2 * 0.5) * (1 + 0.1 * -0.5) / ((1 + 0.2) * (1 + 0.1 * 0.5));
  const actual = weigh(0.5, memory, { importance: 0.1, recency: 0.2 }, NOW_MS);
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} and not ${expected}`);
});

Deno.test(`weighing never takes a score out of 0 to its relevance (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 2000; round++) {
    const relevance = next();
    const memory = { importance_score: next(), updated_at: daysAgo(next() * 300 - 10) };
    const score = weigh(relevance, memory, { importance: next(), recency: next() }, NOW_MS);
    assert.ok(score >= 0 && score <= relevance, `${score} of ${relevance}`);
  }
});

Deno.test("the order is score, then the newest, then the id", () => {
  const ranked = (id: string, score: number, created_at: string) => ({
    score,
    memory: { id, created_at },
  });
  const expected = [
    ranked("d", 0.9, daysAgo(9)),
    ranked("c", 0.5, daysAgo(1)),
    ranked("a", 0.5, daysAgo(2)),
    ranked("b", 0.5, daysAgo(2)),
  ];
  assert.deepEqual(expected.toReversed().sort(compareRanked), expected);
});

Deno.test("a reply shows what a score is made of, and null for a half that did not see it", () => {
  const memory = { importance_score: 0.7, updated_at: daysAgo(30) };
  assert.deepEqual(scoreParts({ keyword: null, cosine: -0.3 }, memory, NOW_MS), {
    semantic: 0,
    keyword: null,
    importance: 0.7,
    recency: 0.5,
  });
  assert.deepEqual(scoreParts({ keyword: 0.4, cosine: null }, memory, NOW_MS), {
    semantic: null,
    keyword: 0.4,
    importance: 0.7,
    recency: 0.5,
  });
});

Deno.test("a memory whose time is none is ranked as the oldest", () => {
  assert.equal(recencyOf({ updated_at: "yesterday" }, NOW_MS), 0);
  const memory = { importance_score: 0.5, updated_at: "yesterday" };
  assert.equal(weigh(0.8, memory, { importance: 0, recency: 1 }, NOW_MS), 0.4);
});
