/** The tools that change something: add, update, delete. */
import { z } from "zod";
import type { Brain } from "../../brain.ts";
import { AppError } from "../../errors.ts";
import type { Retriable } from "../../idempotency.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Precondition } from "../../memories.ts";
import { type Entry, idSchema, type Made, WRITABLE } from "../../memory.ts";
import { revisionOf } from "../../revision.ts";
import type { Tool, ToolResult } from "../tool.ts";
import { defineTool } from "./arguments.ts";
import { idempotencyKeySchema } from "./question.ts";

const { content, memory_type, importance_score, tags, metadata } = WRITABLE;

const revisionSchema = z.string().max(100)
  // As an ETag it comes in quotation marks.
  .transform((text) => text.replace(/^(?:W\/)?"(.*)"$/, "$1"))
  .refine((text) => /^[\w-]{27}$/.test(text), "must be a revision as memory_get gives it");

const RETRY = {
  idempotency_key: idempotencyKeySchema.optional().meta({
    description: "Same key again: one effect.",
  }),
} as const;

const GUARD = {
  expected_revision: revisionSchema.optional().meta({
    description: "Refuse if changed since memory_get.",
  }),
} as const;

export function writingTools(brain: Brain): readonly Tool[] {
  return [addTool(brain), updateTool(brain), deleteTool(brain)];
}

function addTool({ memories }: Brain): Tool {
  return defineTool({
    name: "memory_add",
    description: "Remember something: one self-contained fact, event or how-to.",
    scope: "write",
    hints: { destructiveHint: false, idempotentHint: false },
    args: z.object({
      content: content.meta({ description: "In words that stand alone." }),
      memory_type: memory_type.default("semantic").meta({
        description: "Fact, event or way of doing.",
      }),
      importance_score: importance_score.default(0.5),
      tags: tags.default([]).meta({ description: undefined }),
      metadata: metadata.default({}).meta({ description: undefined }),
      on_duplicate: z.enum(["create", "return"]).default("create").meta({
        description: "return: if the same text is there, keep that one.",
      }),
      ...RETRY,
    }),
    async run({ on_duplicate, idempotency_key, ...memory }) {
      const asked = retriable("memory_add", idempotency_key, { on_duplicate, ...memory });
      const made: Made = on_duplicate === "return"
        ? await memories.createOnce(memory, asked)
        : await memories.create(memory, asked);
      return made.existing
        ? written("It is remembered already, as", made, { created: false })
        : written("Remembered as", made, { created: true });
    },
  });
}

function updateTool({ memories }: Brain): Tool {
  return defineTool({
    name: "memory_update",
    description: "Change a memory; what is left out stays.",
    scope: "write",
    hints: { destructiveHint: true, idempotentHint: true },
    args: z.object({
      id: idSchema,
      content: z.exactOptional(content.meta({ description: undefined })),
      memory_type: z.exactOptional(memory_type.meta({ description: undefined })),
      importance_score: z.exactOptional(importance_score),
      tags: z.exactOptional(tags.meta({ description: "Replace the old ones." })),
      metadata: z.exactOptional(metadata.meta({ description: "Merged; null removes a key." })),
      ...GUARD,
      ...RETRY,
    }),
    async run({ id, expected_revision, idempotency_key, ...fields }) {
      if (Object.keys(fields).length === 0) {
        throw new AppError(
          "invalid",
          "Cannot call memory_update: nothing is to be changed; " +
            "send content, memory_type, importance_score, tags or metadata",
        );
      }
      const asked = retriable("memory_update", idempotency_key, {
        id,
        expected_revision: expected_revision ?? null,
        ...fields,
      });
      const entry = await memories.patch(id, fields, isRevision(expected_revision), asked);
      return written("Changed", entry, {});
    },
  });
}

function deleteTool({ memories }: Brain): Tool {
  return defineTool({
    name: "memory_delete",
    description: "Forget a memory for good.",
    scope: "write",
    hints: { destructiveHint: true, idempotentHint: true },
    args: z.object({ id: idSchema, ...GUARD, ...RETRY }),
    async run({ id, expected_revision, idempotency_key }) {
      const asked = retriable("memory_delete", idempotency_key, {
        id,
        expected_revision: expected_revision ?? null,
      });
      await memories.delete(id, isRevision(expected_revision), asked);
      return { text: `Deleted ${id}.`, structured: { id, deleted: true } };
    },
  });
}

/** Undefined where the caller sent no key. */
function retriable(tool: string, key: string | undefined, args: JsonObject): Retriable | undefined {
  if (key === undefined) return undefined;
  return { key, request: () => JSON.stringify(["mcp", tool, args], inOrder) };
}

/** A model that tries again writes the same in another order. */
function inOrder(_key: string, value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
}

function isRevision(expected: string | undefined): Precondition {
  return (memory) => expected === undefined || revisionOf(memory) === expected;
}

function written(what: string, { memory }: Entry, more: JsonObject): ToolResult {
  const revision = revisionOf(memory);
  return {
    text: `${what} ${memory.id}, revision ${revision}.`,
    structured: { id: memory.id, ...more, revision, updated_at: memory.updated_at },
  };
}
