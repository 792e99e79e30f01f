/**
 * The exports of ChatGPT and of Claude, in small: what is taken of them as memories, in which order,
 * and what is left out and why. Their shapes are those that people's exports had in 2026.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../src/json.ts";
import { foundIn, MODIFIED } from "./fakes/formats.ts";

/** Seconds, as ChatGPT counts. */
const BEGAN = 1_767_225_600;

function node(id: string, parent: string | null, children: string[], message: object | null) {
  return [id, { id, parent, children, message }] as const;
}

function said(id: string, role: string, parts: unknown[], more: object = {}) {
  const content = { content_type: "text", parts };
  return { id, author: { role, name: null, metadata: {} }, content, recipient: "all", ...more };
}

const TREE = Object.fromEntries([
  node("root", null, ["sys"], null),
  node("sys", "root", ["u1"], said("sys", "system", [""])),
  node(
    "u1",
    "sys",
    ["a0", "a1"],
    said("u1", "user", ["Which posts?"], { create_time: BEGAN + 10.5 }),
  ),
  node("a0", "u1", [], said("a0", "assistant", ["Pine."], { create_time: BEGAN + 11 })),
  node("a1", "u1", ["tool"], {
    ...said("a1", "assistant", ["Cedar.", { content_type: "image_asset_pointer" }]),
    create_time: BEGAN + 10,
    metadata: { model_slug: "gpt-5" },
  }),
  node("tool", "a1", ["bio"], said("tool", "tool", ["found it"])),
  node("bio", "tool", ["u2"], said("bio", "assistant", ["Has a fence."], { recipient: "bio" })),
  node("u2", "bio", ["think"], {
    ...said("u2", "user", []),
    content: { content_type: "multimodal_text", parts: [{ text: "And \ud83d nails?" }, " \n"] },
    create_time: null,
  }),
  node("think", "u2", ["context"], {
    ...said("think", "assistant", []),
    content: { content_type: "thoughts", thoughts: [] },
  }),
  node("context", "think", ["hidden"], {
    ...said("context", "user", []),
    content: {
      content_type: "user_editable_context",
      user_profile: "A gardener.",
      user_instructions: "Be brief.",
    },
  }),
  node("hidden", "context", ["end"], {
    ...said("hidden", "user", ["unseen"]),
    metadata: { is_visually_hidden_from_conversation: true },
  }),
  node("end", "hidden", [], said("end", "assistant", [""])),
  node("call", "u1", [], said("call", "assistant", ["ls"], { recipient: "python" })),
  node("odd", "u1", [], { author: null, content: 7 }),
]);

const CONVERSATION = {
  title: "Fence",
  create_time: BEGAN,
  update_time: BEGAN + 20,
  mapping: TREE,
  current_node: "end",
  conversation_id: "c1",
  id: "c1",
};

function plain(records: readonly JsonObject[]): JsonObject[] {
  return records.map(({ id: _, metadata, ...record }) => {
    const { thread_id: __, ...others } = metadata as JsonObject;
    return { ...record, metadata: others };
  });
}

