/**
 * Memories as Markdown files: whatever a memory holds comes back, byte for byte, from a file whose
 * name every file system takes; anybody else's notes come in with what they say of themselves.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { fromMarkdown, toMarkdown } from "../src/formats.ts";
import { memoryOf, parseImportRecord } from "../src/import_record.ts";
import type { JsonObject, JsonValue } from "../src/json.ts";
import { type Entry, type Memory, MEMORY_TYPES } from "../src/memory.ts";
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

async function* each<T>(all: Iterable<T>): AsyncGenerator<T> {
  yield* all;
}

async function filesOf(entries: readonly Entry[]) {
  return await Array.fromAsync(toMarkdown(each(entries)));
}

/** A folder of such files, as an import finds it. */
function folderOf(files: readonly { readonly path: string; readonly text: string }[]) {
  return each(files.map(({ path, text }) => ({
    path,
    modifiedAt: "2026-02-03T04:05:06.000Z",
    isOnly: false,
    pieces: () => each([new TextEncoder().encode(text)]),
  })));
}

async function found(files: readonly { readonly path: string; readonly text: string }[]) {
  return await Array.fromAsync(fromMarkdown(folderOf(files)));
}

/** As an import takes a record in. */
function entryOf(record: JsonObject): Entry {
  const parsed = parseImportRecord(JSON.parse(JSON.stringify(record)), undefined);
  assert.ok("record" in parsed, JSON.stringify(parsed));
  const { access_count = 0, last_accessed_at = null } = parsed.record;
  const none = () => assert.fail("the file says it");
  const memory = memoryOf(parsed.record, { newId: none, now: "" });
  return { memory, access: { access_count, last_accessed_at } };
}

async function backOf(entries: readonly Entry[]): Promise<Entry[]> {
  return (await found(await filesOf(entries))).map((one) =>
    entryOf("record" in one ? one.record : assert.fail(JSON.stringify(one)))
  );
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

const NOTE = { path: "garden/Fence.md", modified: "2026-02-03T04:05:06.000Z" };
const SAID = { source: "markdown", path: NOTE.path, title: "Fence" };
const NO_TIME = { created_at: NOTE.modified, updated_at: NOTE.modified };

/** Notes of anybody's, and what of the memory is not as it is by itself. */
const NOTES: Readonly<Record<string, JsonObject>> = {
  "cedar": {},
  "\ufeff\r\n\n cedar\t\n\n": { content: " cedar" },
  "---\ncedar": { content: "---\ncedar" },
  "---\ncedar\n---\nposts": { content: "---\ncedar\n---\nposts" },
  "---\n---\ncedar": {},
  "---\r\ntags: [a, '#b', 2026]\r\n---\r\n\r\ncedar": { tags: ["a", "b", "2026"] },
  "---\ntags: a, b c\ntag: d e\n---\ncedar": { tags: ["a", "b c", "d", "e"] },
  "---\ncreated: 2025-01-02\n---\ncedar": { created_at: "2025-01-02T00:00:00.000Z" },
  "---\ndate: 2025-01-02 10:11\nmodified: 2026-03-04T05:06:07+02:00\n---\ncedar": {
    created_at: "2025-01-02T10:11:00.000Z",
    updated_at: "2026-03-04T03:06:07.000Z",
  },
  "---\ncreated: 2025-02-30\n---\ncedar": { metadata: { ...SAID, created: "2025-02-30" } },
  "---\naliases: [Post]\ntitle: The fence\nbig: 12345678901234567890\n---\ncedar": {
    metadata: { ...SAID, title: "The fence", aliases: ["Post"], big: "12345678901234567890" },
  },
  "---\nmemory_type: procedural\nimportance_score: 0.9\n---\ncedar": {
    memory_type: "procedural",
    importance_score: 0.9,
  },
  "---\nimportance_score: 9\nid: 7\n---\ncedar": {
    metadata: { ...SAID, importance_score: 9, id: 7 },
  },
  "---\na: [1\n---\ncedar": { content: "---\na: [1\n---\ncedar" },
};

Deno.test("anybody's notes come in with their tags, dates and whatever else they say", async () => {
  const ids = new Set<unknown>();
  for (const [text, differs] of Object.entries(NOTES)) {
    const [one, ...more] = await found([{ path: NOTE.path, text }]);
    assert.deepEqual(more, []);
    assert.ok(one !== undefined && "record" in one, JSON.stringify(one));
    const { id, ...record } = one.record;
    ids.add(id);
    const plain = { content: "cedar", memory_type: null, importance_score: null, tags: [] };
    assert.deepEqual(record, { ...plain, metadata: SAID, ...NO_TIME, ...differs }, text);
  }
  assert.equal(ids.size, 1);
});

Deno.test("what is no note, or no longer one of ours, is left out and named", async () => {
  const own = (await filesOf([entryNumber(1, {})]))[0]?.text ?? "";
  const files = [
    { path: "a.md", text: " \n\n" },
    { path: "b.md", text: own.replace("memory_type: semantic", "a: [1") },
    { path: "c.md", text: own.replace("0.5", "7") },
    { path: "d.md", text: own.slice(0, -1) },
    { path: "e.png", text: "x" },
    { path: ".obsidian/x.md", text: "x" },
    { path: "f.md", text: "x".repeat(5_000_000) },
    {
      path: "g.md",
      text: own.replace(
        "importance_score: 0.5",
        `metadata: {a: ${"[".repeat(20)}${"]".repeat(20)}}`,
      ),
    },
  ];
  const left = (await found(files)).map((one) => "leftOut" in one ? one.leftOut : one);
  const expected: readonly [string, string, boolean][] = [
    ["a.md", "is empty", false],
    ["b.md", "its front matter is not YAML", true],
    ["c.md", "importance_score Too big: expected number to be <=1", true],
    ["d.md", "content must not be empty or only white space", true],
    ["e.png", "is no Markdown", false],
    ["f.md", "is larger than 4194304 bytes", true],
    ["g.md", "metadata must be at most 16 levels deep", true],
  ];
  assert.deepEqual(left, expected.map(([where, reason, isFault]) => ({ where, reason, isFault })));
});

Deno.test("a file of ours that somebody edited comes back with what they wrote", async () => {
  const own = (await filesOf([entryNumber(1, { metadata: { a: 1 } })]))[0]?.text ?? "";
  const edited = own.replace("---\nid", "---\naliases: [Post]\na: 2\ntags: garden, 7\nid")
    .replaceAll("\n", "\r\n").replace(/x$/, "y\r\n");
  const [one] = await found([{ path: "x.md", text: edited }]);
  assert.ok(one !== undefined && "record" in one);
  const metadata = { a: 1, aliases: ["Post"] };
  const tags = ["garden", "7"];
  assert.deepEqual(entryOf(one.record), entryNumber(1, { content: "y\r\n", metadata, tags }));
});
