/**
 * mem0's memories, as its clients and its exports give them: a list, or an object with one, in
 * either way of writing names. Who or what a memory is of stays in its metadata.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { idSchema } from "../memory.ts";
import { isLinesName } from "../export_reader.ts";
import { type Item, itemsOf, lineItems, unnamedItems } from "./json_files.ts";
import { fitTags, tagsOf, timeOf } from "./note_fields.ts";
import {
  checked,
  fault,
  type Found,
  idOf,
  skipped,
  type Source,
  type SourceFile,
  timeOfSeconds,
} from "./source.ts";

const SOURCE = "mem0";
const FILE = /\.(?:json|jsonl|ndjson)$/i;
const LISTS = ["results", "memories", "data"];
const TEXTS = ["memory", "content", "text", "data"] as const;
/** Of one search, or to be worked out again. */
const PASSING = ["score", "hash", "event", "messages", "embedding", "vector"];

const itemSchema = z.custom<JsonObject>(isJsonObject);

export const fromMem0: Source = async function* (files) {
  for await (const file of files) {
    if (!file.isOnly && !FILE.test(file.path)) {
      yield skipped(file.path, "is no JSON");
      continue;
    }
    for await (const item of itemsIn(file)) {
      if ("reason" in item) yield fault(file.path, item.reason);
      else yield recordOf(file.path, item.value);
    }
  }
};

function itemsIn(file: SourceFile): AsyncIterable<Item> {
  if (isLinesName(file.path)) return lineItems(file);
  return FILE.test(file.path) ? itemsOf(file, LISTS) : unnamedItems(file, LISTS);
}

function recordOf(where: string, value: unknown): Found {
  const parsed = itemSchema.safeParse(value);
  if (!parsed.success) return fault(where, "has a memory of another form");
  const fields = new Map(
    Object.entries(parsed.data).map(([name, field]) => [snakeCase(name), field] as const)
      .filter(([name, field]) => field !== null && !PASSING.includes(name)),
  );
  const named = TEXTS.find((name) => typeof fields.get(name) === "string");
  const content = named === undefined ? undefined : taken(fields, named);
  if (typeof content !== "string") return fault(where, "has a memory without text");
  const given = String(taken(fields, "id") ?? content);
  const id = idSchema.safeParse(given);
  const created = takenTime(fields, "created_at"), updated = takenTime(fields, "updated_at");
  const tags = takenTags(fields);
  const user = fields.get("user_id");
  return checked([where, given.trim().slice(0, 36)].filter(Boolean).join(": "), {
    id: id.success ? id.data : idOf(SOURCE, given),
    content,
    tags,
    metadata: metadataOf(fields),
    created_at: created ?? updated ?? null,
    updated_at: updated ?? created ?? null,
    // No field of a memory: by it, one user's can be picked.
    ...(user !== undefined && { user_id: user }),
  });
}

function taken(fields: Map<string, JsonValue>, name: string): JsonValue | undefined {
  const field = fields.get(name);
  fields.delete(name);
  return field;
}

/** Where it is no time, it stays with the other fields. */
function takenTime(fields: Map<string, JsonValue>, name: string): string | undefined {
  const value = fields.get(name);
  const inSeconds = typeof value === "number" ? value / 1000 : undefined;
  const time = timeOfSeconds(value) ?? timeOfSeconds(inSeconds) ?? timeOf(value);
  if (time !== undefined) fields.delete(name);
  return time;
}

/** Where a memory cannot have all of them as its tags, they stay with the other fields, too. */
function takenTags(fields: Map<string, JsonValue>): string[] {
  const categories = fields.get("categories");
  const tags = fitTags(tagsOf(categories));
  const all = Array.isArray(categories) ? new Set(categories).size : tags.length;
  if (tags.length === all) fields.delete("categories");
  return tags;
}

/**
 * As what comes by way of its own clients is kept, so that they find it as they left it. What the
 * metadata says otherwise than the memory itself is put aside.
 */
function metadataOf(fields: Map<string, JsonValue>): JsonObject {
  const metadata = fields.get("metadata");
  if (!isJsonObject(metadata)) return Object.fromEntries(fields);
  fields.delete("metadata");
  const aside = Object.entries(metadata).filter(([name, value]) =>
    fields.has(name) && JSON.stringify(fields.get(name)) !== JSON.stringify(value)
  );
  const all = { ...metadata, ...Object.fromEntries(fields) };
  if (aside.length === 0) return all;
  const before = Object.entries(all).filter(([name]) => name === SOURCE);
  return { ...all, [SOURCE]: Object.fromEntries([...before, ...aside]) };
}

/** Its client for JavaScript has names of its own way. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
