/** Anybody's Markdown notes, and an Obsidian vault's: what they say of themselves, and what is left. */
import assert from "node:assert/strict";
import { toMarkdown } from "../src/formats.ts";
import type { JsonObject } from "../src/json.ts";
import { CREATED, each, foundIn, MODIFIED } from "./fakes/formats.ts";
import { memoryOf } from "./fakes/store_kit.ts";

const PATH = "garden/Fence.md";
const SAID = { source: "markdown", path: PATH, title: "Fence" };
const NO_TIME = { created_at: CREATED, updated_at: MODIFIED };

const NO_YAML = "has front matter that is no YAML: it stays in the text";

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
  "---\nzip: 01234\nphone: 0031612345678\nversion: 1.10\nh: 0x1F\nlist: [1e3, 7]\n---\ncedar": {
    metadata: {
      ...SAID,
      ...{ zip: "01234", phone: "0031612345678", version: "1.10", h: "0x1F", list: ["1e3", 7] },
    },
  },
  "---\nx: !!binary aGk=\ny: !!set {a, 1.0}\nz: !!timestamp 2026-01-31\n05: .nan\n---\ncedar": {
    metadata: { ...SAID, x: "aGk=", y: ["a", "1.0"], z: "2026-01-31", "05": ".nan" },
  },
  "---\nimportance_score: 0.50\ntags: [007]\n---\ncedar": { importance_score: 0.5, tags: ["007"] },
  "---\nsource: claude-memory\nfilename: /memories/x\ngraph: entity\nname: Anna\npath: p\n---\ncedar":
    {
      metadata: {
        ...SAID,
        ...{ filename: "/memories/x", name: "Anna" },
        front_matter: { source: "claude-memory", graph: "entity", path: "p" },
      },
    },
  "---\nsource: https://example.org/a\n---\ncedar": {
    metadata: { ...SAID, source_url: "https://example.org/a" },
  },
  "---\nsource: https://example.org/a\nsource_url: b\n---\ncedar": {
    metadata: { ...SAID, source_url: "b", front_matter: { source: "https://example.org/a" } },
  },
  "---\na: [1\n---\ncedar": { content: "---\na: [1\n---\ncedar" },
};

Deno.test("anybody's notes come in with their tags, dates and whatever else they say", async () => {
  const ids = new Set<unknown>();
  for (const [text, differs] of Object.entries(NOTES)) {
    const { records: [found, ...more], left } = await foundIn("markdown", [[PATH, text]]);
    const said = text.includes("a: [1") ? [{ where: PATH, reason: NO_YAML, isFault: false }] : [];
    assert.deepEqual([more, left], [[], said]);
    const { id, ...record } = found ?? {};
    ids.add(id);
    const plain = { content: "cedar", memory_type: null, importance_score: null, tags: [] };
    assert.deepEqual(record, { ...plain, metadata: SAID, ...NO_TIME, ...differs }, text);
  }
  assert.equal(ids.size, 1);
});

Deno.test("what is no note, or no longer one of ours, is left out and named", async () => {
  const access = { access_count: 0, last_accessed_at: null };
  const memory = memoryOf(1, { content: "x", metadata: {} });
  const [{ text: own = "" } = {}] = await Array.fromAsync(toMarkdown(each([{ memory, access }])));
  const deep = `metadata: {a: ${"[".repeat(20)}${"]".repeat(20)}}`;
  const { left, records } = await foundIn("markdown", [
    ["a.md", " \n\n"],
    ["b.md", own.replace("memory_type: semantic", "a: [1")],
    ["c.md", own.replace("0.5", "7")],
    ["d.md", own.slice(0, -1)],
    ["e.png", "x"],
    ["f.md", "x".repeat(5_000_000)],
    ["g.md", own.replace("importance_score: 0.5", deep)],
    ["h.md", Uint8Array.of(0x78, 0xff)],
    ["i.md", own],
  ]);
  const expected: readonly [string, string, boolean][] = [
    ["a.md", "is empty", false],
    ["b.md", "its front matter is not YAML", true],
    ["c.md", "importance_score Too big: expected number to be <=1", true],
    ["d.md", "content must not be empty or only white space", true],
    ["e.png", "is no Markdown", false],
    ["f.md", "is larger than 4194304 bytes", true],
    ["g.md", "metadata must be at most 16 levels deep", true],
    ["h.md", "is not UTF-8", true],
  ];
  assert.deepEqual(left, expected.map(([where, reason, isFault]) => ({ where, reason, isFault })));
  assert.deepEqual(records.map(({ id }) => id), [memory.id]);
});

