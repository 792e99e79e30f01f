/**
 * The forms that other programs keep memories in, and what becomes of them on the way in and out.
 * Pure: files come as bytes, and go as text; where they lie is the command line's to know.
 */
import { fromChatgpt } from "./formats/chatgpt.ts";
import { fromClaude } from "./formats/claude.ts";
import { fromMem0 } from "./formats/mem0.ts";
import { fromMarkdown, fromObsidian } from "./formats/notes.ts";
import { fromServerMemory } from "./formats/server_memory.ts";
import type { Source } from "./formats/source.ts";

export { toMarkdown } from "./formats/markdown.ts";
export { toServerMemory } from "./formats/server_memory.ts";
export type { LeftOut, SourceFile } from "./formats/source.ts";
export type { TargetFile } from "./formats/target.ts";

/** By the name that the command line has for them. */
export const SOURCES: Readonly<Record<string, Source>> = {
  mem0: fromMem0,
  "server-memory": fromServerMemory,
  chatgpt: fromChatgpt,
  claude: fromClaude,
  obsidian: fromObsidian,
  markdown: fromMarkdown,
};
