/** What stands in for a vector index elsewhere: pairs, its end, former models, and any history. */
import assert from "node:assert/strict";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { ALL, EAST, MINUTE_MS, NORTH, StandbyPlace } from "./fakes/standby_place.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import { type VectorEntry, VectorIndexUnavailable } from "../src/vector_index.ts";
import { StandbyVectorIndex } from "../src/vector_index/standby.ts";
import { UnstoredVectorIndex } from "../src/vector_index/standby/unstored.ts";

Deno.test("pairs are looked for in one copy by all who ask, and it goes a minute later", async () => {
  const { index, far, clock } = await StandbyPlace.away();
  far.isAway = false;
  const both = await Promise.all([0.5, 0.3].map((minScore) => (
    index.nearPairs({ minScore, limit: 5 })
  )));
  assert.deepEqual(both.map(({ pairs, isComplete }) => [pairs.length, isComplete]), [
    [1, true],
    [2, true],
  ]);
  assert.equal(far.asked.filter((ids) => ids.length === 3).length, 1);
  assert.ok(index.bytes > 0);
  await clock.advance(MINUTE_MS);
  assert.deepEqual([index.bytes, clock.waiting], [0, 0]);
});

Deno.test("pairs are not complete where not all fits, or not all is to be had", async () => {
  const place = new StandbyPlace(5_000);
  const ids = Array.from({ length: 120 }, (_, at) => `m${String(at).padStart(3, "0")}`);
  await place.index.upsert(ids.map((id) => ({ id, vectors: [NORTH] })));
  const some = await place.index.nearPairs({ minScore: 0.9, limit: 500 });
  assert.deepEqual([some.pairs.length, some.isComplete], [49, false]);
  const other = await StandbyPlace.away();
  other.far.kept.set("north", [Float32Array.of(1, 2)]);
  const found = await other.index.nearPairs({ minScore: 0.5, limit: 5 });
  assert.deepEqual([found.pairs.map(({ a, b }) => [a, b]), found.isComplete], [
    [["east", "long"]],
    false,
  ]);
});

Deno.test("who looks for pairs and leaves ends the reading, if nobody else wants it", async () => {
  const place = new StandbyPlace();
  const ids = Array.from({ length: 120 }, (_, at) => `m${at}`);
  await place.index.upsert(ids.map((id) => ({ id, vectors: [NORTH] })));
  const reading = Promise.withResolvers<void>();
  place.far.read = () => reading.promise;
  const leaving = new AbortController();
  const query = { minScore: 0.9, limit: 500 };
  const left = place.index.nearPairs({ ...query, signal: leaving.signal });
  await drain();
  leaving.abort(new Error("the client left"));
  await assert.rejects(left, /the client left/);
  reading.resolve();
  await drain();
  assert.equal(place.far.asked.length, 1);
  const { pairs, isComplete } = await place.index.nearPairs(query);
  assert.deepEqual([pairs.length, isComplete], [119, true]);
  const gone = place.index.nearPairs({ ...query, signal: AbortSignal.abort(new Error("gone")) });
  await assert.rejects(gone, /gone/);
});

Deno.test("closing ends the reading, and leaves nothing behind", async () => {
  const place = await StandbyPlace.away();
  const reading = Promise.withResolvers<void>();
  place.far.read = () => reading.promise;
  await place.refuses();
  const pairs = place.index.nearPairs({ minScore: 0.9, limit: 5 });
  const refused = assert.rejects(pairs, VectorIndexUnavailable);
  await drain();
  const closed = place.index.elsewhere.close();
  await drain();
  assert.equal(place.far.isClosed, false);
  reading.resolve();
  await Promise.all([closed, refused]);
  assert.deepEqual([place.index.bytes, place.clock.waiting, place.far.isClosed], [0, 0, true]);
  assert.deepEqual(place.logged, []);
});

