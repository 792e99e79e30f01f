/** The seven tools of this brain's own. */
import type { Brain } from "../brain.ts";
import type { Tool } from "./tool.ts";

export function defaultTools(_brain: Brain): readonly Tool[] {
  return [];
}
