/**
 * Claude's export, in small: what is taken of it as memories, in which order, and what is left out
 * and why. Its shape is that of people's exports in 2026.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../src/json.ts";
import { foundIn, MODIFIED, plain } from "./fakes/formats.ts";

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
    { where: "claude conversation Fence", reason: "is tool use", isFault: false },
    { where: "claude conversation Fence", reason: "is tool use", isFault: false },
    { where: "claude conversation Fence", reason: "is of an unknown form", isFault: false },
  ]);
  const again = await foundIn("claude", files.slice(1, 2));
  assert.deepEqual(again.records, records.slice(0, 4));
});

Deno.test("what Claude's export has in another form is told, and which conversation has it", async () => {
  const good = CLAUDE["conversations.json"][0];
  const empty = { ...good, name: "", chat_messages: [{ uuid: "m", sender: "human", text: " " }] };
  const { records, left } = await foundIn("claude", [
    ["memories.json", `[{"memory":"everything it knew","account_uuid":"a"}]`],
    ["projects.json", `[{"uuid":"p","documents":[{"text":"x"}],"instructions":"y"}]`],
    ["conversations.json", JSON.stringify([{ ...empty, summary: null }, { uuid: "c2" }])],
  ]);
  assert.deepEqual(records, []);
  const reason = "holds nothing that is known";
  assert.deepEqual(left, [
    { where: "memories.json: 1", reason, isFault: false },
    { where: "projects.json: 1", reason, isFault: false },
    { where: "claude conversation c1", reason: "has no text", isFault: false },
    {
      where: "conversations.json: 2",
      reason: "has a conversation of another form",
      isFault: true,
    },
  ]);
});
