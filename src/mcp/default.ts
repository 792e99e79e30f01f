/**
 * The seven tools of this brain's own: what the REST API does, with the same rules, in words and
 * amounts that suit a language model.
 */
import type { Brain } from "../brain.ts";
import { readingTools } from "./default/reading.ts";
import { writingTools } from "./default/writing.ts";
import type { Tool } from "./tool.ts";

export function defaultTools(brain: Brain): readonly Tool[] {
  return [...readingTools(brain), ...writingTools(brain)];
}
