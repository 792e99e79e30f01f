/** The filters of the contract as Qdrant's: by a table, and against what the state itself says. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject } from "../src/json.ts";
import { matcher, type Memory, MEMORY_TYPES, type MemoryFilter } from "../src/memory.ts";
import {
  chunksFrom,
  type Condition,
  FIRST_CHUNK,
  ofMemories,
  pointsOf,
  pointsThatPass,
} from "../src/vector_index/qdrant/filter.ts";
import { fieldsPayload, metadataToken, stampOf } from "../src/vector_index/qdrant/payload.ts";
import { readFilter } from "./fakes/qdrant/stored_filter.ts";
import { idOf, memoryOf, seed } from "./fakes/store_kit.ts";

const BRAIN: Condition = { key: "brain", match: { value: "b" } };
const NEVER: Condition = { key: "chunk", range: { lt: 0 } };
const [SPRING, AUTUMN] = ["2026-03-20T00:00:00.000Z", "2026-09-23T00:00:00.000Z"];

const CONDITIONS: readonly (readonly [string, MemoryFilter, readonly Condition[]])[] = [
  ["nothing", {}, []],
  ["undefined parts", { tags: undefined, metadata: undefined }, []],
  ["types", { memory_type: ["semantic", "episodic"] }, [
    { key: "memory_type", match: { any: ["semantic", "episodic"] } },
  ]],
  ["no type", { memory_type: [] }, [NEVER]],
  ["all tags", { tags: ["a", "b", "a"] }, [
    { key: "tags", match: { value: "a" } },
    { key: "tags", match: { value: "b" } },
  ]],
  ["all of no tags", { tags: [] }, []],
  ["any tag", { tags_any: ["a", "b", "a"] }, [{ key: "tags", match: { any: ["a", "b"] } }]],
  ["any of no tags", { tags_any: [] }, [NEVER]],
  ["least importance", { min_importance: 0 }, [{ key: "importance", range: { gte: 0 } }]],
  ["after", { created_after: SPRING }, [{ key: "created_at", range: { gte: SPRING } }]],
  ["before", { created_before: AUTUMN }, [{ key: "created_at", range: { lt: AUTUMN } }]],
  ["between", { created_after: SPRING, created_before: AUTUMN }, [
    { key: "created_at", range: { gte: SPRING, lt: AUTUMN } },
  ]],
  ["metadata", { metadata: { "a.b[]": { c: 1 }, "": null } }, [
    { key: "metadata", match: { value: metadataToken("a.b[]", { c: 1 }) } },
    { key: "metadata", match: { value: metadataToken("", null) } },
  ]],
];

for (const [name, filter, conditions] of CONDITIONS) {
  Deno.test(`a filter by ${name} is Qdrant's, of this brain's points only`, () => {
    assert.deepEqual(pointsThatPass("b", { filter }), { must: [BRAIN, ...conditions] });
  });
}

Deno.test("a memory that is not to be found is excluded in Qdrant", () => {
  assert.deepEqual(pointsThatPass("b", { except: idOf(1) }), {
    must: [BRAIN],
    must_not: [{ key: "memory_id", match: { value: idOf(1) } }],
  });
});

Deno.test("points are named by brain, memory and chunk", () => {
  assert.deepEqual(pointsOf("b", [ofMemories([idOf(1), idOf(2)]), chunksFrom(2), FIRST_CHUNK]), {
    must: [
      BRAIN,
      { key: "memory_id", match: { any: [idOf(1), idOf(2)] } },
      { key: "chunk", range: { gte: 2 } },
      { key: "chunk", match: { value: 0 } },
    ],
  });
  assert.deepEqual(pointsOf("b", [ofMemories([])]), { must: [BRAIN, NEVER] });
});

const PARTS = [
  "memory_type",
  "tags",
  "tags_any",
  "min_importance",
  "created_after",
  "created_before",
  "metadata",
] as const;

const tag = fc.constantFrom("a", "b", "c", "é");
const importance = fc.constantFrom(0, 0.1, 0.5, 0.30000000000000004, 1);
const time = fc.constantFrom(
  "0000-01-01T00:00:00.000Z",
  "2026-01-31T11:59:59.999Z",
  "2026-01-31T12:00:00.000Z",
  "2026-01-31T12:00:00.001Z",
  "9999-12-31T23:59:59.999Z",
);
const metadata: fc.Arbitrary<JsonObject> = fc.dictionary(
  fc.constantFrom("a", "a.b", "tags", "__proto__", ""),
  fc.constantFrom(null, 0, -0, 1, "1", "a", true, [], [1], {}, { b: 1, c: [2] }, { c: [2], b: 1 }),
  { maxKeys: 3 },
);

const memory: fc.Arbitrary<Memory> = fc.record({
  memory_type: fc.constantFrom(...MEMORY_TYPES),
  tags: fc.uniqueArray(tag),
  importance_score: importance,
  created_at: time,
  metadata,
}).map((fields) => memoryOf(1, fields));

/** Of few parts: with all of them next to nothing passes. */
const filter: fc.Arbitrary<MemoryFilter> = fc.tuple(
  fc.record({
    memory_type: fc.array(fc.constantFrom(...MEMORY_TYPES), { maxLength: 3 }),
    tags: fc.array(tag, { maxLength: 2 }),
    tags_any: fc.array(tag, { maxLength: 3 }),
    min_importance: importance,
    created_after: time,
    created_before: time,
    metadata,
  }),
  fc.subarray([...PARTS], { maxLength: 3 }),
).map(([all, parts]) => Object.fromEntries(parts.map((part) => [part, all[part]])));

Deno.test("what passes in Qdrant is what passes here", async () => {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(memory, filter, async (memory, filter) => {
      const fields = await fieldsPayload({ memory, stamp: stampOf(memory, memory.content, "m") });
      const payload = { ...fields, brain: "b", memory_id: memory.id, chunk: 0, chunks: 1 };
      const passesHere = matcher(filter)(memory);
      const passesThere = (brain: string, query: { filter?: MemoryFilter; except?: string }) =>
        readFilter(pointsThatPass(brain, query))(memory.id, { ...payload });
      assert.equal(passesThere("b", { filter }), passesHere);
      assert.equal(passesThere("b", { filter, except: idOf(2) }), passesHere);
      assert.equal(passesThere("b", { filter, except: memory.id }), false);
      assert.equal(passesThere("another", { filter }), false);
      if (passesHere) passed++;
    }),
    { seed, numRuns: 2_000 },
  );
  assert.ok(passed > 100, `${passed} passed`);
});
