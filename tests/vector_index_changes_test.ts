/** The quantised index while it changes: histories, searches under way, memory given back. */
import assert from "node:assert/strict";
import { FloatScan } from "./fakes/float_scan.ts";
import { SourcedVectorIndex } from "./fakes/sourced_index.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import { ClusteredVectors } from "./fakes/clustered_vectors.ts";
import type { VectorEntry } from "../src/vector_index.ts";
import { QuantisedVectorIndex } from "../src/vector_index/quantised.ts";

/** Has the sign bits asked also of few rows. */
const fewCodes = 1000;

/** An index and its oracle, changed alike. */
class Twins {
  readonly index: SourcedVectorIndex;
  readonly oracle = new FloatScan();
  readonly #random: () => number;
  readonly #vectors: ClusteredVectors;
  readonly #ids: number;
  #wanted = 0;
  #missed = 0;

  constructor(
    random: () => number,
    dimensions: number,
    ids: number,
    breathe?: () => Promise<void>,
  ) {
    const pace = breathe && (() => ({ due: true, breathe }));
    this.index = new SourcedVectorIndex({ fewCodes, pace });
    this.#random = random;
    this.#ids = ids;
    this.#vectors = new ClusteredVectors(random, dimensions, 20);
  }

  vector(): Float32Array {
    return this.#vectors.next();
  }

  async change(): Promise<void> {
    const id = `m${below(this.#random, this.#ids)}`;
    if (this.#random() < 0.4) {
      await Promise.all([this.index.delete([id]), this.oracle.delete([id])]);
      return;
    }
    const chunks = this.#random() < 0.3 ? 1 + below(this.#random, 4) : 1;
    const entries = [{ id, vectors: Array.from({ length: chunks }, () => this.vector()) }];
    await Promise.all([this.index.upsert(entries), this.oracle.upsert(entries)]);
  }

  async compare(limit: number, accept?: (id: string) => boolean): Promise<void> {
    const query = { vector: this.vector(), limit, accept };
    const found = await this.index.search(query);
    const truth = await this.oracle.search(query);
    assert.deepEqual([found.total, found.hits.length], [truth.total, truth.hits.length]);
    // Few numbers are rounded coarsely, and another one may be all but as near.
    const tolerance = query.vector.length < 100 ? 0.01 : 1e-9;
    this.#wanted += truth.hits.length;
    for (const [at, { score }] of truth.hits.entries()) {
      if (Math.abs((found.hits[at]?.score ?? 9) - score) > tolerance) this.#missed++;
    }
  }

