/** Fusion: the two halves made one, and the lists of several questions. */
import assert from "node:assert/strict";
import { fuse, FUSED_CANDIDATES, type FusedHit, type HalfHit, join } from "../src/fusion.ts";
import { random } from "./random.ts";

const SEED = 20_261_122;

function byRelevance(hits: readonly FusedHit[]): string[] {
  return hits.toSorted((a, b) => b.relevance - a.relevance || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

function hits(scores: Readonly<Record<string, number>>): HalfHit[] {
  return Object.entries(scores).map(([id, score]) => ({ id, score }));
}

Deno.test("with one half empty the other's own scores are the answer", () => {
  assert.deepEqual(fuse(hits({ a: 0.6, b: 0.2 }), []), [
    { id: "a", relevance: 0.6, keyword: 0.6, cosine: null },
    { id: "b", relevance: 0.2, keyword: 0.2, cosine: null },
  ]);
  assert.deepEqual(fuse([], hits({ a: 0.6, b: -0.2 })), [
    { id: "a", relevance: 0.6, keyword: null, cosine: 0.6 },
    { id: "b", relevance: 0, keyword: null, cosine: -0.2 },
  ]);
  assert.deepEqual(fuse([], []), []);
});

Deno.test("what both halves found comes before what one of them found as well", () => {
  const fused = fuse(hits({ both: 0.5, words: 0.5 }), hits({ both: 0.6, meaning: 0.6, far: 0.1 }));
  assert.deepEqual(byRelevance(fused)[0], "both");
});

Deno.test("a pure hit of either half survives as many of the other as are fused", () => {
  const crowd = (top: number) =>
    Array.from({ length: FUSED_CANDIDATES }, (_, at) => ({ id: `c${at}`, score: top - at / 1000 }));
  const byWords = fuse(hits({ lone: 0.7 }), crowd(0.4));
  assert.equal(byRelevance(byWords)[0], "lone");
  const byMeaning = fuse(crowd(0.2), [{ id: "lone", score: 0.8 }, ...crowd(0.3)]);
  assert.equal(byRelevance(byMeaning)[0], "lone");
});

Deno.test("a memory that is not embedded yet is not held below those that are", () => {
  const cosines = hits({ a: 0.6, b: 0.55, c: 0.1, d: 0.05 });
  const fused = fuse(hits({ fresh: 0.6, c: 0.3 }), cosines);
  assert.equal(byRelevance(fused)[0], "fresh");
});

Deno.test("halves that agree keep their order", () => {
  const fused = fuse(hits({ a: 0.7, b: 0.5, c: 0.3 }), hits({ a: 0.9, b: 0.5, c: 0.4 }));
  assert.deepEqual(byRelevance(fused), ["a", "b", "c"]);
});

Deno.test("scores that are all the same, or alone, are no error", () => {
  const alone = fuse(hits({ a: 0.5 }), hits({ a: 0.5 }));
  assert.equal(alone.length, 1);
  assert.ok((alone[0]?.relevance ?? 0) > 0);
  const same = fuse(hits({ a: 0.5, b: 0.5 }), hits({ b: 0.5, a: 0.5 }));
  assert.equal(same[0]?.relevance, same[1]?.relevance);
});

Deno.test(`relevance is above 0 and below 1 and rises with either score (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 300; round++) {
    const half = (prefix: string) =>
      Array.from({ length: 1 + Math.floor(next() * 150) }, () => ({
        id: `${prefix}${Math.floor(next() * 200)}`,
        score: 0.001 + 0.998 * next(),
      })).sort((a, b) => b.score - a.score);
    const fused = fuse(half("m"), half("m"));
    for (const hit of fused) {
      assert.ok(hit.relevance > 0 && hit.relevance < 1, `${hit.relevance} in round ${round}`);
    }
    for (const a of fused.slice(0, 10)) {
      for (const b of fused) {
        if (a.keyword === null || b.keyword === null || a.cosine === null) continue;
        if (b.cosine === null || a.keyword <= b.keyword || a.cosine <= b.cosine) continue;
        assert.ok(a.relevance > b.relevance, `round ${round}`);
      }
    }
  }
});

/** A half's best, and its crowd below it, evenly spread. */
function halfOf(best: string, top: number, crowd: { from: number; to: number }): HalfHit[] {
  const step = (crowd.from - crowd.to) / FUSED_CANDIDATES;
  const others = Array.from({ length: FUSED_CANDIDATES - 1 }, (_, at) => ({
    id: `${best} ${at}`,
    score: crowd.from - step * at,
  }));
  return [{ id: best, score: top }, ...others];
}

Deno.test("the half whose best stands out counts for more than the one that knows no best", () => {
  const words = halfOf("words", 0.56, { from: 0.55, to: 0.2 });
  const meanings = (top: number) => halfOf("meanings", top, { from: 0.35, to: 0.25 });
  assert.equal(byRelevance(fuse(words, meanings(0.36)))[0], "words");
  // With a weight that is always the same, the words would still be first.
  assert.equal(byRelevance(fuse(words, meanings(0.4)))[0], "meanings");
});

function hit(id: string, relevance: number, parts: Partial<FusedHit> = {}): FusedHit {
  return { id, relevance, keyword: null, cosine: null, ...parts };
}

Deno.test("joined, a memory that answers several questions comes before one that answers one as well", () => {
  const joined = join([[hit("a", 0.6), hit("b", 0.6)], [hit("b", 0.3), hit("c", 0.5)]]);
  assert.deepEqual(byRelevance(joined), ["b", "a", "c"]);
  assert.equal(joined.find(({ id }) => id === "a")?.relevance, Math.sqrt(0.6 ** 2 / 2));
});

Deno.test("joined, one question's best is not lost behind what is middling for all", () => {
  const middling = ["m", "n", "o"].map((id) => hit(id, 0.2));
  const joined = join([[hit("best", 0.8), ...middling], middling, middling]);
  assert.equal(byRelevance(joined)[0], "best");
});

Deno.test("joined, scores show the best of each half, and one list stays as it is", () => {
  const one = hit("a", 0.5, { keyword: 0.4 });
  assert.deepEqual(join([[one]]), [one]);
  assert.deepEqual(join([[one], [hit("a", 0.5, { keyword: 0.2, cosine: -0.1 })]]), [
    hit("a", Math.sqrt(0.25), { keyword: 0.4, cosine: -0.1 }),
  ]);
  assert.deepEqual(join([]), []);
});

Deno.test(`joined relevance stays within 0 to 1 and rises with every part (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 500; round++) {
    const [a, b, more] = [next(), next(), next() * 0.1];
    const relevance = (x: number, y: number) => join([[hit("a", x)], [hit("a", y)]])[0]?.relevance;
    const before = relevance(a, b) ?? NaN;
    const after = relevance(Math.min(1, a + more), b) ?? NaN;
    assert.ok(before >= 0 && before <= 1 && after >= before, `${before} ${after}`);
  }
});
