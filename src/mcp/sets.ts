/**
 * The sets of tools by the names that an operator chooses them by. Only what is chosen is loaded.
 */
import type { Brain } from "../brain.ts";
import type { Tool, ToolSetName } from "./tool.ts";

const SETS: Readonly<Record<ToolSetName, (brain: Brain) => Promise<readonly Tool[]>>> = {
  default: async (brain) => (await import("./default.ts")).defaultTools(brain),
  reference: async (brain) => (await import("./reference.ts")).referenceTools(brain),
  chatgpt: async (brain) => (await import("./chatgpt.ts")).chatgptTools(brain),
  "claude-memory": async (brain) => (await import("./claude_memory.ts")).claudeMemoryTools(brain),
};

/** In the order of the names; a name that stands there twice counts once. */
export async function toolsOf(
  names: readonly ToolSetName[],
  brain: Brain,
): Promise<readonly Tool[]> {
  const sets = await Promise.all([...new Set(names)].map((name) => SETS[name](brain)));
  return sets.flat();
}
