/** Other memories' own lists: mem0's in each of its forms, and the graph of server-memory. */
import assert from "node:assert/strict";
import { toServerMemory } from "../src/formats.ts";
import { entityFields, relationFields } from "../src/graph.ts";
import type { JsonObject } from "../src/json.ts";
import { each, entryOf, foundIn } from "./fakes/formats.ts";
import { idOf, memoryOf } from "./fakes/store_kit.ts";

const PYTHON = {
  id: "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
  memory: "Has a cedar fence.",
  user_id: "anna",
  agent_id: null,
  hash: "x",
  metadata: { room: "garden" },
  categories: ["house", "garden"],
  score: 0.5,
  created_at: "2026-01-31T04:00:00.123456-08:00",
  updated_at: "2026-02-01T04:00:00.123456-08:00",
};
const JAVASCRIPT = {
  id: PYTHON.id,
  memory: PYTHON.memory,
  userId: "anna",
  metadata: { room: "garden" },
  categories: ["house", "garden"],
  createdAt: PYTHON.created_at,
  updatedAt: PYTHON.updated_at,
};
const TAKEN = {
  id: PYTHON.id,
  content: "Has a cedar fence.",
  tags: ["house", "garden"],
  metadata: { room: "garden", user_id: "anna" },
  created_at: "2026-01-31T12:00:00.123Z",
  updated_at: "2026-02-01T12:00:00.123Z",
  user_id: "anna",
};

/** Files of the same one memory. */
const FORMS: Readonly<Record<string, string>> = {
  "array.json": JSON.stringify([PYTHON]),
  "javascript.json": JSON.stringify([JAVASCRIPT]),
  "page.json": JSON.stringify({ count: 1, next: null, previous: null, results: [PYTHON] }),
  "graph.json": JSON.stringify({ results: [PYTHON], relations: [{ source: "a" }] }),
  "export.json": JSON.stringify({ memories: [PYTHON] }),
  "text.json": JSON.stringify([{ ...PYTHON, memory: undefined, text: PYTHON.memory }]),
  "lines.jsonl": `${JSON.stringify(PYTHON)}\r\n\n`,
};

Deno.test("mem0's memories come in whichever way its clients wrote them down", async () => {
  for (const [name, text] of Object.entries(FORMS)) {
    assert.deepEqual(await foundIn("mem0", [[name, text]]), { records: [TAKEN], left: [] }, name);
  }
  const bare = await foundIn(
    "mem0",
    [["a.txt", `[{"data": "x"}, {"id": "7", "content": "y"}]`]],
    true,
  );
  assert.deepEqual(bare.left, []);
  const none = { tags: [], metadata: {}, created_at: null, updated_at: null };
  assert.deepEqual(bare.records.map(({ id: _, ...record }) => record), [
    { ...none, content: "x" },
    { ...none, content: "y" },
  ]);
  assert.equal(new Set(bare.records.map(({ id }) => String(id).slice(14, 15))).has("5"), true);
});

Deno.test("what comes by a pipe is told by how it begins", async () => {
  const many = FORMS["lines.jsonl"]?.repeat(2) ?? "";
  const texts = [...Object.values(FORMS), JSON.stringify({ results: [PYTHON] }, null, 2)];
  for (const text of [...texts, ...texts.map((text) => `\ufeff${text}`)]) {
    const found = await foundIn("mem0", [["standard input", text]], true);
    assert.deepEqual(found, { records: [TAKEN], left: [] }, text);
  }
  const found = await foundIn("mem0", [["standard input", many]], true);
  assert.deepEqual(found, { records: [TAKEN, TAKEN], left: [] });
  const none = await foundIn("mem0", [["standard input", ""]], true);
  assert.deepEqual(none.records, []);
});

/** What stands beside a text, and what of the memory is not as it is by itself. */
const ODD: readonly (readonly [JsonObject, JsonObject])[] = [
  [{ metadata: "just text" }, { metadata: { metadata: "just text" } }],
  [
    { user_id: "anna", name: "A", metadata: { user_id: "bob", name: "A", mem0: 1, x: 2 } },
    {
      metadata: { user_id: "anna", name: "A", x: 2, mem0: { user_id: "bob", mem0: 1 } },
      user_id: "anna",
    },
  ],
  [{ categories: ["a", { x: 1 }] }, { tags: ["a"], metadata: { categories: ["a", { x: 1 }] } }],
  [{ categories: ["a", "b".repeat(65)] }, {
    tags: ["a"],
    metadata: { categories: ["a", "b".repeat(65)] },
  }],
  [{ created_at: 1_700_000_000_000, updated_at: 1_700_000_001 }, {
    created_at: "2023-11-14T22:13:20.000Z",
    updated_at: "2023-11-14T22:13:21.000Z",
  }],
  [{ created_at: "yesterday" }, { metadata: { created_at: "yesterday" } }],
];

