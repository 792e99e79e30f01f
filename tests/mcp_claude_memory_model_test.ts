/**
 * Claude's memory tool against a plain tree of files: the same calls by chance, several at once, with
 * a person at the memories in between, and restarts.
 */
import assert from "node:assert/strict";
import { claudeMemoryTools } from "../src/mcp/claude_memory.ts";
import { replaced } from "../src/mcp/claude_memory/lines.ts";
import type { Tool } from "../src/mcp/tool.ts";
import { anyCall, anyText } from "./claude_memory_calls.ts";
import { type Answer, FileTree } from "./claude_memory_model.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import { HttpApp, type Json, withApp } from "./http_app.ts";

const ROUNDS = 150;

function memoryTool(app: HttpApp): Tool {
  const [tool] = claudeMemoryTools(app.brain);
  return tool ?? assert.fail("there is no tool");
}

async function call(tool: Tool, args: Json): Promise<Answer> {
  const { text, isError = false, structured } = await tool.call(args, AbortSignal.timeout(60_000));
  assert.equal(structured, undefined);
  return { text, isError };
}

/** The memories that are files, as REST shows them. */
async function kept(app: HttpApp): Promise<Json[]> {
  const { memories } = await app.done(200, "GET", "/memories?limit=100&order=asc");
  return memories;
}

function textOf({ content, metadata }: Json): string {
  return content === "(empty file)" ? metadata.blank_text ?? content : content;
}

function treeOf(memories: Json[]): Map<string, string> {
  return new Map(memories.map((memory) => [memory.metadata.filename, textOf(memory)]));
}

/** What a person does with the memories by REST. */
async function meddle(app: HttpApp, tree: FileTree, random: () => number): Promise<void> {
  const memories = await kept(app);
  const memory = memories[below(random, memories.length)];
  if (memory === undefined) return;
  const { id, metadata: { filename } } = memory;
  if (random() < 0.3) {
    await app.done(204, "DELETE", `/memories/${id}`);
    return tree.remove(filename);
  }
  if (random() < 0.5) {
    await app.done(200, "PATCH", `/memories/${id}`, { json: { tags: ["a"], importance_score: 1 } });
    return;
  }
  const content = anyText(random) + "a person wrote this";
  await app.done(200, "PUT", `/memories/${id}`, { json: { content } });
  tree.overwrite(filename, content);
}

Deno.test(`calls by chance, several at once, give what a tree of files gives (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const tree = new FileTree();
  let seen = 0;
  await withApp(async (first) => {
    let app = first;
    let tool = memoryTool(app);
    for (let round = 0; round < ROUNDS; round++) {
      const known = [...tree.files().keys()];
      const calls = Array.from(
        { length: 1 + below(random, 8) },
        () => anyCall(random, known, true),
      );
      const answers = await Promise.all(calls.map((args) => call(tool, args)));
      for (const [at, args] of calls.entries()) {
        assert.deepEqual(answers[at], tree.answer(args), JSON.stringify(args));
      }
      seen += answers.filter(({ isError }) => !isError).length;
      if (random() < 0.2) await meddle(app, tree, random);
      const memories = await kept(app);
      assert.deepEqual(treeOf(memories), new Map([...tree.files()]));
      assert.equal(memories.length, tree.files().size, "no path is there twice");
      if (random() > 0.03) continue;
      await app.brain.close();
      app = new HttpApp({ disk: app.disk, clock: app.clock, firstId: 1000 * (round + 1) });
      await app.brain.open();
      tool = memoryTool(app);
    }
    if (app !== first) await app.brain.close();
  });
  assert.ok(seen > ROUNDS, `only ${seen} calls went well`);
});

Deno.test(`a text is found wherever it stands, as by a plain search (seed ${seed})`, () => {
  const random = randomOf(seed);
  const any = (most: number) =>
    Array.from({ length: 1 + below(random, most) }, () => "ab\n"[below(random, 3)]).join("");
  for (let n = 0; n < 5_000; n++) {
    const [text, before, after] = [any(12), any(5), any(3)];
    const tree = new FileTree();
    tree.overwrite("/memories/a", text);
    const asked = { command: "str_replace", path: "/memories/a", old_str: before, new_str: after };
    const { text: answer } = tree.answer(asked);
    const about = JSON.stringify({ text, before, after });
    try {
      const edited = replaced({ path: "/memories/a", text, before, after });
      assert.equal(edited.text, tree.files().get("/memories/a"), about);
      assert.ok(answer.endsWith(`(with line numbers):\n${edited.snippet}`), about);
    } catch (error) {
      assert.equal(error instanceof Error ? error.message : error, answer, about);
    }
  }
});