Deno.test("the vectors of a former model are searched here, with no place elsewhere", async () => {
  const kept = new Map([["a", [NORTH]], ["b", [EAST]]]);
  const vectors = (ids: readonly string[]) => Promise.resolve(ids.map((id) => kept.get(id)));
  const index = new StandbyVectorIndex({
    remote: new UnstoredVectorIndex(),
    vectors: { fullVectors: vectors, allVectors: vectors },
    clock: new FakeClock(),
    log: () => {},
  });
  await assert.rejects(index.search(ALL), VectorIndexUnavailable);
  const bad = [{ id: "a", vectors: [EAST] }, { id: "b", vectors: [Float32Array.of(1)] }];
  await assert.rejects(index.upsert(bad), /^AppError: Cannot .* 1 numbers/);
  assert.deepEqual([index.size, index.dimensions], [0, undefined]);
  await index.upsert([...kept].map(([id, vectors]) => ({ id, vectors })));
  assert.deepEqual([index.size, index.dimensions, index.has("a")], [2, 3, true]);
  assert.deepEqual([...index.elsewhere.ids()], ["a", "b"]);
  await assert.rejects(index.search(ALL), VectorIndexUnavailable);
  await drain();
  await index.delete(["b"]);
  const { hits, isPoorer } = await index.search(ALL);
  assert.deepEqual([hits.map(({ id }) => id), isPoorer], [["a"], true]);
  await index.delete(["a"]);
  assert.deepEqual([index.size, index.dimensions], [0, undefined]);
  await index.elsewhere.close();
});

/** Random writes, outages and readings that run into each other. */
class History {
  readonly place: StandbyPlace;
  readonly #random: () => number;
  readonly #writes: Promise<void>[] = [];
  answered = 0;
  refused = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.place = new StandbyPlace(undefined, turn);
    const turns = async () => {
      for (let count = below(random, 4); count > 0; count--) await turn();
    };
    this.place.far.read = turns;
    this.place.far.pause = turns;
  }

  async step(): Promise<void> {
    const { far, clock, index } = this.place;
    const kind = below(this.#random, 20);
    if (kind < 9) this.#writes.push(index.upsert(this.#entries()));
    else if (kind < 14) this.#writes.push(index.delete([this.#id(), this.#id()]));
    else if (kind === 14) far.isAway = !far.isAway;
    else if (kind === 15) await clock.advance(below(this.#random, MINUTE_MS));
    else if (kind === 16) await drain();
    else await this.compare();
  }

  /** Whatever it answers is what the index elsewhere holds. */
  async compare(): Promise<void> {
    const { index, far } = this.place;
    await Promise.all(this.#writes.splice(0));
    const vector = this.#vector();
    const accept = this.#random() < 0.5 ? undefined : (id: string) => id.endsWith("1");
    const query = { vector, limit: 1 + below(this.#random, 12), accept };
    const truth = await far.truth(query);
    try {
      const { isPoorer, ...found } = await index.search(query);
      assert.deepEqual(rounded(found), rounded(truth));
      if (isPoorer) this.answered++;
    } catch (error) {
      if (!(error instanceof VectorIndexUnavailable)) throw error;
      this.refused++;
    }
  }

  async comparePairs(): Promise<void> {
    await Promise.all(this.#writes.splice(0));
    const { index, far } = this.place;
    const oracle = far.pairs({ minScore: 0.3, limit: 1000 });
    const { pairs, isComplete } = await index.nearPairs({ minScore: 0.3, limit: 1000 });
    const key = ({ a, b }: { readonly a: string; readonly b: string }) => `${a} ${b}`;
    const expected = (await oracle).pairs.map(key).sort();
    assert.deepEqual([pairs.map(key).sort(), isComplete], [expected, true]);
  }

  #id(): string {
    return `m${below(this.#random, 40)}`;
  }

  #vector(): Float32Array {
    return Float32Array.from({ length: 16 }, () => this.#random() - 0.5);
  }

  #entries(): VectorEntry[] {
    return Array.from({ length: 1 + below(this.#random, 5) }, () => ({
      id: this.#id(),
      vectors: Array.from({ length: 1 + below(this.#random, 3) }, () => this.#vector()),
    }));
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function rounded({ hits, total }: Awaited<ReturnType<StandbyVectorIndex["search"]>>) {
  return { hits: hits.map(({ id, score }) => [id, Math.round(score * 1e5)]), total };
}

Deno.test(`whatever happens, it answers what the index elsewhere holds or not at all (seed ${seed})`, async () => {
  const history = new History(randomOf(seed));
  for (let steps = 0; steps < 1500; steps++) await history.step();
  await history.comparePairs();
  history.place.far.isAway = true;
  await history.compare();
  await drain();
  assert.ok(history.answered > 20 && history.refused > 5, `${history.answered}`);
  await history.place.index.elsewhere.close();
  assert.equal(history.place.clock.waiting, 0);
});
