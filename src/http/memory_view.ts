/** A memory as replies show it, and the tag that says which version of it a client has seen. */
import { z } from "zod";
import { type Entry, type Memory, MEMORY_TYPES } from "../memory.ts";
import { revisionOf } from "../revision.ts";
import { plainNumbers } from "../vector_text.ts";

const timeSchema = z.string().meta({ format: "date-time" });

export const memorySchema = z.strictObject({
  id: z.string().meta({ format: "uuid" }),
  content: z.string().meta({ examples: ["The garden fence gets cedar posts, not pine."] }),
  memory_type: z.enum(MEMORY_TYPES),
  importance_score: z.number().min(0).max(1),
  tags: z.array(z.string()),
  metadata: z.unknown().meta({ type: "object" }),
  created_at: timeSchema,
  updated_at: timeSchema,
  last_accessed_at: timeSchema.nullable(),
  access_count: z.int().min(0),
  embedding: z.array(z.number()).optional().meta({
    description: "Only where asked for, and once it is there.",
  }),
}).meta({ id: "Memory" });

export type MemoryView = z.infer<typeof memorySchema>;

export function memoryView({ memory, access }: Entry, embedding?: Float32Array): MemoryView {
  return {
    id: memory.id,
    content: memory.content,
    memory_type: memory.memory_type,
    importance_score: memory.importance_score,
    tags: [...memory.tags],
    metadata: memory.metadata,
    created_at: memory.created_at,
    updated_at: memory.updated_at,
    last_accessed_at: access.last_accessed_at,
    access_count: access.access_count,
    ...(embedding && { embedding: plainNumbers(embedding) }),
  };
}

/** A strong ETag (RFC 9110) over what a client can write; reading a memory does not change it. */
export function etag(memory: Memory): string {
  return `"${revisionOf(memory)}"`;
}

/** `If-Match` (RFC 9110, 13.1.1): `*`, or strong tags of which one must be the memory's. */
export function ifMatch(request: Request): (memory: Memory) => boolean {
  const header = request.headers.get("if-match");
  if (header === null || header.trim() === "*") return () => true;
  const tags = header.split(",").map((tag) => tag.trim());
  return (memory) => tags.includes(etag(memory));
}
