/**
 * A change as JSON on disk, in journal and snapshot alike. Field names are the API's, so that a
 * person can read the files, and every value is whole: nothing refers to an earlier line.
 *
 *     {"op":"put","memory":{"id":"0199…","content":"…","memory_type":"semantic",…}}
 *     {"op":"delete","id":"0199…"}
 *     {"op":"access","accesses":[["0199…",{"access_count":3,"last_accessed_at":"2026-…"}]]}
 *     {"op":"embedded","ids":["0199…"]}
 *
 * A vector of the client's own is base64 of little-endian float32: bit-exact, a quarter of the size.
 */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../json.ts";
import {
  type Access,
  type Change,
  type Entry,
  type Memory,
  MEMORY_TYPES,
  type Receipt,
} from "../memory.ts";
import { plainEntry } from "../plain_entry.ts";

/** What one line of a journal says: a change, or a step of an import (see `StagedImport`). */
export type JournalRecord =
  | Change
  | { readonly op: "stage"; readonly unit: string; readonly changes: readonly Change[] }
  | { readonly op: "commit"; readonly unit: string; readonly count: number };

const accessSchema = z.strictObject({
  access_count: z.int().min(0),
  last_accessed_at: z.string().nullable(),
});

const vectorSchema = z.base64().transform((text, context) => {
  const bytes = Buffer.from(text, "base64");
  if (bytes.length === 0 || bytes.length % 4 !== 0) {
    context.addIssue({ code: "custom", message: "must be base64 of 32-bit floats" });
    return z.NEVER;
  }
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(4 * i);
  return vector;
});

/** Deliberately looser than the API's limits: a limit that shrinks must not orphan old data. */
const memorySchema = z.strictObject({
  id: z.string().min(1),
  content: z.string(),
  memory_type: z.enum(MEMORY_TYPES),
  importance_score: z.number(),
  tags: z.array(z.string()),
  metadata: z.custom<JsonObject>(isJsonObject, "must be an object"),
  created_at: z.string(),
  updated_at: z.string(),
  embedding: z.exactOptional(vectorSchema),
});

/** A line of the snapshot: a memory with its access fields beside the rest. */
const entrySchema = memorySchema.extend(accessSchema.shape).transform(
  ({ access_count, last_accessed_at, ...memory }): Entry => ({
    memory,
    access: { access_count, last_accessed_at },
  }),
);

const receiptSchema = z.strictObject({
  key: z.string(),
  request: z.string(),
  at: z.string(),
  reply: z.union([
    z.strictObject({
      memory: memorySchema,
      access: accessSchema,
      existing: z.exactOptional(z.literal(true)),
    }),
    z.strictObject({ json: z.custom<JsonObject>(isJsonObject) }),
    z.strictObject({ deleted: z.string() }),
    z.null(),
  ]),
});

const changeSchema = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("put"),
    memory: memorySchema,
    access: z.exactOptional(accessSchema),
    existing: z.exactOptional(z.literal(true)),
    reworded: z.exactOptional(z.literal(true)),
    receipt: z.exactOptional(receiptSchema),
  }),
  z.strictObject({
    op: z.literal("delete"),
    id: z.string(),
    receipt: z.exactOptional(receiptSchema),
  }),
  z.strictObject({
    op: z.literal("access"),
    accesses: z.array(z.tuple([z.string(), accessSchema])),
  }),
  z.strictObject({ op: z.literal("receipt"), receipt: receiptSchema }),
  z.strictObject({ op: z.literal("embedded"), ids: z.array(z.string()) }),
]);

const recordSchema = z.discriminatedUnion("op", [
  ...changeSchema.options,
  z.strictObject({ op: z.literal("stage"), unit: z.string(), changes: z.array(changeSchema) }),
  z.strictObject({ op: z.literal("commit"), unit: z.string(), count: z.int().min(0) }),
]);

/**
 * Throws where the text is no record of ours. What was accepted once is not judged again as a
 * request would be: a rule that grows stricter must not orphan old data.
 */
export function decodeRecord(text: string): JournalRecord {
  return recordSchema.parse(JSON.parse(text));
}

export function decodeEntry(value: unknown): Entry {
  return plainEntry(value) ?? entrySchema.parse(value);
}

export function decodeReceipt(value: unknown): Receipt {
  return receiptSchema.parse(value);
}

export function encodeRecord(record: JournalRecord): string {
  if (record.op !== "stage") return JSON.stringify(plainChange(record));
  return JSON.stringify({ ...record, changes: record.changes.map(plainChange) });
}

export function encodeEntry({ memory, access }: Entry): string {
  // Two objects' texts put together: an object of both, for each of many, took twice as long.
  const plain = memory.embedding === undefined ? memory : plainMemory(memory);
  return `${JSON.stringify(plain).slice(0, -1)},${JSON.stringify(plainAccess(access)).slice(1)}`;
}

export function encodeReceipt(receipt: Receipt): string {
  return JSON.stringify(plainReceipt(receipt));
}

function plainChange(record: Exclude<JournalRecord, { op: "stage" }>): unknown {
  switch (record.op) {
    case "put":
      return {
        op: "put",
        memory: plainMemory(record.memory),
        access: record.access,
        existing: record.existing,
        reworded: record.reworded,
        receipt: record.receipt && plainReceipt(record.receipt),
      };
    case "delete":
      return { ...record, receipt: record.receipt && plainReceipt(record.receipt) };
    case "receipt":
      return { op: "receipt", receipt: plainReceipt(record.receipt) };
    case "access":
    case "embedded":
    case "commit":
      return record;
  }
}

function plainReceipt(receipt: Receipt): unknown {
  const { reply } = receipt;
  if (reply === null || !("memory" in reply)) return receipt;
  return { ...receipt, reply: { ...reply, memory: plainMemory(reply.memory) } };
}

function plainMemory({ embedding, ...rest }: Memory): Record<string, unknown> {
  return embedding === undefined ? rest : { ...rest, embedding: base64(embedding) };
}

function plainAccess({ access_count, last_accessed_at }: Access): Access {
  return { access_count, last_accessed_at };
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  vector.forEach((value, i) => bytes.writeFloatLE(value, 4 * i));
  return bytes.toString("base64");
}
