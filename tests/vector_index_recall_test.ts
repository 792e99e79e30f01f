/** What the quantised index finds, beside the float32 scan: on clustered vectors, every stage. */
import assert from "node:assert/strict";
import type { VectorEntry, VectorHit, VectorQuery } from "../src/vector_index.ts";
import { QuantisedVectorIndex } from "../src/vector_index/quantised.ts";
import { ClusteredVectors } from "./fakes/clustered_vectors.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { SourcedVectorIndex } from "./fakes/sourced_index.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

/** Dimensions and memories: but of the first two the sign bits are asked first. */
const SIZES = [[8, 3000], [100, 2000], [384, 12_000], [768, 4000], [1000, 3000], [1536, 2000], [
  4096,
  500,
]];

/** Shares are of chance: with another seed each may be a little less. */
const FIXED_SEED = 1;

interface Twins {
  readonly index: SourcedVectorIndex;
  readonly oracle: FloatScan;
  readonly vectors: ClusteredVectors;
  readonly random: () => number;
}

async function filled(dimensions: number, count: number, chunks = 1): Promise<Twins> {
  const random = randomOf(FIXED_SEED + dimensions);
  const vectors = new ClusteredVectors(random, dimensions, 40);
  const [index, oracle] = [new SourcedVectorIndex(), new FloatScan()];
  for (let from = 0; from < count; from += 100) {
    const entries = Array.from({ length: Math.min(100, count - from) }, (_, at): VectorEntry => ({
      id: `m${from + at}`,
      vectors: Array.from({ length: 1 + below(random, chunks) }, () => vectors.next()),
    }));
    await index.upsert(entries);
    await oracle.upsert(entries);
  }
  return { index, oracle, vectors, random };
}

function idsOf(hits: readonly VectorHit[]): string[] {
  return hits.map(({ id }) => id);
}

/** The share of the best that was found, over some queries; scores must be the true ones. */
async function recall(
  { index, oracle, vectors }: Twins,
  query: Omit<VectorQuery, "vector">,
): Promise<number> {
  let [found, all] = [0, 0];
  for (let round = 0; round < 20; round++) {
    const vector = vectors.next();
    const [result, truth] = await Promise.all([
      index.search({ vector, ...query }),
      oracle.search({ vector, ...query }),
    ]);
    assert.equal(result.total, truth.total);
    assert.equal(result.hits.length, truth.hits.length);
    const scores = new Map(truth.hits.map(({ id, score }) => [id, score]));
    for (const { id, score } of result.hits) {
      if (scores.has(id)) assert.ok(Math.abs(score - (scores.get(id) ?? 0)) < 1e-9, id);
    }
    found += result.hits.filter(({ id }) => scores.has(id)).length;
    all += truth.hits.length;
  }
  return found / all;
}

for (const [dimensions = 0, count = 0] of SIZES) {
  Deno.test(`${count} memories of ${dimensions} numbers: recall@10 is .99 at least`, async () => {
    const twins = await filled(dimensions, count);
    const whole = await recall(twins, { limit: 10 });
    assert.ok(whole >= 0.99, `${whole}`);
    const half = await recall(twins, { limit: 10, accept: (id) => /[02468]$/.test(id) });
    assert.ok(half >= 0.99, `of a half ${half}`);
    const few = await recall(twins, { limit: 10, accept: (id) => id.endsWith("77") });
    assert.ok(few >= 0.99, `of one in a hundred ${few}`);
  });
}

Deno.test(`memories of several vectors are found by the nearest`, async () => {
  const twins = await filled(384, 6000, 4);
  assert.equal(twins.index.size, 6000);
  const share = await recall(twins, { limit: 10 });
  assert.ok(share >= 0.99, `${share}`);
});

Deno.test(`a long list: the best of it exact, the rest nearly`, async () => {
  const { index, oracle, vectors } = await filled(384, 12_000);
  const vector = vectors.next();
  const { hits } = await index.search({ vector, limit: 2000 });
  const truth = await oracle.search({ vector, limit: 2000 });
  assert.deepEqual(idsOf(hits.slice(0, 20)), idsOf(truth.hits.slice(0, 20)));
  const ids = new Set(idsOf(truth.hits));
  const found = hits.filter(({ id }) => ids.has(id)).length;
  assert.ok(found >= 1960, `${found}`);
  hits.forEach(({ score }, at) => {
    assert.ok(Math.abs(score - (truth.hits[at]?.score ?? 0)) < 0.003);
    assert.ok(score <= (hits[at - 1]?.score ?? 1));
  });
  assert.ok(index.asked.flat().length <= 100, `${index.asked.flat().length} were asked for`);
});

Deno.test("of equal memories the lower ids come first, however many there are", async () => {
  const random = randomOf(1);
  const vectors = new ClusteredVectors(random, 768, 5);
  const one = vectors.next();
  const ids = Array.from({ length: 7000 }, (_, at) => `m${String(at).padStart(5, "0")}`);
  const shuffled = ids.map((id) => ({ id, at: random() })).sort((a, b) => a.at - b.at);
  const index = new SourcedVectorIndex();
  await index.upsert(shuffled.map(({ id }) => ({ id, vectors: [one] })));
  const { hits } = await index.search({ vector: one, limit: 30 });
  assert.deepEqual(hits, ids.slice(0, 30).map((id) => ({ id, score: 1 })));
});

