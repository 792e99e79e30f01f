/**
 * The shapes everything else speaks of: the memory, the change that is written to disk, and the
 * filter that a listing or a search is narrowed by. Nothing here touches a file, a clock or the
 * network.
 */
import { z } from "zod";
import { inspectJson, isJsonObject, jsonEqual, type JsonObject } from "./json.ts";

export const MEMORY_TYPES = ["semantic", "episodic", "procedural"] as const;
export type MemoryType = (typeof MEMORY_TYPES)[number];

/** The limits of one memory. "Characters" are Unicode code points, as in JSON Schema. */
export const LIMITS = {
  contentCharacters: 100_000,
  tags: 50,
  tagCharacters: 64,
  metadataBytes: 64 * 1024,
  metadataDepth: 16,
  embeddingDimensions: 8192,
} as const;

/** One memory as the state holds it. A memory is never changed in place: a change replaces it. */
export interface Memory {
  readonly id: string;
  readonly content: string;
  readonly memory_type: MemoryType;
  readonly importance_score: number;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  /** RFC 3339, UTC, milliseconds: so times compare as strings. */
  readonly created_at: string;
  readonly updated_at: string;
  /** Only where a client sent its own vector; it is data and as durable as the text. */
  readonly embedding?: Float32Array;
}

/** What a new memory is where its client says nothing. */
export const DEFAULTS = {
  memory_type: "semantic",
  importance_score: 0.5,
  tags: [],
  metadata: {},
} as const;

/** How often, and when last, `GET /memories/{id}` answered a memory. Kept apart from it, so that
 * reading neither rewrites a memory nor races with an update of it. */
export interface Access {
  readonly access_count: number;
  readonly last_accessed_at: string | null;
}

export const NEVER_ACCESSED: Access = { access_count: 0, last_accessed_at: null };

/** A memory with what was counted about it: what a reply and a line of the snapshot show. */
export interface Entry {
  readonly memory: Memory;
  readonly access: Access;
}

/** A memory as the request that asked for it to be made was answered. */
export interface Made extends Entry {
  /** It was there already. */
  readonly existing?: true;
}

/**
 * Proof that a request with an `Idempotency-Key` was carried out: written with its change, so that
 * a retry after a crash gets the same answer and has no second effect.
 */
export interface Receipt {
  /** SHA-256 of the key, hex: the key itself is the client's. */
  readonly key: string;
  /** SHA-256 of what was asked, hex: another request under the same key is refused. */
  readonly request: string;
  /** RFC 3339; a receipt is honoured for 24 hours. */
  readonly at: string;
  /** The reply to give again: a memory as it was answered, another JSON body, or nothing; or the
   * id of the memory, where that was deleted since. */
  readonly reply: Made | { readonly json: JsonObject } | { readonly deleted: string } | null;
}

/** One durable step of history: full-state and idempotent, so that it may be replayed. */
export type Change =
  | {
    readonly op: "put";
    readonly memory: Memory;
    /** Left out by an update, which must not touch how often the memory was read. */
    readonly access?: Access;
    /** It was there already, where `access` is given all the same. */
    readonly existing?: true;
    /** An update that changes the text. */
    readonly reworded?: true;
    readonly receipt?: Receipt;
  }
  | { readonly op: "delete"; readonly id: string; readonly receipt?: Receipt }
  | { readonly op: "access"; readonly accesses: readonly (readonly [string, Access])[] }
  | { readonly op: "receipt"; readonly receipt: Receipt }
  /** These are found by their meaning: for the first time since their texts were written. */
  | { readonly op: "embedded"; readonly ids: readonly string[] };

/** What narrows a listing or a search; every given part must hold. */
export interface MemoryFilter {
  readonly memory_type?: readonly MemoryType[] | undefined;
  /** All of these. */
  readonly tags?: readonly string[] | undefined;
  /** At least one of these. */
  readonly tags_any?: readonly string[] | undefined;
  readonly min_importance?: number | undefined;
  /** Inclusive. */
  readonly created_after?: string | undefined;
  /** Exclusive. */
  readonly created_before?: string | undefined;
  /** Equal values at top-level keys. */
  readonly metadata?: JsonObject | undefined;
}

/** A memory takes a little more than its text: field names, times, the journal's frame. */
const FRAME_BYTES = 512;

/** About how many bytes a memory takes on disk. */
export function sizeOf({ content, metadata, embedding }: Memory): number {
  return FRAME_BYTES + content.length + JSON.stringify(metadata).length +
    6 * (embedding?.length ?? 0);
}

/** The filter as a test; what does not depend on the memory is worked out once. */
export function matcher(filter: MemoryFilter): (memory: Memory) => boolean {
  const tests: ((memory: Memory) => boolean)[] = [];
  const { memory_type, tags, tags_any, min_importance, created_after, created_before } = filter;
  if (memory_type !== undefined) tests.push((m) => memory_type.includes(m.memory_type));
  if (tags !== undefined) tests.push((m) => tags.every((tag) => m.tags.includes(tag)));
  if (tags_any !== undefined) tests.push((m) => tags_any.some((tag) => m.tags.includes(tag)));
  if (min_importance !== undefined) tests.push((m) => m.importance_score >= min_importance);
  if (created_after !== undefined) tests.push((m) => m.created_at >= created_after);
  if (created_before !== undefined) tests.push((m) => m.created_at < created_before);
  for (const [key, wanted] of Object.entries(filter.metadata ?? {})) {
    tests.push((m) => {
      const value = Object.hasOwn(m.metadata, key) ? m.metadata[key] : undefined;
      return value !== undefined && jsonEqual(value, wanted);
    });
  }
  return (memory) => tests.every((test) => test(memory));
}

