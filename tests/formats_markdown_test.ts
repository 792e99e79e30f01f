/**
 * Memories as Markdown files: whatever a memory holds comes back, byte for byte, from a file whose
 * name every file system takes.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { toMarkdown } from "../src/formats.ts";
import type { JsonValue } from "../src/json.ts";
import { type Entry, type Memory, MEMORY_TYPES } from "../src/memory.ts";
import { each, entryOf, foundIn } from "./fakes/formats.ts";
import { seed } from "./fakes/store_kit.ts";

const NEVER = { access_count: 0, last_accessed_at: null };

/** What YAML, Markdown, editors and file systems have a meaning for. */
const ODD = [
  ..."- ? : # & * ! | > ' \" % @ ` { } [ ] , ~ = \\ / < . _ \0 \x1b \x7f \t \r".split(" "),
  ...[
    "---",
    "\n---\n",
    "\u2028---\n",
    "\r---\n",
    "...",
    "\n",
    "\r\n",
    " ",
    "\n\n\n",
    "\u0085",
    "\u2028",
    "\ufeff",
    "\u202e",
  ],
  ...["null", "true", "yes", "0x1f", "1e3", "1_000", ".inf", ".nan", "<<", "2026-01-01", "12:30"],
  ...["CON", "nul.txt", "..", "a: b", "a #b", "- a", "🙂", "e\u0301", "\ud83d\ude42", "ﬀ", "İ"],
];
const odd = fc.array(
  fc.oneof(fc.constantFrom(...ODD), fc.string({ maxLength: 6, unit: "binary" })),
  {
    maxLength: 8,
  },
).map((parts) => parts.join("").toWellFormed());
const text = odd.filter((content) => /\S/.test(content));
const key = fc.oneof(
  odd,
  fc.constantFrom("__proto__", "constructor", "toString", "", "x".repeat(1100)),
);
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    number,
    odd,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("json")), { maxLength: 4 }).map(Object.fromEntries),
  ),
}));
const time = fc.date({
  min: new Date("0000-01-01T00:00:00Z"),
  max: new Date("9999-12-31T00:00:00Z"),
})
  .filter((date) => !Number.isNaN(date.getTime())).map((date) => date.toISOString());
const entry = fc.record({
  id: fc.uuid(),
  content: text,
  memory_type: fc.constantFrom(...MEMORY_TYPES),
  importance_score: fc.double({ min: 0, max: 1, noNaN: true }),
  tags: fc.uniqueArray(
    text.map((tag) => tag.trim()).filter((tag) => tag.length <= 64 && tag !== ""),
    {
      maxLength: 4,
    },
  ),
  metadata: fc.array(fc.tuple(key, json), { maxLength: 5 }).map(Object.fromEntries),
  created_at: time,
  updated_at: time,
  access: fc.option(fc.record({ access_count: fc.nat(), last_accessed_at: fc.option(time) })),
  embedding: fc.option(
    fc.float32Array({ minLength: 1, maxLength: 4, noNaN: true, noDefaultInfinity: true }),
  ),
}).map(({ access, embedding, metadata, importance_score, ...fields }): Entry => ({
  memory: {
    ...fields,
    // As a brain holds them: a zero has no sign in JSON.
    importance_score: importance_score + 0,
    metadata: JSON.parse(JSON.stringify(metadata)),
    ...(embedding?.some((x) => x !== 0) && { embedding: embedding.map((x) => x + 0) }),
  },
  access: { ...(access ?? NEVER) },
}));

async function filesOf(entries: readonly Entry[]) {
  return await Array.fromAsync(toMarkdown(each(entries)));
}

async function backOf(entries: readonly Entry[]): Promise<Entry[]> {
  const files = await filesOf(entries);
  const { records, left } = await foundIn("markdown", files.map(({ path, text }) => [path, text]));
  assert.deepEqual(left, []);
  return records.map(entryOf);
}

