/** What stands in for a vector index elsewhere: the contract, and what it does while that is away. */
import assert from "node:assert/strict";
import { drain, memoryOf } from "./fakes/indexing.ts";
import { ALL, EAST, MINUTE_MS, NORTH, NORTH_EAST, StandbyPlace } from "./fakes/standby_place.ts";
import { vectorIndexContract } from "./vector_index_contract.ts";
import { VectorIndexUnavailable } from "../src/vector_index.ts";

vectorIndexContract("standby", () => Promise.resolve({ index: new StandbyPlace().index }));

Deno.test("no vector is here while the index elsewhere is well, or fails once", async () => {
  const { index, far, clock } = await StandbyPlace.away();
  far.isAway = false;
  assert.equal((await index.search(ALL)).isPoorer, undefined);
  far.isFailing = true;
  await assert.rejects(index.search(ALL), VectorIndexUnavailable);
  await drain();
  assert.deepEqual([index.bytes, far.asked, clock.waiting], [0, [], 0]);
});

Deno.test("the first search while it is away is refused, later ones find what it holds", async () => {
  const { index, far } = await StandbyPlace.standing();
  const { hits, total, isPoorer } = await index.search(ALL);
  const truth = await far.truth(ALL);
  assert.deepEqual(hits.map(({ id }) => id), truth.hits.map(({ id }) => id));
  assert.deepEqual([total, isPoorer], [3, true]);
  assert.ok(index.bytes > 0);
  const one = await index.search({ ...ALL, accept: (id) => id !== "north", limit: 1 });
  assert.deepEqual([one.hits.map(({ id }) => id), one.total], [["long"], 2]);
  assert.deepEqual(far.asked, [["east", "north", "long"]]);
});

Deno.test("searches are refused while the vectors are read, which they do once", async () => {
  const place = await StandbyPlace.away();
  const reading = Promise.withResolvers<void>();
  place.far.read = () => reading.promise;
  for (let times = 0; times < 3; times++) {
    await place.refuses();
    await drain();
  }
  reading.resolve();
  await drain();
  assert.equal((await place.ids()).length, 3);
  assert.equal(place.far.asked.length, 1);
});

Deno.test("what is written while the vectors are read has the last word", async () => {
  const place = await StandbyPlace.away();
  place.isPutRight = false;
  const reading = Promise.withResolvers<void>();
  place.far.read = () => reading.promise;
  await place.refuses();
  await drain();
  await place.index.delete(["north"]);
  await place.index.delete(["long"]);
  await place.index.upsert([{ id: "long", vectors: [NORTH] }, { id: "new", vectors: [EAST] }]);
  await place.index.upsert([{ id: "east", vectors: [NORTH_EAST] }]);
  reading.resolve();
  await drain();
  const { hits } = await place.index.search(ALL);
  const seen = hits.map(({ id, score }) => [id, Math.round(score * 10) / 10]);
  assert.deepEqual(seen, [["long", 1], ["east", 0.8], ["new", 0]]);
});

Deno.test("what is written while it stands in is found, and gone, at once", async () => {
  const { index, ...place } = await StandbyPlace.standing();
  await index.upsert([{ id: "east", vectors: [NORTH] }, { id: "new", vectors: [NORTH_EAST] }]);
  await index.delete(["north"]);
  const { hits } = await index.search(ALL);
  assert.deepEqual(hits.map(({ id }) => id), ["east", "long", "new"]);
  const bad = [{ id: "new", vectors: [EAST] }, { id: "bad", vectors: [Float32Array.of(1)] }];
  await assert.rejects(index.upsert(bad), /^AppError: Cannot /);
  assert.deepEqual(await index.search(ALL), { hits, total: 3, isPoorer: true });
  assert.equal(place.far.asked.length, 1);
});

Deno.test("a memory that is deleted while it is being written does not come back", async () => {
  const { index, far } = await StandbyPlace.standing();
  const writing = Promise.withResolvers<void>();
  far.pause = () => writing.promise;
  const upsert = index.upsert([{ id: "late", vectors: [NORTH] }, { id: "too", vectors: [NORTH] }]);
  const deleted = index.delete(["late", "east"]);
  writing.resolve();
  await Promise.all([upsert, deleted]);
  assert.deepEqual((await index.search(ALL)).hits.map(({ id }) => id), ["north", "too", "long"]);
});

Deno.test("what the index elsewhere does not take is not found", async () => {
  const place = await StandbyPlace.standing();
  place.far.unknown.add("gone");
  await place.index.upsert([{ id: "gone", vectors: [NORTH] }, { id: "new", vectors: [EAST] }]);
  assert.deepEqual(await place.ids(), ["north", "long", "east", "new"]);
});

Deno.test("what the index elsewhere lost is not found, and is told to whoever asked for it", async () => {
  const place = await StandbyPlace.standing();
  const lost: (readonly string[])[] = [];
  for (let times = 0; times < 2; times++) {
    place.index.elsewhere.whenLost((ids) => lost.push(ids));
  }
  await place.far.lose(["north"]);
  assert.deepEqual(await place.ids(), ["long", "east"]);
  assert.deepEqual(lost, [["north"], ["north"]]);
});

Deno.test("a minute after it is well again nothing is here, unless it went away meanwhile", async () => {
  const place = await StandbyPlace.standing();
  await place.clock.advance(10 * MINUTE_MS);
  assert.equal((await place.ids()).length, 3);
  for (let times = 0; times < 5; times++) {
    place.far.isAway = false;
    await place.clock.advance(MINUTE_MS / 2);
    place.far.isAway = true;
    await place.clock.advance(MINUTE_MS / 2);
    assert.equal((await place.ids()).length, 3);
  }
  assert.equal(place.far.asked.length, 1);
  place.far.isAway = false;
  await place.clock.advance(MINUTE_MS);
  assert.deepEqual([place.index.bytes, place.clock.waiting], [0, 0]);
  place.far.isAway = true;
  await place.refuses();
  // What that began to read is this test's.
  await drain();
});

