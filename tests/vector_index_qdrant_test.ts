/**
 * The contract, kept by the index in a Qdrant together with what stands in for it: with points in
 * memory, over REST with a stand-in server, and with the real Qdrant that `QDRANT_TEST_URL` names,
 * in a collection for each test that is removed after it.
 */
import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import type { VectorsKind } from "../src/vector_index.ts";
import { QdrantVectorIndex } from "../src/vector_index/qdrant.ts";
import type { Points } from "../src/vector_index/qdrant/points.ts";
import { StandbyVectorIndex } from "../src/vector_index/standby.ts";
import { PointsInMemory } from "./fakes/qdrant/points_in_memory.ts";
import { restPoints } from "./fakes/qdrant/rest_points_kit.ts";
import { StandIn } from "./fakes/qdrant/stand_in.ts";
import {
  contractMemory,
  type MadeVectorIndex,
  vectorIndexContract,
} from "./vector_index_contract.ts";

const REAL_URL = Deno.env.get("QDRANT_TEST_URL")?.replace(/\/$/, "");

vectorIndexContract("qdrant, points in memory", () => {
  return Promise.resolve(indexOn((length) => new PointsInMemory({ length })));
});

vectorIndexContract("qdrant, stand-in server", async () => {
  const standIn = await StandIn.start();
  const { index, close } = indexOn((length) => restPoints(standIn.url, { length }));
  return {
    index,
    close: async () => {
      await close();
      await standIn.close();
      assert.deepEqual(standIn.violations, [], "requests that Qdrant's OpenAPI document forbids");
    },
  };
});

const why = REAL_URL === undefined ? " (skipped: QDRANT_TEST_URL names none)" : "";
vectorIndexContract(`qdrant, real Qdrant${why}`, () => {
  const url = REAL_URL ?? assert.fail("no real Qdrant");
  const made = new Set<string>();
  const { index, close } = indexOn((length) => {
    const collection = `second-brain-contract-${crypto.randomUUID()}`;
    made.add(collection);
    return restPoints(url, { length, collection });
  });
  return Promise.resolve({
    index,
    close: async () => {
      await close();
      for (const collection of made) {
        const removed = await fetch(`${url}/collections/${collection}`, { method: "DELETE" });
        await removed.body?.cancel();
      }
    },
  });
}, { ignore: REAL_URL === undefined });

function indexOn(newPoints: (length: number) => Points): Required<MadeVectorIndex> {
  const kept = new Map<string, readonly Float32Array[]>();
  const vectorsOf = (ids: readonly string[]) => Promise.resolve(ids.map((id) => kept.get(id)));
  const kind: VectorsKind = {
    fullVectors: vectorsOf,
    allVectors: vectorsOf,
    memory: contractMemory,
    sourceOf: ({ content }) => content,
    model: "test",
    length: () => undefined,
    isFormer: false,
  };
  const around = { clock: systemClock, log: () => {} };
  const remote = new QdrantVectorIndex({ ...around, kind, newPoints, random: Math.random });
  const index = new StandbyVectorIndex({ ...around, remote, vectors: kind });
  const upsert = index.upsert.bind(index);
  index.upsert = async (entries) => {
    await upsert(entries);
    for (const { id, vectors } of entries) kept.set(id, vectors.map((vector) => vector.slice()));
  };
  return { index, close: () => index.elsewhere.close() };
}