Deno.test("of what mem0 says of a memory nothing is lost that has another form", async () => {
  const none = { content: "x", tags: [], metadata: {}, created_at: null, updated_at: null };
  for (const [fields, differs] of ODD) {
    const { records, left } = await foundIn("mem0", [[
      "a.json",
      JSON.stringify([{ memory: "x", ...fields }]),
    ]]);
    assert.deepEqual(left, []);
    assert.deepEqual(records.map(({ id: _, ...record }) => record), [{ ...none, ...differs }]);
  }
});

Deno.test("of a list what is no memory is named", async () => {
  const { records, left } = await foundIn("mem0", [
    ["a.json", `[{"id": "7"}, 7, {"memory": " "}]`],
    ["b.csv", "id"],
    ["c.jsonl", "x"],
  ]);
  assert.deepEqual(records, []);
  assert.deepEqual(left, [
    { where: "a.json", reason: "has a memory without text", isFault: true },
    { where: "a.json", reason: "has a memory of another form", isFault: true },
    { where: "a.json", reason: "content must not be empty or only white space", isFault: true },
    { where: "b.csv", reason: "is no JSON", isFault: false },
    { where: "c.jsonl", reason: "is not JSON", isFault: true },
  ]);
});

const LINE = `{"memory":"${"x".repeat(90_000)}"}\n`;

Deno.test("a list may be of any size, begin with a byte order mark, and is in UTF-8", async () => {
  const long = await foundIn("mem0", [["a.jsonl", LINE.repeat(800)]]);
  assert.deepEqual([long.records.length, long.left], [800, []]);
  for (const name of ["a.json", "a.jsonl"]) {
    const marked = await foundIn("mem0", [[
      name,
      `\ufeff${FORMS[name === "a.json" ? "array.json" : "lines.jsonl"]}`,
    ]]);
    assert.deepEqual(marked, { records: [TAKEN], left: [] });
    const latin = Uint8Array.from(`[{"memory":"caf\xe9"}]`, (letter) => letter.charCodeAt(0));
    const bytes = name === "a.json" ? latin : latin.subarray(1, -1);
    const left = [{ where: name, reason: "is not UTF-8", isFault: true }];
    assert.deepEqual(await foundIn("mem0", [[name, bytes]]), { records: [], left });
  }
  const most = await foundIn("mem0", [["a.json", `[{"memory":"${"x".repeat(64 << 20)}"}]`]]);
  const reason = "has a part that is larger than 67108864 bytes";
  assert.deepEqual(most.left, [{ where: "a.json", reason, isFault: true }]);
});

const ANNA = { name: "Anna", entityType: "person", observations: ["plays\nthe cello", ""] };
const WORKS = { from: "Anna", to: "Acme", relationType: "works at" };
const LINES = [
  { type: "entity", ...ANNA },
  { type: "entity", name: "Acme", entityType: "", observations: [] },
  { type: "entity", ...ANNA, observations: [] },
  { type: "relation", ...WORKS },
  { type: "relation", ...WORKS },
];

Deno.test("server-memory's graph comes in as the memories of the reference tools, and goes out as it came", async () => {
  const text = LINES.map((line) => JSON.stringify(line)).join("\n");
  const { records, left } = await foundIn("server-memory", [["memory.jsonl", text]]);
  assert.deepEqual(left, []);
  assert.deepEqual(records, [
    entityFields(ANNA),
    entityFields({ name: "Acme", entityType: "", observations: [] }),
    entityFields({ ...ANNA, observations: [] }, 1),
    relationFields(WORKS),
    relationFields(WORKS, 1),
  ]);
  const times = { created_at: "2026-01-31T12:00:00.000Z" };
  const entries = records.map((record) => entryOf({ ...record, ...times }));
  const lines = await Array.fromAsync(toServerMemory(each(entries)));
  assert.deepEqual(lines.map((line) => JSON.parse(line)), LINES);
});

Deno.test("any other memory goes out as an entity of its own name", async () => {
  const access = { access_count: 0, last_accessed_at: null };
  const entries = [1, 2].map((n) => ({
    memory: memoryOf(n, { content: "# Fence\nCedar" }),
    access,
  }));
  const lines = await Array.fromAsync(toServerMemory(each(entries)));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [1, 2].map((n) => ({
      type: "entity",
      name: `Fence ${idOf(n)}`,
      entityType: "semantic",
      observations: ["# Fence\nCedar"],
    })),
  );
});

Deno.test("a line that is neither entity nor relation is a fault", async () => {
  const { records, left } = await foundIn("server-memory", [
    ["memory.jsonl", `{"type":"entity","name":"x"}\n[]\n{"type":"other"}\n`],
    ["README.md", "x"],
  ]);
  const reason = "has a line that is neither entity nor relation";
  const fault = { where: "memory.jsonl", reason, isFault: true };
  assert.deepEqual(records, []);
  assert.deepEqual(left, [fault, fault, fault, {
    where: "README.md",
    reason: "is no JSON",
    isFault: false,
  }]);
});
