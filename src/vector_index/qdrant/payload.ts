/**
 * What lies beside a vector in Qdrant: just what filters look at, and the two hashes that tell
 * whether it is as the state has it. No text, and of metadata hashes only:
 *
 *     {"brain": "0198…", "memory_id": "0199…", "chunk": 0, "chunks": 1,
 *      "content_hash": "mNqhLz7R3bUvDPz9y0mZ6Q", "fields_hash": "Xq1x0c7G2rD4hW8bqv5VDA",
 *      "memory_type": "semantic", "tags": ["house"], "importance": 0.7,
 *      "created_at": "2026-01-31T12:00:00.000Z", "metadata": ["4b8mF3nS6kL0pQ2rT9vXyA"]}
 */
import { hash } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { Memory } from "../../memory.ts";
import { Pace } from "../../pace.ts";
import { compareKeys } from "../../selection.ts";
import type { Source } from "../../vector_index.ts";
import type { Restamped, Stamp } from "./points.ts";

/** Of what goes into the hashes: another one makes every point stale. */
const VERSION = 1;

/** SHA-256, cut to 128 bits: 22 characters. */
const HASH_CHARACTERS = 22;

/** The part that can change while the vector stays. A type: to the client it is any object. */
export type FieldsPayload = {
  readonly fields_hash: string;
  readonly memory_type: string;
  readonly tags: readonly string[];
  readonly importance: number;
  readonly created_at: string;
  readonly metadata: readonly string[];
};

/** Of a point that is new or replaced. */
export type PointPayload = FieldsPayload & {
  readonly brain: string;
  readonly memory_id: string;
  readonly chunk: number;
  readonly chunks: number;
  readonly content_hash: string;
};

export function stampOf(memory: Memory, source: Source, model: string | null): Stamp {
  return { contentHash: contentHash(source, model), fieldsHash: fieldsHash(memory) };
}

function contentHash(source: Source, model: string | null): string {
  const isText = typeof source === "string";
  const head = JSON.stringify([VERSION, model, isText ? "text" : "vector"]);
  if (isText) return shortHash(`${head}\n${source}`);
  return shortHash(`${head}\n${hash("sha256", bytesOf(source), "hex")}`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function fieldsHash(memory: Memory): string {
  const { memory_type, tags, importance_score, created_at, metadata } = memory;
  return shortHash(
    canonicalJson([VERSION, memory_type, tags, importance_score, created_at, metadata]),
  );
}

/** Metadata may have thousands of keys, so this lets others run between them. */
export async function fieldsPayload({ memory, stamp }: Restamped): Promise<FieldsPayload> {
  const pace = new Pace();
  const metadata: string[] = [];
  for (const [key, value] of Object.entries(memory.metadata)) {
    metadata.push(metadataToken(key, value));
    if (pace.due) await pace.breathe();
  }
  return {
    fields_hash: stamp.fieldsHash,
    memory_type: memory.memory_type,
    tags: memory.tags,
    importance: memory.importance_score,
    created_at: memory.created_at,
    metadata,
  };
}

/**
 * Stands for one key with one value: equal exactly where both are. So any JSON value under any key
 * is found by one exact match on one payload index, and no key can reach into Qdrant's paths.
 */
export function metadataToken(key: string, value: JsonValue): string {
  return shortHash(canonicalJson([key, value]));
}

/** The same text exactly for values that `jsonEqual` takes for the same. */
export function canonicalJson(value: JsonValue): string {
  if (isJsonObject(value)) return canonicalObject(value);
  if (!Array.isArray(value)) return JSON.stringify(value);
  return `[${value.map(canonicalJson).join(",")}]`;
}

function canonicalObject(value: JsonObject): string {
  const parts = Object.entries(value)
    .sort(([a], [b]) => compareKeys(a, b))
    .map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`);
  return `{${parts.join(",")}}`;
}

function shortHash(text: string): string {
  const whole = hash("sha256", text, "base64url");
  const half = HASH_CHARACTERS / 2;
  // Joined, it is a string of its own: as a part of the whole it would keep that in memory.
  return [whole.slice(0, half), whole.slice(half, HASH_CHARACTERS)].join("");
}