Deno.test("reading ends where it is well again, and goes on from there", async () => {
  const place = new StandbyPlace();
  const ids = Array.from({ length: 120 }, (_, at) => `m${at}`);
  await place.index.upsert(ids.map((id) => ({ id, vectors: [NORTH] })));
  place.far.isAway = true;
  place.far.read = () => {
    place.far.isAway = false;
    return Promise.resolve();
  };
  await place.refuses();
  await drain();
  const first = place.far.asked.flat().length;
  assert.ok(first > 0 && first < 120, `${first}`);
  place.far.read = () => Promise.resolve();
  place.far.isAway = true;
  await place.refuses();
  await drain();
  assert.equal((await place.index.search(ALL)).total, 120);
  assert.deepEqual(place.far.asked.flat(), ids);
});

Deno.test("what was adopted while it stood by is read when it is away again", async () => {
  const place = await StandbyPlace.standing();
  place.far.isAway = false;
  place.far.before.set("old", [NORTH_EAST]);
  const adopted = await place.index.elsewhere.adopt([memoryOf("old", ""), memoryOf("none", "")]);
  assert.deepEqual([...adopted], ["old"]);
  place.far.isAway = true;
  await place.refuses();
  await drain();
  assert.deepEqual(await place.ids(), ["north", "long", "old", "east"]);
  assert.deepEqual(place.far.asked.at(-1), ["old"]);
});

Deno.test("what is adopted while the vectors are read is read as well", async () => {
  const place = await StandbyPlace.away();
  place.far.before.set("old", [NORTH_EAST]);
  place.far.read = async () => {
    if (place.far.before.size > 0) await place.index.elsewhere.adopt([memoryOf("old", "")]);
    place.far.before.clear();
  };
  for (let times = 0; times < 2; times++) {
    await place.refuses();
    await drain();
  }
  assert.deepEqual(await place.ids(), ["north", "long", "old", "east"]);
});

Deno.test("what surely does not fit is not read", async () => {
  const place = await StandbyPlace.away(10);
  await place.refuses();
  await drain();
  await place.refuses();
  assert.deepEqual([place.far.asked, place.index.bytes], [[], 0]);
});

Deno.test("what just fits stands in", async () => {
  const place = await StandbyPlace.away(11);
  await place.refuses();
  await drain();
  assert.equal((await place.ids()).length, 3);
  const upsert = place.index.upsert([{ id: "late", vectors: [NORTH] }]);
  await Promise.all([upsert, place.index.delete(["late"])]);
  assert.equal((await place.ids()).length, 3);
});

Deno.test("what turns out not to fit is given up, and tried again ten minutes later", async () => {
  // Each takes a block of rows: room for one slice of memories, and more than they seem to take.
  const place = new StandbyPlace(5_000);
  const ids = Array.from({ length: 120 }, (_, at) => `m${at}`);
  await place.index.upsert(ids.map((id) => ({ id, vectors: [NORTH, EAST] })));
  place.far.isAway = true;
  for (let times = 0; times < 3; times++) {
    await place.refuses();
    await drain();
    assert.deepEqual([place.far.asked.flat().length, place.index.bytes], [50, 0]);
  }
  await place.clock.advance(10 * MINUTE_MS);
  await place.refuses();
  await drain();
  assert.equal(place.far.asked.flat().length, 100);
  await place.index.elsewhere.close();
  assert.equal(place.clock.waiting, 0);
});

Deno.test("what grows beyond the room is not searched, and is let go", async () => {
  const place = await StandbyPlace.away(70_000);
  await place.refuses();
  await drain();
  const ids = Array.from({ length: 5_000 }, (_, at) => `m${at}`);
  await place.index.upsert(ids.map((id) => ({ id, vectors: [NORTH] })));
  await place.index.upsert([{ id: "last", vectors: [NORTH] }]);
  await place.refuses();
  await place.clock.advance(MINUTE_MS);
  assert.equal(place.index.bytes, 0);
});

Deno.test("vectors that are not to be had are missing from what it finds", async () => {
  const place = await StandbyPlace.away();
  place.far.kept.set("long", [Float32Array.of(1, 2)]);
  await place.refuses();
  await drain();
  assert.deepEqual(await place.ids(), ["north", "east"]);
});

Deno.test("where none of the vectors is to be had it stays out of reach", async () => {
  const place = await StandbyPlace.away();
  for (const id of ["east", "north", "long"]) place.far.kept.set(id, [Float32Array.of(1, 2)]);
  for (let times = 0; times < 3; times++) {
    await place.refuses();
    await drain();
  }
  assert.equal(place.far.asked.length, 1);
});

Deno.test("vectors that cannot be read are said, and tried again ten minutes later", async () => {
  const place = await StandbyPlace.away();
  place.far.read = () => Promise.reject(new TypeError("the disk is gone"));
  for (let times = 0; times < 3; times++) {
    await place.refuses();
    await drain();
  }
  assert.deepEqual([place.logged, place.index.bytes], [[
    "vectors could not be read to search without the vector store: TypeError",
  ], 0]);
  await assert.rejects(place.index.nearPairs({ minScore: 0.9, limit: 5 }), /the disk is gone/);
  place.far.read = () => Promise.resolve();
  await place.clock.advance(10 * MINUTE_MS);
  await place.refuses();
  await drain();
  assert.equal((await place.ids()).length, 3);
});
