/** The exact vector index: the contract, and that a search stays true while the index changes. */
import assert from "node:assert/strict";
import { dotProduct } from "../src/vector_index/cosine.ts";
import { FlatVectorIndex } from "../src/vector_index/flat.ts";
import { random } from "./random.ts";
import { vectorIndexContract } from "./vector_index_contract.ts";

vectorIndexContract("flat", () => Promise.resolve({ index: new FlatVectorIndex() }));

const SEED = 20_261_122;

/** The obvious way: every cosine, then sort. */
function fullScan(vectors: ReadonlyMap<string, Float32Array>, query: Float32Array, limit: number) {
  const length = (vector: Float32Array) => Math.sqrt(dotProduct(vector, 0, vector));
  const scored = [...vectors].map(([id, vector]) => ({
    id,
    score: dotProduct(vector, 0, query) / (length(vector) * length(query)),
  }));
  scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  return scored.slice(0, limit).map(({ id }) => id);
}

function randomVector(next: () => number, dimensions: number): Float32Array {
  return Float32Array.from({ length: dimensions }, () => 2 * next() - 1);
}

Deno.test(`after any history it finds what a full scan finds (seed ${SEED})`, async () => {
  const next = random(SEED);
  const index = new FlatVectorIndex();
  const model = new Map<string, Float32Array>();
  for (let step = 0; step < 1500; step++) {
    const id = `m${Math.floor(next() * 120)}`;
    if (next() < 0.4) {
      await index.delete([id]);
      model.delete(id);
    } else {
      const vector = randomVector(next, 5);
      await index.upsert([{ id, vectors: [vector] }]);
      model.set(id, vector);
    }
    if (step % 10 !== 0) continue;
    const query = randomVector(next, 5);
    const { hits, total } = await index.search({ vector: query, limit: 7 });
    assert.deepEqual(hits.map((hit) => hit.id), fullScan(model, query, 7));
    assert.equal(total, model.size);
  }
  for (const [id, vector] of model) assert.deepEqual(await index.get(id), vector);
});

Deno.test(`a search answers for the index as it is at the end (seed ${SEED})`, async () => {
  const next = random(SEED);
  for (let round = 0; round < 60; round++) {
    const model = new Map<string, Float32Array>();
    const change = async () => {
      for (let count = Math.floor(next() * 40); count > 0; count--) {
        const id = `m${Math.floor(next() * 300)}`;
        if (next() < 0.5) {
          await index.delete([id]);
          model.delete(id);
        } else {
          const vector = randomVector(next, 3);
          await index.upsert([{ id, vectors: [vector] }]);
          model.set(id, vector);
        }
      }
    };
    let breaths = 0;
    // Gives way at every look; others then change the index, some dozen times.
    const pace = () => ({
      get due() {
        return true;
      },
      breathe: () => ++breaths <= 12 ? change() : Promise.resolve(),
    });
    const index = new FlatVectorIndex({ pace });
    for (let filled = 0; filled < 8; filled++) await change();
    const query = randomVector(next, 3);
    const { hits, total } = await index.search({ vector: query, limit: 20 });
    assert.deepEqual(hits.map(({ id }) => id), fullScan(model, query, 20), `round ${round}`);
    assert.equal(total, model.size);
  }
});

Deno.test("a search whose index turns to vectors of another length is refused", async () => {
  const pace = () => ({
    due: true,
    async breathe() {
      await index.delete(Array.from({ length: 100 }, (_, number) => `m${number}`));
      await index.upsert([{ id: "new", vectors: [Float32Array.of(1, 2, 3)] }]);
    },
  });
  const index: FlatVectorIndex = new FlatVectorIndex({ pace });
  const vector = Float32Array.of(1, 2);
  await index.upsert(
    Array.from({ length: 100 }, (_, number) => ({ id: `m${number}`, vectors: [vector] })),
  );
  await assert.rejects(index.search({ vector, limit: 1 }), /^AppError: Cannot search: .* 2 .* 3$/);
});

Deno.test("writers that never rest do not keep a search from its answer", async () => {
  const vector = Float32Array.of(1, 2);
  const entries = Array.from(
    { length: 200 },
    (_, number) => ({ id: `m${number}`, vectors: [vector] }),
  );
  const index: FlatVectorIndex = new FlatVectorIndex({
    pace: () => ({ due: true, breathe: () => index.upsert(entries) }),
  });
  await index.upsert(entries);
  assert.equal((await index.search({ vector, limit: 1 })).total, 200);
});

Deno.test("a search that is aborted on the way stops there", async () => {
  const leaving = new AbortController();
  const pace = () => ({
    due: true,
    breathe: () => Promise.resolve(leaving.abort(new Error("the client left"))),
  });
  const index = new FlatVectorIndex({ pace });
  const vector = Float32Array.of(1, 2);
  await index.upsert(
    Array.from({ length: 100 }, (_, number) => ({ id: `m${number}`, vectors: [vector] })),
  );
  const search = index.search({ vector, limit: 1, signal: leaving.signal });
  await assert.rejects(search, /the client left/);
});

Deno.test("memory is given back when vectors go", async () => {
  const index = new FlatVectorIndex();
  const vector = new Float32Array(1024).fill(1);
  const ids = Array.from({ length: 5000 }, (_, number) => `m${number}`);
  await index.upsert(ids.map((id) => ({ id, vectors: [vector] })));
  const full = index.bytes;
  assert.ok(full >= 5000 * 4096, `${full}`);
  await index.delete(ids.slice(10));
  assert.ok(index.bytes < full / 2, `${index.bytes} of ${full}`);
  await index.delete(ids);
  assert.equal(index.bytes, 0);
});
