/** The Qdrant that is set, over changes of the model and of the setting: what lies in which collection. */
import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import type { Memory } from "../src/memory.ts";
import type { QdrantSettings } from "../src/qdrant_settings.ts";
import type { VectorIndex, VectorsKind } from "../src/vector_index.ts";
import { vectorsInQdrant } from "../src/vector_index/qdrant/kept.ts";
import { eventually } from "./e2e/conditions.ts";
import type { StandIn } from "./fakes/qdrant/stand_in.ts";
import { withStandIn } from "./fakes/qdrant/with_stand_in.ts";
import { idOf } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";

const MEMORIES: ReadonlyMap<string, Memory> = new Map(
  [idOf(1), idOf(2), idOf(3)].map((id) => [id, noted(id, `note ${id}`)]),
);
/** Of two brains. */
const [OURS, OTHERS] = [[idOf(1), idOf(2)], [idOf(3)]];
const VECTOR = Float32Array.of(1, 2, 3);

/** What a run of the program says of its settings: one brain, or another. */
function started(
  { url }: StandIn,
  more: Partial<QdrantSettings> & { readonly brain?: string } = {},
): (model: string | null, isFormer?: boolean) => VectorIndex {
  const { brain = "b", ...settings } = more;
  const qdrant: QdrantSettings = {
    ...{ url, apiKey: undefined, collection: undefined, timeoutMs: 2_000, quantization: "none" },
    ...settings,
  };
  const newVectorIndex = vectorsInQdrant({
    ...{ qdrant, brain, clock: systemClock, random: Math.random },
    log: () => {},
  });
  const vectors: VectorsKind["allVectors"] = (ids) => Promise.resolve(ids.map(() => [VECTOR]));
  return (model, isFormer = false) =>
    newVectorIndex({
      ...{ model, isFormer, fullVectors: vectors, allVectors: vectors },
      memory: (id) => MEMORIES.get(id),
      sourceOf: ({ content }) => content,
      length: () => VECTOR.length,
    });
}

function adopted(index: VectorIndex, ids = OURS): Promise<ReadonlySet<string>> | undefined {
  return index.elsewhere?.adopt(ids.flatMap((id) => MEMORIES.get(id) ?? []));
}

/** Fills an index, and lets go of it. */
async function filled(index: VectorIndex, ids = OURS): Promise<void> {
  await adopted(index, ids);
  await index.upsert(ids.map((id) => ({ id, vectors: [VECTOR] })));
  await index.elsewhere?.converge();
  await index.elsewhere?.close();
}

/** By collection, how many points each brain has. */
function points({ collections }: StandIn): Record<string, Record<string, number>> {
  return Object.fromEntries([...collections].map(([name, collection]) => {
    const counts: Record<string, number> = {};
    for (const { payload } of collection.matching(() => true)) {
      const brain = String(payload["brain"]);
      counts[brain] = (counts[brain] ?? 0) + 1;
    }
    return [name, counts];
  }));
}

Deno.test("each model has a collection, and what a brain left in others goes once none of them serves", () =>
  withStandIn(async (standIn) => {
    await filled(started(standIn)("one"));
    await filled(started(standIn, { brain: "c" })("one"), OTHERS);
    // Both models, while the vectors of the new one are made.
    const both = started(standIn);
    const former = both("one", true);
    await filled(both("two/x"));
    assert.deepEqual(points(standIn), {
      "second-brain-one-3": { b: 2, c: 1 },
      "second-brain-two-x-7420c694-3": { b: 2 },
    });
    assert.equal((await adopted(former))?.size, 2);
    await former.elsewhere?.close();

    await filled(started(standIn)("two/x"));
    assert.deepEqual(points(standIn), {
      "second-brain-one-3": { c: 1 },
      "second-brain-two-x-7420c694-3": { b: 2 },
    });
  }));

Deno.test("in a collection that the operator names the new model's vectors lie, and the former's are searched without it", () =>
  withStandIn(async (standIn) => {
    await filled(started(standIn)("one"));
    const mine = { collection: "mine" };
    await filled(started(standIn, mine)("one"));
    const both = started(standIn, mine);
    const former = both("one", true);
    await filled(both("two"));
    // Those of a copy of this brain may be the others.
    assert.deepEqual(points(standIn), { "second-brain-one-3": { b: 2 }, mine: { b: 2 } });

    assert.deepEqual(await adopted(former), new Set());
    await former.upsert(OURS.map((id) => ({ id, vectors: [VECTOR] })));
    const result = await eventually(5_000, "the vectors are read", () => {
      return former.search({ vector: VECTOR, limit: 5 }).catch(() => undefined);
    });
    assert.deepEqual([result.total, result.isPoorer], [2, true]);
    await former.elsewhere?.close();
    assert.deepEqual(points(standIn), { "second-brain-one-3": { b: 2 }, mine: { b: 2 } });
  }));

Deno.test("quantisation is asked for where it is set", () =>
  withStandIn(async (standIn) => {
    for (const quantization of ["none", "scalar"] as const) {
      await filled(started(standIn, { collection: quantization, quantization })("one"));
    }
    const asked = [...standIn.collections].map(([name, { config }]) => [
      name,
      config["quantization_config"] !== undefined,
    ]);
    assert.deepEqual(Object.fromEntries(asked), { none: false, scalar: true });
  }));
