/**
 * A brain whose vectors are searched in Qdrant, under random writes, edits, deletes, imports,
 * searches with filters, outages of every kind, and restarts on both sides, Qdrant's with its data,
 * without, or with older ones. Meanwhile no write and no search fails, and nothing deleted is
 * found; after some quiet time Qdrant holds exactly what the state says, and every search finds
 * what a brain with the built-in index finds on the same data. A failing run prints its seed;
 * `TEST_SEED=n` repeats it, `QDRANT_MODEL_RUNS=n` makes it longer.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../src/json.ts";
import type { Memory } from "../src/memory.ts";
import type { SearchRequest, SearchResult } from "../src/search.ts";
import { metadataToken, stampOf } from "../src/vector_index/qdrant/payload.ts";
import { pointId } from "../src/vector_index/qdrant/point_id.ts";
import { WRITES } from "./fakes/qdrant/faults.ts";
import { BRAIN_ID, Lives } from "./fakes/qdrant/lives.ts";
import { cosineOf, vectorsOf } from "./fakes/qdrant/meaning_embedder.ts";
import { Run } from "./fakes/qdrant/model_run.ts";
import { seed } from "./fakes/store_kit.ts";

const RUNS = Number(Deno.env.get("QDRANT_MODEL_RUNS") ?? 3);
const STEPS = 50;
const QUESTIONS = 12;

interface Expected {
  readonly id: string;
  readonly payload: JsonObject;
  readonly vector: Float32Array;
}

/** The points that a memory should have, worked out anew. */
function pointsOf(memory: Memory, model: string): Expected[] {
  const { id, content, embedding, tags, metadata, created_at, memory_type } = memory;
  const vectors = vectorsOf(memory);
  const stamp = stampOf(memory, embedding ?? content, model);
  return vectors.map((vector, chunk) => ({
    id: pointId(BRAIN_ID, id, chunk),
    payload: {
      brain: BRAIN_ID,
      memory_id: id,
      chunk,
      chunks: vectors.length,
      content_hash: stamp.contentHash,
      fields_hash: stamp.fieldsHash,
      memory_type,
      tags,
      importance: memory.importance_score,
      created_at,
      metadata: Object.entries(metadata).map(([key, value]) => metadataToken(key, value)),
    },
    vector,
  }));
}

/** Qdrant holds what the state says, and nothing else of this brain. */
function checkPoints({ known, collection, lives, strangers }: Run): void {
  const { embedder, standIn, collectionName } = lives;
  const expected = new Map(
    [...known.values()].flatMap((memory) => pointsOf(memory, embedder.model))
      .map((point) => [point.id, point]),
  );
  const found = [...collection?.matching((_, { brain }) => brain === BRAIN_ID) ?? []];
  const ids = (points: Iterable<{ id: unknown }>) => [...points].map(({ id }) => String(id)).sort();
  assert.deepEqual(ids(found), ids(expected.values()), "the points that Qdrant holds");
  for (const point of found) {
    const { payload, vector } = expected.get(String(point.id)) ?? assert.fail("no such point");
    assert.deepEqual(point.payload, payload);
    const cosine = cosineOf(Float32Array.from(collection?.vectorOf(point) ?? []), vector);
    assert.ok(Math.abs(cosine - 1) < 1e-6, `another vector at ${point.id}`);
  }
  const others = [...standIn.collections].filter(([name]) => name !== collectionName)
    .flatMap(([, one]) => [...one.matching((_, { brain }) => brain === BRAIN_ID)]);
  assert.deepEqual(others, [], "points in other collections");
  assert.equal((collection?.size ?? 0) - found.length, strangers, "points of others");
}

/** A search as it is compared: what is as good as equal may change places. */
function checkSame(request: SearchRequest, here: SearchResult, there: SearchResult): void {
  const plain = ({ results: _, tookMs: __, ...rest }: SearchResult) => rest;
  const about = JSON.stringify(request);
  const ids = ({ results }: SearchResult) => results.map(({ memory }) => memory.id);
  assert.deepEqual(plain(here), plain(there), about);
  assert.deepEqual(ids(here), ids(there), about);
  here.results.forEach(({ score, memory }, at) => {
    const other = there.results[at];
    assert.deepEqual(memory, other?.memory);
    assert.ok(Math.abs(score - (other?.score ?? 0)) < 1e-3, `${about}: ${score} ${other?.score}`);
  });
}

async function checkSearches(run: Run): Promise<void> {
  const { lives } = run;
  const requests = Array.from({ length: QUESTIONS }, () => run.question());
  const here: SearchResult[] = [];
  for (const request of requests) here.push(await run.search(lives.brain, request));
  await lives.asTwin(async (twin) => {
    for (const [at, request] of requests.entries()) {
      const there = await run.search(twin, request);
      checkSame(request, here[at] ?? assert.fail("no answer"), there);
    }
  });
}

Deno.test("whatever happens to Qdrant, in the end it holds and finds what the state says", async () => {
  const runs = Deno.env.has("TEST_SEED") ? 1 : RUNS;
  for (let at = seed; at < seed + runs; at++) {
    const run = await Run.begin(at);
    try {
      for (const weather of ["clear", "stormy", "clear", "wild"] as const) {
        for (let step = 0; step < STEPS; step++) await run.step(weather);
        await run.quiet(weather);
        checkPoints(run);
        await checkSearches(run);
      }
      assert.deepEqual(run.lives.standIn.violations, []);
    } catch (error) {
      console.error(`TEST_SEED=${at}\n${run.lives.logged.slice(-20).join("\n")}`);
      throw error;
    } finally {
      await run.lives[Symbol.asyncDispose]();
    }
    assert.equal(run.lives.clock.waiting, 0, "a timer outlived the brain");
  }
});

Deno.test("while Qdrant hangs over a write, an edited memory is not found by what it was", async () => {
  const lives = await Lives.begin(() => 0.5);
  try {
    const { standIn, clock, brain } = lives;
    const made = brain.memories.create({ content: "garden fence" });
    await clock.until(made);
    const { memory: { id } } = await made;
    await clock.advance(5_000);
    standIn.faults.add({ kind: "hang", routes: WRITES });
    await clock.until(brain.memories.create({ content: "car" }));
    await clock.advance(500);
    assert.equal(standIn.stuck, 1, "nothing hangs");
    await clock.until(brain.memories.patch(id, { content: "engine" }, () => true));
    const asked = brain.search.run({
      queries: ["garden fence"],
      mode: "semantic",
      filter: {},
      limit: 5,
      offset: 0,
      minScore: 0,
      weights: { importance: 0, recency: 0 },
      highlight: false,
    });
    await clock.until(asked);
    const { results, degraded } = await asked;
    assert.deepEqual([results.map(({ memory }) => memory.id), degraded], [[], null]);
  } finally {
    await lives[Symbol.asyncDispose]();
  }
});