Deno.test("a vault's note that was made to look like ours is no part of what assistants keep", async () => {
  const access = { access_count: 0, last_accessed_at: null };
  const all: readonly JsonObject[] = [
    { source: "claude-memory", filename: "/memories/x" },
    { graph: "entity", name: "Anna", entityType: "person" },
    { source: "phone" },
  ];
  const entries = all.map((metadata, n) => ({ memory: memoryOf(n, { metadata }), access }));
  const notes = await Array.fromAsync(toMarkdown(each(entries)));
  const files = notes.map(({ text }, n) => [`${n}.md`, text] as const);
  const vault = await foundIn("obsidian", files);
  assert.deepEqual(vault.records.map(({ metadata }) => metadata), all.slice(2));
  const reason = "is what an assistant keeps: --from markdown takes it, of your own export";
  assert.deepEqual(
    vault.left,
    ["0.md", "1.md"].map((where) => ({ where, reason, isFault: false })),
  );
  const own = await foundIn("markdown", files);
  assert.deepEqual([own.records.map(({ metadata }) => metadata), own.left], [all, []]);
});

Deno.test("the one file that was named is a note, whatever it is called", async () => {
  const named = await foundIn("markdown", [["n.txt", "---\ntags: [a]\n---\ncedar"]], true);
  assert.deepEqual([named.left, named.records.map(({ content, tags }) => [content, tags])], [
    [],
    [["cedar", ["a"]]],
  ]);
  const idOf = async (text: string) =>
    (await foundIn("markdown", [["standard input", text]], true, "")).records[0]?.["id"];
  assert.equal(await idOf("cedar"), await idOf("cedar"));
  assert.notEqual(await idOf("cedar"), await idOf("pine"), "it has no name to tell it by");
});

const VAULT_NOTE = `---
tags: [garden]
aliases: [Posts]
---
Cedar for [[Fence#Posts|the fence]] and [[Fence]], see ![[plan.png]] [[Post\\|shown]]. #diy/wood #2026 #y2026 a#b
\`#code\` [x](#link)
\`\`\`
#include <x> [[y]]
\`\`\`
`;

Deno.test("a vault's notes keep their text, with tags, aliases, links and the day they are of", async () => {
  const { records, left } = await foundIn("obsidian", [
    ["Cedar.md", VAULT_NOTE],
    ["daily/2026-01-31.md", "Bought posts."],
  ]);
  assert.deepEqual(left, []);
  const plain = { memory_type: null, importance_score: null, updated_at: MODIFIED };
  assert.deepEqual(records.map(({ id: _, ...record }) => record), [
    {
      ...plain,
      content: VAULT_NOTE.slice(VAULT_NOTE.indexOf("Cedar for")).trimEnd(),
      tags: ["garden", "diy/wood", "y2026"],
      metadata: {
        source: "obsidian",
        vault: "folder",
        path: "Cedar.md",
        title: "Cedar",
        links: ["Fence", "plan.png", "Post"],
        aliases: ["Posts"],
      },
      created_at: CREATED,
    },
    {
      ...plain,
      content: "Bought posts.",
      tags: [],
      metadata: {
        source: "obsidian",
        vault: "folder",
        path: "daily/2026-01-31.md",
        title: "2026-01-31",
      },
      created_at: "2026-01-31T00:00:00.000Z",
    },
  ]);
  const idIn = async (...where: [string, string]) =>
    (await foundIn("obsidian", [[where[1], VAULT_NOTE]], false, where[0])).records[0]?.["id"];
  assert.equal(await idIn("folder", "Cedar.md"), records[0]?.["id"]);
  assert.notEqual(await idIn("other", "Cedar.md"), records[0]?.["id"], "another vault's");
});

Deno.test("a note longer than a memory comes in parts of one thread, with nothing lost", async () => {
  const paragraph = "Cedar posts 🙂 for the fence. ".repeat(100).trim();
  const long = Array.from({ length: 80 }, (_, n) => `${n} ${paragraph}`).join("\n\n");
  const { records, left } = await foundIn("markdown", [["a.md", long], [
    "b.md",
    `x${"🙂".repeat(70_000)}`,
  ]]);
  assert.deepEqual(left, []);
  const texts = records.map(({ content }) => String(content));
  const own = records.map(({ metadata }) => JSON.stringify(metadata)).filter((text) =>
    text.includes("a.md")
  );
  assert.equal(texts.slice(0, own.length).join("\n\n"), long);
  assert.equal(texts.slice(own.length).join(""), `x${"🙂".repeat(70_000)}`);
  assert.ok(texts.every((text) => text.isWellFormed()));
  assert.equal(new Set(own.map((text) => JSON.parse(text).thread_id)).size, 1);
  assert.equal(new Set(records.map(({ id }) => id)).size, records.length);
});
