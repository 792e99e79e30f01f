/** A memory with the given content; the rest is as plain as can be. */
import type { Memory } from "../src/memory.ts";

export function noted(id: string, content: string, more: Partial<Memory> = {}): Memory {
  return {
    id,
    content,
    memory_type: "semantic",
    importance_score: 0.5,
    tags: [],
    metadata: {},
    created_at: "2024-05-01T10:00:00.000Z",
    updated_at: "2024-05-01T10:00:00.000Z",
    ...more,
  };
}
