/**
 * ChatGPT's export, in small: what is taken of it as memories, in which order, and what is left out
 * and why. Its shape is that of people's exports in 2026.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../src/json.ts";
import { foundIn, plain } from "./fakes/formats.ts";

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

Deno.test("which conversation has another form is told", async () => {
  const chats = await foundIn("chatgpt", [[
    "conversations.json",
    JSON.stringify([CONVERSATION, {}]),
  ]]);
  assert.deepEqual(chats.left.at(-1), {
    where: "conversations.json: 2",
    reason: "has a conversation of another form",
    isFault: true,
  });
});