Deno.test("of ChatGPT's conversations the branch that is shown is taken, and what it remembered", async () => {
  const shards = [CONVERSATION, { ...CONVERSATION, id: "c2", conversation_id: "c2", title: null }];
  const { records, left } = await foundIn("chatgpt", [
    ["chat.html", "<p>"],
    ...shards.map((shard, n) => [`conversations-00${n}.json`, JSON.stringify([shard])] as const),
  ]);
  const about = { source: "chatgpt", conversation_id: "c1", title: "Fence" };
  const message = { memory_type: "episodic" };
  const first = plain(records).slice(0, 6);
  assert.deepEqual(first, [
    {
      ...message,
      content: "Which posts?",
      created_at: "2026-01-01T00:00:10.500Z",
      metadata: { ...about, role: "user" },
    },
    {
      ...message,
      content: "Cedar.",
      created_at: "2026-01-01T00:00:10.501Z",
      metadata: { ...about, role: "assistant", model: "gpt-5" },
    },
    {
      ...message,
      content: "And \ufffd nails?",
      created_at: "2026-01-01T00:00:10.502Z",
      metadata: { ...about, role: "user" },
    },
    ...[
      ["semantic", "saved_memory", "Has a fence."],
      ["semantic", "about_me", "A gardener."],
      ["procedural", "instructions", "Be brief."],
    ].map(([memory_type = "", kind = "", content = ""]) => ({
      memory_type,
      content,
      created_at: "2026-01-01T00:00:00.000Z",
      metadata: { source: "chatgpt", kind },
    })),
  ]);
  // What it remembers it says in many conversations: once is enough.
  assert.equal(records.length, 9);
  assert.deepEqual(
    new Set(records.slice(6).map(({ metadata }) => Object.hasOwn(Object(metadata), "title"))),
    new Set([false]),
  );
  const threads = new Set(records.map(({ metadata }) => (metadata as JsonObject)["thread_id"]));
  assert.equal(threads.size, 3, "two conversations, and none");
  assert.equal(new Set(records.map(({ id }) => id)).size, 9);
  assert.deepEqual(left.slice(0, 9), [
    { where: "chat.html", reason: "holds no conversations", isFault: false },
    ...[
      "is on a branch that is not shown",
      "is said to a tool",
      "is of an unknown form",
      "is of the system",
      "is of the tool",
      "is thoughts",
      "is hidden",
      "has no text",
    ].map((reason) => ({ where: "chatgpt conversation Fence", reason, isFault: false })),
  ]);
});

Deno.test("a tree that leads nowhere, or in a circle, holds nothing up and loses no message", async () => {
  const lost = { ...CONVERSATION, current_node: "gone" };
  const circle = {
    ...CONVERSATION,
    mapping: {
      ...TREE,
      ...Object.fromEntries([node("u1", "end", ["a1"], said("u1", "user", ["x"]))]),
    },
  };
  for (const conversation of [lost, circle]) {
    const { records, left } = await foundIn(
      "chatgpt",
      [["x.json", JSON.stringify([conversation])]],
      true,
    );
    assert.ok(records.length > 3 && left.every(({ isFault }) => !isFault));
    // Thirteen messages, of which two say three things to remember.
    assert.equal(records.length - 3 + left.length, 11);
  }
});

/** What is in a file, and what is said of it. */
const NOT_THEIRS: readonly (readonly [source: string, text: string, reason: RegExp])[] = [
  ["chatgpt", "{}", /^is of another form$/],
  ["chatgpt", "[1, {]", /^is not JSON: /],
  ["chatgpt", "[{}]", /^has a conversation of another form$/],
  ["chatgpt", `[{"mapping":{}}]`, /^has a conversation without an id$/],
  ["chatgpt", `[${"[".repeat(100_000)}`, /^is not JSON: the document ends too early$/],
  ["claude", "x", /^is not JSON: /],
  ["claude", `[{"mapping":{},"id":"x"}]`, /^has a conversation of another form$/],
];

Deno.test("what is not of their form is named, and is a fault", async () => {
  for (const [source, text, reason] of NOT_THEIRS) {
    const { records, left } = await foundIn(source, [["conversations.json", text]]);
    assert.deepEqual(records, [], text);
    assert.ok(left.length > 0 && left.every(({ isFault }) => isFault), text);
    assert.match(left.at(-1)?.reason ?? "", reason);
  }
});

const CLAUDE_MESSAGE = {
  uuid: "m1",
  sender: "human",
  text: "Which posts?\n```\nThis block is not supported.\n```",
  content: [
    { type: "text", text: "Which posts?" },
    { type: "tool_use", name: "x", input: {} },
    { type: "text", text: "Cedar?" },
  ],
  created_at: "2026-01-01T10:00:00.123456Z",
  attachments: [{ file_name: "plan.txt", file_size: 5, extracted_content: "Six posts." }],
  files: [{ file_name: "fence.png" }],
};

