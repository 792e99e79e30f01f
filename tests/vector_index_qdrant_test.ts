/** The contract, kept by the index in a Qdrant together with what stands in for it. */
import { systemClock } from "../src/clock.ts";
import type { VectorsKind } from "../src/vector_index.ts";
import { QdrantVectorIndex } from "../src/vector_index/qdrant.ts";
import type { Points } from "../src/vector_index/qdrant/points.ts";
import { StandbyVectorIndex } from "../src/vector_index/standby.ts";
import { PointsInMemory } from "./fakes/qdrant/points_in_memory.ts";
import {
  contractMemory,
  type MadeVectorIndex,
  vectorIndexContract,
} from "./vector_index_contract.ts";

vectorIndexContract("qdrant, points in memory", () => {
  return Promise.resolve(made((length) => new PointsInMemory({ length })));
});

function made(newPoints: (length: number) => Points): MadeVectorIndex {
  const vectors = new Map<string, readonly Float32Array[]>();
  const kept = (ids: readonly string[]) => Promise.resolve(ids.map((id) => vectors.get(id)));
  const kind: VectorsKind = {
    fullVectors: kept,
    allVectors: kept,
    memory: contractMemory,
    sourceOf: ({ content }) => content,
    model: "test",
    length: () => undefined,
    isFormer: false,
  };
  const clock = systemClock;
  const log = () => {};
  const remote = new QdrantVectorIndex({ kind, newPoints, clock, random: Math.random, log });
  const index = new StandbyVectorIndex({ remote, vectors: kind, clock, log });
  const upsert = index.upsert.bind(index);
  index.upsert = async (entries) => {
    await upsert(entries);
    for (const { id, vectors: given } of entries) vectors.set(id, given.map((v) => v.slice()));
  };
  return { index, close: () => index.elsewhere.close() };
}