/** Code points, as JSON Schema's `maxLength` counts; `limit` spares walking what is far too long. */
function charactersUpTo(text: string, limit: number): boolean {
  if (text.length <= limit) return true;
  if (text.length > 2 * limit) return false;
  let characters = 0;
  for (const _ of text) characters++;
  return characters <= limit;
}

/** A string of 1 to `max` code points, not only white space; the JSON Schema says the same. */
export function textSchema(max: number) {
  return z.string()
    .refine((text) => /\S/.test(text), "must not be empty or only white space")
    .refine(
      (text) => charactersUpTo(text, max),
      `must have at most ${max.toLocaleString("en")} characters`,
    )
    .meta({ minLength: 1, maxLength: max, pattern: "\\S" });
}

/** What memories are looked for by. */
export const MOST_QUERY_CHARACTERS = 10_000;

/** RFC 3339 with any offset, kept as UTC with milliseconds. */
export const timeSchema = z.iso.datetime({
  offset: true,
  error: "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z",
})
  .transform((text, context) => {
    const time = new Date(text);
    // Years outside 0 to 9999 print longer and would no longer compare as strings.
    if (Number.isNaN(time.getTime()) || time.toISOString().length !== 24) {
      context.addIssue({ code: "custom", message: "must be a time within the years 0 to 9999" });
      return z.NEVER;
    }
    return time.toISOString();
  });

export const idSchema = z.uuid({ error: "must be a UUID" }).transform((id) => id.toLowerCase());

const tagsSchema = z.array(
  z.string().trim().pipe(textSchema(LIMITS.tagCharacters))
    .meta({ minLength: 1, maxLength: LIMITS.tagCharacters, pattern: "\\S" }),
)
  .max(LIMITS.tags, `must have at most ${LIMITS.tags} tags`)
  .transform((tags) => [...new Set(tags)]);

const metadataSchema = z.custom<JsonObject>(isJsonObject, "must be a JSON object")
  .refine(
    (value) => inspectJson(value).depth <= LIMITS.metadataDepth,
    { error: `must be at most ${LIMITS.metadataDepth} levels deep`, abort: true },
  )
  .refine(
    (value) => new TextEncoder().encode(JSON.stringify(value)).length <= LIMITS.metadataBytes,
    `must be at most ${LIMITS.metadataBytes} bytes of JSON`,
  )
  .meta({ type: "object" });

/** The largest of float32, and what is so small that it is a zero there. */
const FLOAT32 = { most: 3.4028235e38, zero: 2 ** -150 } as const;

/** A vector of our own kind, float32; what does not fit one, or has no direction, is refused. */
const embeddingSchema = z.array(
  z.number().meta({ minimum: -FLOAT32.most, maximum: FLOAT32.most }),
).min(1).max(LIMITS.embeddingDimensions)
  .transform((numbers, context) => {
    const vector = Float32Array.from(numbers);
    const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
    // A little above the largest, numbers would still be rounded down to it.
    const isOver = numbers.some((x) => Math.abs(x) > FLOAT32.most);
    if (isOver || !(norm > 0 && norm < Infinity)) {
      context.addIssue({
        code: "custom",
        message: "must be a vector of finite 32-bit floats that are not all zero",
      });
      return z.NEVER;
    }
    return vector;
  })
  .meta({
    contains: { anyOf: [{ exclusiveMinimum: FLOAT32.zero }, { exclusiveMaximum: -FLOAT32.zero }] },
  });

/** The fields a client may write, without defaults: POST, PUT, PATCH and import build on them. */
export const WRITABLE = {
  content: textSchema(LIMITS.contentCharacters).meta({
    description: "What is remembered. Kept byte for byte.",
    examples: ["The garden fence gets cedar posts, not pine."],
  }),
  memory_type: z.enum(MEMORY_TYPES).meta({
    description: "A fact (`semantic`), an event (`episodic`) or a way of doing (`procedural`).",
  }),
  importance_score: z.number().min(0).max(1).meta({ examples: [0.7] }),
  tags: tagsSchema.meta({
    description: "Trimmed, doubles dropped, order kept.",
    examples: [["house", "garden"]],
  }),
  metadata: metadataSchema.meta({
    description:
      `Any JSON object of at most 64 KiB and 16 levels. A string \`thread_id\` groups memories of ` +
      "one conversation or document.",
    examples: [{ source: "phone" }],
  }),
  embedding: embeddingSchema.meta({
    description: "A vector of the caller's own, used in place of the provider's. Kept as float32.",
  }),
} as const;

/** The conversation or document a memory belongs to, if any. */
export function threadOf(memory: Memory): string | undefined {
  const thread = memory.metadata["thread_id"];
  return typeof thread === "string" && thread !== "" ? thread : undefined;
}
