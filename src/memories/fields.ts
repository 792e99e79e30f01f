/** What an update makes of a memory's fields: those sent replace, or are merged. Pure. */
import { AppError } from "../errors.ts";
import { type JsonObject, mergePatch } from "../json.ts";
import { DEFAULTS, type Memory, WRITABLE } from "../memory.ts";

/** Fields to replace; `embedding: null` gives the memory back to the provider. */
export type MemoryFields =
  & Partial<
    Pick<Memory, "content" | "memory_type" | "importance_score" | "tags" | "metadata">
  >
  & { readonly embedding?: Float32Array | null };

/** As `MemoryFields`, but `metadata` is merged, and a null puts a field back to its default. */
export type MemoryPatch = {
  readonly [K in keyof MemoryFields]?: MemoryFields[K] | (K extends "content" ? never : null);
};

/** A vector belongs to its text: with new text and no new vector, the old one goes. */
export function withFields(memory: Memory, fields: MemoryFields): Memory {
  const { embedding: own, ...rest } = memory;
  const { embedding: sent, ...given } = fields;
  const changed = given.content !== undefined && given.content !== memory.content;
  const embedding = sent === undefined ? (changed ? undefined : own) : sent ?? undefined;
  return { ...rest, ...given, ...(embedding && { embedding }) };
}

export function patchedFields(memory: Memory, patch: MemoryPatch): MemoryFields {
  const fields: MemoryFields = {
    ...(patch.content !== undefined && { content: patch.content }),
    ...(patch.memory_type !== undefined &&
      { memory_type: patch.memory_type ?? DEFAULTS.memory_type }),
    ...(patch.importance_score !== undefined &&
      { importance_score: patch.importance_score ?? DEFAULTS.importance_score }),
    ...(patch.tags !== undefined && { tags: patch.tags ?? DEFAULTS.tags }),
    ...(patch.embedding !== undefined && { embedding: patch.embedding }),
  };
  if (patch.metadata === undefined) return fields;
  if (patch.metadata === null) return { ...fields, metadata: DEFAULTS.metadata };
  return { ...fields, metadata: mergedMetadata(memory.metadata, patch.metadata) };
}

function mergedMetadata(metadata: JsonObject, patch: JsonObject): JsonObject {
  const merged = WRITABLE.metadata.safeParse(mergePatch(metadata, patch));
  if (merged.success) return merged.data;
  const message = merged.error.issues[0]?.message ?? "is not valid";
  throw new AppError("invalid", `Cannot merge the metadata: the result ${message}`, {
    errors: [{ path: "/metadata", message }],
  });
}