Deno.test(`any memories come back as they were, seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(entry, { maxLength: 3, selector: ({ memory }) => memory.id }),
      async (entries) => {
        assert.deepEqual(await backOf(entries), entries);
      },
    ),
    { numRuns: 400, seed },
  );
});

const ID = "01990000-0000-7000-8000-0000";
const TIME = "2026-01-31T12:00:00.000Z";

function entryNumber(n: number, fields: Partial<Memory>): Entry {
  const id = ID + n.toString(16).padStart(8, "0");
  const times = { created_at: TIME, updated_at: TIME };
  const rest = { memory_type: "semantic", importance_score: 0.5, tags: [], metadata: {} } as const;
  return { memory: { id, content: "x", ...rest, ...times, ...fields }, access: NEVER };
}

Deno.test("the largest memory comes back, too", async () => {
  const metadata = { all: Array.from({ length: 2_000 }, (_, n) => ({ n, text: "x: -" })) };
  const deep = JSON.parse('[{"a":'.repeat(7) + "[]" + "}]".repeat(7));
  const entries = [
    entryNumber(1, { content: "\u{1f642}".repeat(100_000), metadata }),
    entryNumber(2, {
      metadata: { deep },
      tags: Array.from({ length: 50 }, (_, n) => `${n}`.padEnd(64, ":")),
      embedding: Float32Array.from({ length: 8192 }, (_, n) => Math.fround(1 / (n + 1))),
    }),
  ];
  assert.deepEqual(await backOf(entries), entries);
});

Deno.test("a file shows the fields that say something, and the text as it stands", async () => {
  const memory = {
    content: "\n# Fence\r\ncedar\n\n",
    tags: ["house"],
    metadata: { source: "phone" },
  };
  const access = { access_count: 2, last_accessed_at: TIME };
  const files = await filesOf([entryNumber(1, {}), { ...entryNumber(2, memory), access }]);
  const times = `created_at: ${TIME}\nupdated_at: ${TIME}\n`;
  assert.deepEqual(files, [
    {
      path: "2026-01/x 00000001.md",
      text: `---\nid: ${ID}00000001\nmemory_type: semantic\nimportance_score: 0.5\n${times}---\nx`,
    },
    {
      path: "2026-01/Fence 00000002.md",
      text: `---\nid: ${ID}00000002\nmemory_type: semantic\nimportance_score: 0.5\n` +
        `tags:\n  - house\nmetadata:\n  source: phone\n${times}` +
        `access_count: 2\nlast_accessed_at: ${TIME}\n---\n\n# Fence\r\ncedar\n\n`,
    },
  ]);
});

/** The beginning of a text, and what its file is called before the end of the id. */
const NAMES: Readonly<Record<string, string>> = {
  "CON": "_CON",
  "nul.txt": "_nul.txt",
  "Com1 .x": "_Com1 .x",
  "console": "console",
  "../../etc/passwd": "etc passwd",
  "..": "semantic",
  'a/b\\c:d*e?f"g<h>i|j': "a b c d e f g h i j",
  "\u202etxt.exe\u0000\u2028": "txt.exe",
  "- [x] done.": "x done",
  "> # A *title*\nmore": "A title",
  "e\u0301te\u0301": "été",
  "🙂 smile": "🙂 smile",
  "[[link|shown]]": "link shown",
  ".hidden": "hidden",
};

Deno.test("names are such that every file system takes them, and stay in their folder", async () => {
  const entries = Object.keys(NAMES).map((content, n) => entryNumber(n, { content }));
  const names = (await filesOf(entries)).map(({ path }) => path);
  assert.deepEqual(
    names,
    Object.values(NAMES).map((name, n) => `2026-01/${name} ${n.toString(16).padStart(8, "0")}.md`),
  );
  assert.deepEqual(await backOf(entries), entries);
});

Deno.test("an id or a time of somebody's making leads nowhere else", async () => {
  const memory = { id: "../../../evil", created_at: "/../../etc" };
  assert.deepEqual((await filesOf([entryNumber(1, memory)])).map(({ path }) => path), [
    "undated/x _.._evil.md",
  ]);
});

Deno.test("names that only capitals tell apart are told apart by the whole id", async () => {
  const ids = ["0199000a-0000-7000-8000-000000000001", "0199000b-0000-7000-8000-000000000001"];
  const entries = ids.map((id, n) => entryNumber(1, { id, content: ["Fence", "fENCE"][n] ?? "" }));
  assert.deepEqual((await filesOf(entries)).map(({ path }) => path), [
    "2026-01/Fence 00000001.md",
    `2026-01/fENCE ${ids[1]}.md`,
  ]);
});

Deno.test(`any name is fit, of an ordinary length, and nobody else's, seed ${seed}`, async () => {
  const same = fc.array(fc.tuple(text, fc.nat(3)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(same, async (all) => {
      const ids = (n: number, end: number) => `0199000${n}-0000-7000-8000-00000000000${end}`;
      const entries = all.map(([content, end], n) => entryNumber(0, { id: ids(n, end), content }));
      const names = (await filesOf(entries)).map(({ path }) => path);
      for (const name of names) {
        assert.match(
          name,
          /^2026-01\/[^\p{C}\p{Zl}\p{Zp}/\\:*?"<>|.][^\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]* [0-9a-f-]+\.md$/u,
        );
        assert.ok(new TextEncoder().encode(name).length < 180, name);
      }
      assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length);
    }),
    { numRuns: 300, seed },
  );
});

Deno.test("a file of ours that somebody edited comes back with what they wrote", async () => {
  const own = (await filesOf([entryNumber(1, { metadata: { a: 1 } })]))[0]?.text ?? "";
  const edited = own.replace(
    "---\nid",
    "---\naliases: [Post]\nversion: 1.10\na: 2\ntags: garden, 7\nid",
  )
    .replaceAll("\n", "\r\n").replace("0.5", "0.50").replace(/x$/, "y\r\n");
  const { records } = await foundIn("markdown", [["x.md", edited]]);
  const metadata = { a: 1, aliases: ["Post"], version: "1.10" };
  const tags = ["garden", "7"];
  assert.deepEqual(records.map(entryOf), [entryNumber(1, { content: "y\r\n", metadata, tags })]);
});
