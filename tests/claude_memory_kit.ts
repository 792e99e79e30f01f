/** Claude's memory tool over a brain of its own, and the calls that tests make of it. */
import { claudeMemoryTools } from "../src/mcp/claude_memory.ts";
import { type HttpApp, type Json, type Setup, withApp } from "./http_app.ts";

export const A = "/memories/a.md";

/** Gives the text, or an object with the text of an error. */
type Memory = (args: Json) => Promise<Json>;

export async function withMemory(
  test: (memory: Memory, app: HttpApp) => Promise<void>,
  setup: Setup = {},
): Promise<void> {
  await withApp(async (app) => {
    const [tool] = claudeMemoryTools(app.brain);
    await test(async (args) => {
      const result = await tool?.call(args, new AbortController().signal);
      return result?.isError ? { error: result.text } : result?.text;
    }, app);
  }, setup);
}

export function create(path: string, file_text: string): Json {
  return { command: "create", path, file_text };
}

export function view(path: string, view_range?: [number, number]): Json {
  return { command: "view", path, ...(view_range && { view_range }) };
}

/** The text of a file, without the numbers of its lines. */
export async function textAt(memory: Memory, path: string): Promise<string> {
  const [_head, ...lines] = (await memory(view(path))).split("\n");
  return lines.map((line: string) => line.slice(7)).join("\n");
}
