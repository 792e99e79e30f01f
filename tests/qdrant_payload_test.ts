/** What lies in Qdrant beside a vector: enough for every filter, and not a word more. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isJsonObject, jsonEqual, type JsonValue } from "../src/json.ts";
import type { Memory } from "../src/memory.ts";
import {
  canonicalJson,
  fieldsPayload,
  metadataToken,
  stampOf,
} from "../src/vector_index/qdrant/payload.ts";
import { pointId } from "../src/vector_index/qdrant/point_id.ts";
import { idOf, memoryOf, seed } from "./fakes/store_kit.ts";

const property = { seed, numRuns: 1_000 };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** So few different ones that two by chance are often equal, or nearly. */
const { value: littleJson } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -0, 1, 1.5, 1e21, "", "1", "a", "null", '"', "é"),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__", "1", '"'), tie("value"), { maxKeys: 3 }),
  ),
}));

/** The same value with every object's keys the other way round. */
function turned(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(turned);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).reverse().map(([key, child]) => [key, turned(child)]),
  );
}

Deno.test("canonical JSON is the same exactly for values that are equal", () => {
  fc.assert(
    fc.property(littleJson, littleJson, (a, b) => {
      assert.equal(canonicalJson(a) === canonicalJson(b), jsonEqual(a, b));
    }),
    { ...property, numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = value as JsonValue;
      assert.equal(canonicalJson(turned(json)), canonicalJson(json));
      assert.ok(jsonEqual(JSON.parse(canonicalJson(json)) as JsonValue, json));
    }),
    property,
  );
});

Deno.test("a key with a value has the same token exactly where both are equal", () => {
  const cases: readonly (readonly [string, JsonValue])[] = [
    ["a", 1],
    ["a", "1"],
    ["a", [1]],
    ["a", { "1": 1 }],
    ["a", null],
    ["a", [["b", 2]]],
    ["a.b", 2],
    ["a", { b: 2 }],
    ['a",1', ""],
    ["__proto__", 1],
    ["", 1],
  ];
  const tokens = cases.map(([key, value]) => metadataToken(key, value));
  assert.equal(new Set(tokens).size, cases.length);
  for (const token of tokens) assert.match(token, /^[\w-]{22}$/);
  assert.equal(metadataToken("a", -0), metadataToken("a", 0));
  assert.equal(metadataToken("a", { x: 1, y: 2 }), metadataToken("a", { y: 2, x: 1 }));
});

Deno.test("a stamp changes with what the vectors are made from, and with what filters look at", () => {
  const memory = memoryOf(1);
  const first = stampOf(memory, "text", "m");
  const vector = Float32Array.of(1, 2);
  const shapes = [
    first,
    stampOf(memory, "text!", "m"),
    stampOf(memory, "text", "other"),
    stampOf(memory, "text", null),
    stampOf(memory, vector, "m"),
    stampOf(memory, Float32Array.of(1, 2, 0), "m"),
  ];
  assert.equal(new Set(shapes.map((stamp) => stamp.contentHash)).size, shapes.length);
  assert.equal(new Set(shapes.map((stamp) => stamp.fieldsHash)).size, 1);
  // A vector is its numbers, wherever they lie.
  const within = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  assert.deepEqual(stampOf(memory, within, "m"), stampOf(memory, vector, "m"));

  const changes: readonly Partial<Memory>[] = [
    { memory_type: "episodic" },
    { tags: ["a", "b"] },
    { tags: [] },
    { importance_score: 0.6 },
    { created_at: "2026-01-31T12:00:00.001Z" },
    { metadata: { n: "1" } },
    { metadata: {} },
  ];
  const hashes = changes.map((fields) => stampOf(memoryOf(1, fields), "text", "m").fieldsHash);
  assert.equal(new Set([first.fieldsHash, ...hashes]).size, changes.length + 1);
  const others = { content: "other", updated_at: "2027-01-31T12:00:00.000Z", id: idOf(2) };
  assert.deepEqual(stampOf({ ...memory, ...others }, "text", "m"), first);
});

Deno.test("the fields of a point are those that filters look at, and none of the memory's words", async () => {
  const secret = "the fence is cedar";
  const memory = memoryOf(7, {
    content: secret,
    memory_type: "procedural",
    importance_score: 0.25,
    tags: ["a", "b"],
    metadata: { [secret]: secret, n: 7 },
  });
  const fields = await fieldsPayload({ memory, stamp: stampOf(memory, secret, "m") });
  assert.deepEqual(fields, {
    fields_hash: stampOf(memory, secret, "m").fieldsHash,
    memory_type: "procedural",
    tags: ["a", "b"],
    importance: 0.25,
    created_at: memory.created_at,
    metadata: [metadataToken(secret, secret), metadataToken("n", 7)],
  });
  assert.ok(!JSON.stringify(fields).includes("fence"));
});

Deno.test("each of a brain's points has a UUID that no other brain's point of that memory has", () => {
  const ids = [0, 1, 2, 300].map((chunk) => pointId("one", idOf(1), chunk));
  for (const id of ids) assert.match(id, UUID);
  const others = [pointId("one", idOf(2), 1), pointId("two", idOf(1), 1)];
  assert.equal(new Set([...ids, ...others]).size, 6);
  // Written once, it stays: of another id the points of before would be left behind.
  assert.equal(ids[1], "7dbc5be0-fa68-58be-b9dc-116d6f555e2e");
});