const CLAUDE = {
  "users.json": [{ uuid: "u1", full_name: "A", email_address: "a@example.org" }],
  "conversations.json": [{
    uuid: "c1",
    name: "Fence",
    summary: "About posts.",
    created_at: "2026-01-01T09:00:00Z",
    updated_at: "2026-01-01T11:00:00Z",
    account: { uuid: "u1" },
    chat_messages: [
      CLAUDE_MESSAGE,
      { uuid: "m2", sender: "assistant", text: "Cedar.", created_at: "2026-01-01T10:00:01Z" },
      { uuid: "m3", sender: "assistant", text: "", content: [{ type: "tool_use" }] },
      { uuid: 4, sender: "assistant", text: ["?"] },
    ],
  }],
  "memories.json": [{
    conversations_memory: "Has a fence.",
    project_memories: { p1: "Builds a shed." },
    memory_files: [{
      path: "/tools.md",
      content: "Has a saw.",
      updated_at: "2026-01-04T00:00:00Z",
    }],
    account_uuid: "u1",
  }],
  "projects/p1.json": {
    uuid: "p1",
    name: "Shed",
    description: "For tools.",
    prompt_template: "Be brief.",
    is_starter_project: false,
    created_at: "2026-01-02T00:00:00+00:00",
    updated_at: "2026-01-02T00:00:00+00:00",
    docs: [{
      uuid: "d1",
      filename: "size.md",
      content: "2 x 3 m",
      created_at: "2026-01-03T00:00:00Z",
    }],
  },
};

Deno.test("of Claude's export come conversations, memories and projects", async () => {
  const files = Object.entries(CLAUDE).map(([path, value]) =>
    [path, JSON.stringify(value)] as const
  );
  const { records, left } = await foundIn("claude", files);
  const about = { source: "claude", conversation_id: "c1", title: "Fence" };
  const project = { source: "claude", project: "Shed", project_id: "p1" };
  const rows: readonly (readonly [string, string, string, JsonObject])[] = [
    ["episodic", "Which posts?\n\nCedar?", "2026-01-01T10:00:00.123Z", {
      ...about,
      role: "user",
      files: ["plan.txt", "fence.png"],
    }],
    ["episodic", "Six posts.", "2026-01-01T10:00:00.124Z", {
      ...about,
      role: "user",
      kind: "attachment",
      filename: "plan.txt",
    }],
    ["episodic", "Cedar.", "2026-01-01T10:00:01.000Z", { ...about, role: "assistant" }],
    ["semantic", "About posts.", "2026-01-01T09:00:00.000Z", { ...about, kind: "summary" }],
    ["semantic", "Has a fence.", MODIFIED, { source: "claude", kind: "memory" }],
    ["semantic", "Has a saw.", "2026-01-04T00:00:00.000Z", {
      source: "claude",
      kind: "memory_file",
      filename: "/tools.md",
    }],
    ["semantic", "Builds a shed.", MODIFIED, {
      source: "claude",
      kind: "project_memory",
      project_id: "p1",
    }],
    ["semantic", "Shed\n\nFor tools.", "2026-01-02T00:00:00.000Z", { ...project, kind: "project" }],
    ["procedural", "Be brief.", "2026-01-02T00:00:00.000Z", { ...project, kind: "instructions" }],
    ["semantic", "2 x 3 m", "2026-01-03T00:00:00.000Z", {
      ...project,
      kind: "document",
      filename: "size.md",
    }],
  ];
  assert.deepEqual(
    plain(records),
    rows.map(([memory_type, content, created_at, metadata]) => ({
      memory_type,
      content,
      created_at,
      metadata,
    })),
  );
  assert.deepEqual(left, [
    { where: "users.json", reason: "holds nothing to remember", isFault: false },
    { where: "claude conversation Fence", reason: "has no text", isFault: false },
    { where: "claude conversation Fence", reason: "is of an unknown form", isFault: false },
  ]);
  const again = await foundIn("claude", files.slice(1, 2));
  assert.deepEqual(again.records, records.slice(0, 4));
});
