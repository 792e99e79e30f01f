/**
 * Memories without a vector, as snapshots and exports hold them, told from anything else by hand.
 * Nearly all are such, and a schema takes longer for one than its parsing, and leaves behind what
 * the collector comes to late. Whatever is not exactly so is left for a schema to judge.
 */
import { isJsonObject } from "./json.ts";
import { type Access, type Entry, type Memory, MEMORY_TYPES, NEVER_ACCESSED } from "./memory.ts";

/** What the value says; undefined where it has not just the fields of a memory and its access. */
export function plainEntry(value: unknown): Entry | undefined {
  if (!isPlainEntry(value)) return undefined;
  const { access_count, last_accessed_at } = value;
  return {
    memory: {
      id: value.id,
      content: value.content,
      memory_type: value.memory_type,
      importance_score: value.importance_score,
      tags: value.tags,
      metadata: value.metadata,
      created_at: value.created_at,
      // Most memories are never changed: one string is enough for both times.
      updated_at: value.updated_at === value.created_at ? value.created_at : value.updated_at,
    },
    access: Object.is(access_count, 0) && last_accessed_at === null
      ? NEVER_ACCESSED
      : { access_count, last_accessed_at },
  };
}

type PlainEntry = Omit<Memory, "embedding"> & Access;
type Unknowns = { readonly [Key in keyof PlainEntry]?: unknown };

const PLAIN_FIELDS = 10;

function isPlainEntry(value: unknown): value is PlainEntry {
  if (!isJsonObject(value)) return false;
  let fields = 0;
  for (const _ in value) fields++;
  const entry: Unknowns = value;
  return fields === PLAIN_FIELDS &&
    typeof entry.id === "string" && entry.id !== "" &&
    typeof entry.content === "string" &&
    MEMORY_TYPES.some((type) => type === entry.memory_type) &&
    Number.isFinite(entry.importance_score) &&
    Array.isArray(entry.tags) && entry.tags.every((tag) => typeof tag === "string") &&
    isJsonObject(entry.metadata) &&
    typeof entry.created_at === "string" &&
    typeof entry.updated_at === "string" &&
    isCount(entry.access_count) &&
    (entry.last_accessed_at === null || typeof entry.last_accessed_at === "string");
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