  /** A sign bit is a coin: once in a long while a memory is overlooked. */
  checkMissed(): void {
    assert.ok(this.#missed <= 0.01 * this.#wanted, `${this.#missed} of ${this.#wanted}`);
  }
}

for (const dimensions of [3, 8, 100, 384]) {
  Deno.test(`after any history of ${dimensions} numbers it finds what the scan finds (seed ${seed})`, async () => {
    const random = randomOf(seed + dimensions);
    const twins = new Twins(random, dimensions, 250);
    for (let step = 0; step < 1200; step++) {
      await twins.change();
      if (step % 20 !== 0) continue;
      await twins.compare(1 + below(random, 12));
      await twins.compare(5, (id) => id.endsWith("7"));
      assert.equal(twins.index.size, twins.oracle.size);
    }
    twins.checkMissed();
  });
}

Deno.test(`a search answers for the index as it is at the end (seed ${seed})`, async () => {
  const random = randomOf(seed);
  let breaths = 0;
  let isSearching = false;
  // Gives way at every look; others then change the index, some dozen times.
  const twins: Twins = new Twins(random, 192, 400, async () => {
    if (!isSearching || ++breaths > 12) return;
    isSearching = false;
    for (let count = below(random, 30); count > 0; count--) await twins.change();
    isSearching = true;
  });
  for (let round = 0; round < 60; round++) {
    for (let step = 0; step < 60; step++) await twins.change();
    breaths = 0;
    isSearching = true;
    await twins.compare(10, round % 2 === 0 ? undefined : (id) => /[1357]$/.test(id));
    isSearching = false;
    assert.ok(breaths > 0);
  }
  twins.checkMissed();
});

Deno.test(`what changes while full vectors are read is scored as it is then (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const vectors = new ClusteredVectors(random, 192, 5);
  const entries = Array.from({ length: 600 }, (_, at) => ({
    id: `m${String(at).padStart(3, "0")}`,
    vectors: [vectors.next()],
  }));
  const query = vectors.next();
  const source = new Map(entries.map(({ id, vectors }) => [id, vectors]));
  const asked: (readonly string[])[] = [];
  const index: QuantisedVectorIndex = new QuantisedVectorIndex({
    fewCodes,
    async fullVectors(ids) {
      asked.push(ids);
      const answer = ids.map((id) => source.get(id));
      if (asked.length === 1) {
        await index.delete([ids[0] ?? ""]);
        await index.upsert([{ id: "new", vectors: [query] }]);
        source.set("new", [query]);
        const turned = query.map((x) => -x);
        await index.upsert([{ id: ids[1] ?? "", vectors: [turned] }]);
        source.set(ids[1] ?? "", [turned]);
      }
      return answer;
    },
  });
  await index.upsert(entries);
  const { hits, total } = await index.search({ vector: query, limit: 3 });
  assert.deepEqual([hits[0]?.id, Math.round((hits[0]?.score ?? 0) * 1e6), total], [
    "new",
    1e6,
    600,
  ]);
  const gone = asked[0]?.slice(0, 2) ?? [];
  assert.ok(hits.every(({ id }) => !gone.includes(id)), `${gone}`);
});

Deno.test("a search whose nearest memories all went away begins again", async () => {
  const vectors = new ClusteredVectors(randomOf(1), 192, 2, 0.1);
  const source = new Map<string, readonly Float32Array[]>();
  const near = Array.from({ length: 400 }, (_, at) => `near${at}`);
  const index: QuantisedVectorIndex = new QuantisedVectorIndex({
    fewCodes,
    async fullVectors(ids) {
      await index.delete(near);
      return ids.map((id) => source.get(id));
    },
  });
  const query = new ClusteredVectors(randomOf(2), 192, 1).next();
  await index.upsert(near.map((id) => ({ id, vectors: [vectors.beside(query, 0.1)] })));
  const far = Array.from({ length: 800 }, (_, at) => ({
    id: `far${at}`,
    vectors: [vectors.next()],
  }));
  for (const { id, vectors } of far) source.set(id, vectors);
  await index.upsert(far);
  const oracle = new FloatScan();
  await oracle.upsert(far);
  const truth = await oracle.search({ vector: query, limit: 3 });
  const { hits, total } = await index.search({ vector: query, limit: 10 });
  assert.deepEqual([hits.length, total], [10, 800]);
  assert.deepEqual(hits.slice(0, 3).map(({ id }) => id), truth.hits.map(({ id }) => id));
});

Deno.test("what was replaced while full vectors are read counts as gone, whatever was read", async () => {
  const vectors = new ClusteredVectors(randomOf(1), 192, 1);
  const query = new ClusteredVectors(randomOf(2), 192, 1).next();
  const source = new Map<string, readonly Float32Array[]>();
  let isFirst = true;
  const index: QuantisedVectorIndex = new QuantisedVectorIndex({
    fewCodes,
    async fullVectors(ids) {
      if (isFirst) {
        isFirst = false;
        await put(ids.map((id) => ({ id, vectors: [query.map((x) => -x)] })));
      }
      return ids.map((id) => source.get(id));
    },
  });
  const put = async (entries: readonly VectorEntry[]) => {
    for (const { id, vectors } of entries) source.set(id, vectors);
    await index.upsert(entries);
  };
  await put(Array.from({ length: 256 }, (_, at) => ({
    id: `near${at}`,
    vectors: [vectors.beside(query, 0.1)],
  })));
  await put(Array.from({ length: 3000 }, (_, at) => ({
    id: `far${at}`,
    vectors: [vectors.next()],
  })));
  const found = await index.search({ vector: query, limit: 256 });
  assert.ok(!isFirst);
  assert.deepEqual(found, await index.search({ vector: query, limit: 256 }));
});

Deno.test("a search whose index turns to vectors of another length is refused", async () => {
  const ids = Array.from({ length: 2000 }, (_, at) => `m${at}`);
  let isSearching = false;
  const pace = () => ({
    due: true,
    async breathe() {
      if (!isSearching) return;
      isSearching = false;
      await index.delete(ids);
      await index.upsert([{ id: "new", vectors: [Float32Array.of(1, 2, 3)] }]);
    },
  });
  const index: QuantisedVectorIndex = new QuantisedVectorIndex({ pace });
  const vector = Float32Array.of(1, 2);
  await index.upsert(ids.map((id) => ({ id, vectors: [vector] })));
  isSearching = true;
  await assert.rejects(index.search({ vector, limit: 1 }), /^AppError: Cannot search: .* 2 .* 3$/);
});

Deno.test("writers that never rest do not keep a search from its answer", async () => {
  const vector = Float32Array.of(1, 2);
  const entries = Array.from({ length: 200 }, (_, at) => ({ id: `m${at}`, vectors: [vector] }));
  let isSearching = false;
  const pace = () => ({
    get due() {
      return isSearching;
    },
    async breathe() {
      isSearching = false;
      await index.upsert(entries);
      isSearching = true;
    },
  });
  const index: QuantisedVectorIndex = new QuantisedVectorIndex({ pace });
  await index.upsert(entries);
  isSearching = true;
  assert.equal((await index.search({ vector, limit: 1 })).total, 200);
});

Deno.test("a search and a look for pairs that are aborted on the way stop there", async () => {
  let leaving = new AbortController();
  const pace = () => ({
    due: true,
    breathe: () => Promise.resolve(leaving.abort(new Error("the client left"))),
  });
  const index = new QuantisedVectorIndex({ pace });
  const vector = Float32Array.of(1, 2);
  await index.upsert(
    Array.from({ length: 100 }, (_, at) => ({ id: `m${at}`, vectors: [vector] })),
  );
  leaving = new AbortController();
  const search = index.search({ vector, limit: 1, signal: leaving.signal });
  await assert.rejects(search, /the client left/);
  leaving = new AbortController();
  const pairs = index.nearPairs({ minScore: 0.9, limit: 1, signal: leaving.signal });
  await assert.rejects(pairs, /the client left/);
});

Deno.test("a memory that goes while pairs are looked for takes no place from other pairs", async () => {
  for (let stop = 0; stop < 45; stop++) {
    let breaths = -1;
    const pace = () => ({
      get due() {
        return breaths >= 0;
      },
      async breathe() {
        if (breaths++ !== stop) return;
        breaths = -1;
        await index.delete(["m0a", "m1a", "m2a"]);
      },
    });
    const index: QuantisedVectorIndex = new QuantisedVectorIndex({ pace });
    await index.upsert(
      Array.from({ length: 10 }, (_, at) => {
        const vector = new Float32Array(10).fill(0.01);
        vector[at] = 1;
        const beside = vector.map((x, of) => of === at ? x : x + 0.1);
        return [{ id: `m${at}a`, vectors: [vector] }, { id: `m${at}b`, vectors: [beside] }];
      }).flat(),
    );
    breaths = 0;
    const { pairs } = await index.nearPairs({ minScore: 0.9, limit: 1 });
    assert.deepEqual([stop, pairs.length], [stop, 1]);
  }
});

Deno.test("one byte and a bit for each number, and memory is given back when vectors go", async () => {
  const index = new QuantisedVectorIndex();
  const vector = new ClusteredVectors(randomOf(1), 1024, 3).next();
  const ids = Array.from({ length: 40_000 }, (_, at) => `m${at}`);
  await index.upsert(ids.map((id) => ({ id, vectors: [vector] })));
  const full = index.bytes;
  assert.ok(full > 40_000 * 1152 && full < 40_000 * 1200, `${full}`);
  await index.delete(ids.slice(10));
  assert.ok(index.bytes < 40_000_000 && index.bytes < full, `${index.bytes} of ${full}`);
  await index.delete(ids);
  assert.equal(index.bytes, 0);
});