Deno.test(`what was indexed first does not matter (seed ${seed})`, async () => {
  const vectors = new ClusteredVectors(randomOf(seed), 768, 30);
  const entries = Array.from({ length: 6000 }, (_, at) => ({
    id: `m${at}`,
    vectors: [vectors.next()],
  }));
  const [one, other] = [new QuantisedVectorIndex(), new QuantisedVectorIndex()];
  await one.upsert(entries);
  await other.upsert(entries.toReversed());
  await other.delete(["m1", "m4000"]);
  await one.delete(["m4000", "m1"]);
  for (let round = 0; round < 5; round++) {
    const query = { vector: vectors.next(), limit: 50 };
    assert.deepEqual(await one.search(query), await other.search(query));
  }
});

Deno.test(`without full vectors the scores are right to a thousandth or two`, async () => {
  for (const dimensions of [8, 384, 1536]) {
    const { oracle, vectors, index: { source } } = await filled(dimensions, 500);
    const index = new QuantisedVectorIndex();
    await index.upsert([...source].map(([id, vectors]) => ({ id, vectors })));
    const vector = vectors.next();
    const truth = new Map(
      (await oracle.search({ vector, limit: 500 })).hits.map(({ id, score }) => [id, score]),
    );
    const { hits } = await index.search({ vector, limit: 500 });
    const worst = Math.max(...hits.map(({ id, score }) => Math.abs(score - (truth.get(id) ?? 9))));
    assert.ok(worst < (dimensions === 8 ? 0.01 : 0.002), `${dimensions}: ${worst}`);
  }
});

Deno.test(`near pairs are nearly all found, with their true scores (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const vectors = new ClusteredVectors(random, 256, 400, 1.2);
  const [index, oracle] = [new SourcedVectorIndex(), new FloatScan()];
  const all: Float32Array[] = [];
  // More rows than are compared all with all.
  while (all.length < 2200) {
    const vector = vectors.next();
    all.push(vector, ...random() < 0.2 ? [vectors.beside(vector, 0.6 * random())] : []);
  }
  const entries = all.map((vector, at) => ({ id: `m${at}`, vectors: [vector] }));
  await index.upsert(entries);
  await oracle.upsert(entries);
  const { pairs: truth } = await oracle.nearPairs({ minScore: 0.9, limit: 10_000 });
  for (const [minScore, least] of [[0.95, 0.98], [0.9, 0.95]] as const) {
    const known = new Map(
      truth.filter(({ score }) => score >= minScore).map(({ a, b, score }) => [`${a} ${b}`, score]),
    );
    assert.ok(known.size > 50, `${known.size}`);
    const { pairs: found } = await index.nearPairs({ minScore, limit: 10_000 });
    for (const { a, b, score } of found) {
      assert.ok(Math.abs(score - (known.get(`${a} ${b}`) ?? 9)) < 1e-6, `${a} ${b}`);
    }
    assert.ok(found.length >= least * known.size, `${found.length} of ${known.size}`);
  }
});

Deno.test("where too many pairs are expected to be missed, it is said that there may be more", async () => {
  const random = randomOf(1);
  const index = new QuantisedVectorIndex();
  await index.upsert(Array.from({ length: 2200 }, (_, at) => ({
    id: `m${at}`,
    vectors: [Float32Array.from({ length: 256 }, () => random() - 0.5)],
  })));
  for (const [minScore, isComplete] of [[0.5, false], [0.7, false], [0.9, true]] as const) {
    const found = await index.nearPairs({ minScore, limit: 100 });
    assert.deepEqual([minScore, found], [minScore, { pairs: [], isComplete }]);
  }
});

Deno.test("a crowd of copies hides no other pair", async () => {
  const vectors = new ClusteredVectors(randomOf(1), 256, 400, 1.2);
  const index = new QuantisedVectorIndex();
  const put = async (id: string, vector: Float32Array) => {
    await index.upsert([{ id, vectors: [vector] }]);
  };
  const one = vectors.next();
  for (let at = 0; at < 3000; at++) await put(`copy${10_000 + at}`, one);
  for (let at = 0; at < 50; at++) {
    const vector = vectors.next();
    await put(`near${at}a`, vector);
    await put(`near${at}b`, vectors.beside(vector, 0.1));
  }
  const { pairs, isComplete } = await index.nearPairs({ minScore: 0.97, limit: 5000 });
  assert.deepEqual([pairs.length, isComplete], [2999 + 50, true]);
  assert.ok(pairs.every(({ a }) => a === "copy10000" || a.startsWith("near")));
  const some = await index.nearPairs({ minScore: 0.97, limit: 100 });
  assert.deepEqual([some.pairs.length, some.isComplete], [100, false]);
});

Deno.test("memories that are all alike give some of their pairs, and it is said that there are more", async () => {
  const vectors = new ClusteredVectors(randomOf(1), 256, 1);
  const one = vectors.next();
  const index = new QuantisedVectorIndex();
  const entries = Array.from({ length: 20_000 }, (_, at) => ({
    id: `m${at}`,
    vectors: [vectors.beside(one, 0.05)],
  }));
  await index.upsert(entries);
  const { pairs, isComplete } = await index.nearPairs({ minScore: 0.95, limit: 100 });
  assert.equal(isComplete, false);
  assert.equal(new Set(pairs.map(({ a, b }) => `${a} ${b}`)).size, 100);
  for (const { a, b, score } of pairs) assert.ok(a < b && score > 0.99, `${a} ${b} ${score}`);
});
