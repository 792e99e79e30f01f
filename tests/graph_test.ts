/** Entities and relations as memories: exactly what was written comes back, whoever edits it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Entity,
  entityFields,
  entityOf,
  entityText,
  type GraphFields,
  isOfGraph,
  relationFields,
  relationOf,
} from "../src/graph.ts";
import type { Memory } from "../src/memory.ts";
import { seed } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";

console.log(`TEST_SEED=${seed}`);
fc.configureGlobal({ seed, numRuns: 1_000 });

const ANNA = {
  name: "Anna",
  entityType: "person",
  observations: ["lives in Lisbon", "sings\nbass"],
};
const WORKS = { from: "Anna", to: "Acme", relationType: "works at" };

function memoryOf({ id, content, metadata }: GraphFields): Memory {
  return noted(id, content, { metadata });
}

/** Texts made of what the format gives a meaning to. */
const text = fc.array(fc.constantFrom("-", " ", "\n", "\r", "a", "(", ")", "é", "🙂", "- ", "  "), {
  maxLength: 12,
}).map((parts) => parts.join(""));

Deno.test("an entity and a relation are memories that a person can read, with ids that stay", () => {
  assert.deepEqual(entityFields(ANNA), {
    id: "9e57890e-8f01-5947-ada2-558a09747dd2",
    content: "Anna (person)\n- lives in Lisbon\n- sings\n  bass",
    metadata: { graph: "entity", name: "Anna", entityType: "person" },
  });
  assert.deepEqual(relationFields(WORKS), {
    id: "34d2512e-ad33-5779-90af-b4f761671a45",
    content: "Anna → works at → Acme",
    metadata: { graph: "relation", from: "Anna", to: "Acme", relationType: "works at" },
  });
});

Deno.test("ids follow from the name alone, and tell everything else apart", () => {
  const changed = { ...ANNA, entityType: "singer", observations: [] };
  assert.equal(entityFields(changed).id, entityFields(ANNA).id);
  const ids = [
    entityFields(ANNA).id,
    entityFields(ANNA, 1).id,
    entityFields(ANNA, 2).id,
    entityFields({ ...ANNA, name: "anna" }).id,
    relationFields(WORKS).id,
    relationFields(WORKS, 1).id,
    relationFields({ ...WORKS, from: "Acme", to: "Anna" }).id,
    relationFields({ from: "entity", to: "Anna", relationType: "" }).id,
  ];
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("every entity and every relation comes back as it was", () => {
  fc.assert(fc.property(text, text, fc.array(text), (name, entityType, observations) => {
    const entity = { name, entityType, observations };
    const memory = memoryOf(entityFields(entity));
    assert.deepEqual(entityOf(memory), entity);
    assert.equal(relationOf(memory), undefined);
    assert.ok(isOfGraph(memory) && /\S/.test(memory.content));
  }));
  fc.assert(fc.property(text, text, text, (from, to, relationType) => {
    const relation = { from, to, relationType };
    const memory = memoryOf(relationFields(relation));
    assert.deepEqual(relationOf(memory), relation);
    assert.equal(entityOf(memory), undefined);
    assert.ok(isOfGraph(memory) && /\S/.test(memory.content));
  }));
});

Deno.test("whatever a person makes of an entity's text, nothing of it is lost", () => {
  const table: [string, string[]][] = [
    ["Anna (person)", []],
    ["Anna (person)\n- lives in Porto", ["lives in Porto"]],
    ["Anna (person)\n\n- lives in Porto\n", ["lives in Porto"]],
    ["Anna (person)\n- one\n  and more\n- two", ["one\nand more", "two"]],
    ["Anna (person)\n-", ["-"]],
    ["Anna (person)\n* a star\n\t tab", ["* a star", "tab"]],
    ["Anna (person)\nlives in Porto", ["lives in Porto"]],
    ["  indented", ["indented"]],
    ["- one\nelse\n  indented", ["one", "else", "indented"]],
    ["Anna (singer)\n- sings", ["Anna (singer)", "sings"]],
    ["Anna lives in Porto.\nShe sings.", ["Anna lives in Porto.", "She sings."]],
    ["- sings\nAnna (person)", ["sings", "Anna (person)"]],
  ];
  const { id, metadata } = entityFields(ANNA);
  for (const [content, observations] of table) {
    assert.deepEqual(entityOf(memoryOf({ id, content, metadata })), { ...ANNA, observations });
  }
  fc.assert(fc.property(text, (content) => {
    const entity = entityOf(memoryOf({ id, content, metadata })) ?? assert.fail();
    const letters = (text: string) => text.replaceAll(/[\s-]/gu, "");
    assert.equal(letters(entity.observations.join("")), letters(content));
    // Read again after the graph has written it: the same.
    const again: Entity | undefined = entityOf(
      memoryOf({ id, content: entityText(entity), metadata }),
    );
    assert.deepEqual(again, entity);
  }));
});

Deno.test("a memory whose metadata does not say it in full is none of the graph's", () => {
  const table = [
    {},
    { graph: "entity" },
    { graph: "entity", name: "Anna" },
    { graph: "entity", name: 1, entityType: "person" },
    { graph: "other", name: "Anna", entityType: "person" },
    { graph: "relation", from: "Anna", to: "Acme" },
    { graph: ["relation"], ...WORKS },
    { name: "Anna", entityType: "person" },
  ];
  for (const metadata of table) {
    const memory = noted("id", "Anna (person)", { metadata });
    assert.deepEqual([entityOf(memory), relationOf(memory)], [undefined, undefined]);
    assert.equal(isOfGraph(memory), "graph" in metadata);
  }
});
