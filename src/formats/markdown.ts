/**
 * A memory as a Markdown file, and back, with nothing lost:
 *
 *     ---
 *     id: 01990000-0000-7000-8000-000000000001
 *     memory_type: semantic
 *     importance_score: 0.5
 *     tags:
 *       - house
 *     created_at: 2026-01-31T12:00:00.000Z
 *     updated_at: 2026-01-31T12:00:00.000Z
 *     ---
 *     The garden fence gets cedar posts, not pine.
 *
 * The text stands behind the front matter byte for byte: no blank line before it, no line feed
 * behind it that is not its own.
 */
import { type Entry, idSchema, MEMORY_TYPES } from "../memory.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { plainNumbers } from "../vector_text.ts";
import { FileNames } from "./file_name.ts";
import { type Note, noteText } from "./front_matter.ts";
import { numberOf, tagsOf } from "./note_fields.ts";
import type { FolderTarget } from "./target.ts";

/** What an import takes by these names; anything else in a file of ours somebody wrote there. */
const FIELDS: readonly string[] = [
  "id",
  "memory_type",
  "importance_score",
  "tags",
  "metadata",
  "created_at",
  "updated_at",
  "access_count",
  "last_accessed_at",
  "embedding",
];

/** One file for each, in a folder for each month. */
export const toMarkdown: FolderTarget = async function* (entries) {
  const names = new FileNames();
  for await (const entry of entries) {
    yield { path: names.of(entry.memory), text: markdownOf(entry) };
  }
};

function markdownOf({ memory, access }: Entry): string {
  const { id, content, memory_type, importance_score, tags, metadata } = memory;
  const { created_at, updated_at, embedding } = memory;
  const { access_count, last_accessed_at } = access;
  return noteText({
    id,
    memory_type,
    importance_score,
    ...(tags.length > 0 && { tags }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
    created_at,
    updated_at,
    ...(access_count > 0 && { access_count }),
    ...(last_accessed_at !== null && { last_accessed_at }),
    ...(embedding && { embedding: plainNumbers(embedding) }),
  }, content);
}

/** The record of a file that an export wrote; undefined where none did. */
export function ownRecord({ fields, body }: Note): JsonObject | undefined {
  if (fields === undefined || !isOwn(fields)) return undefined;
  const known = Object.entries(fields).filter(([name]) => FIELDS.includes(name));
  const added = Object.entries(fields).filter(([name, value]) =>
    !FIELDS.includes(name) && value !== null
  );
  const record = { ...Object.fromEntries(known), ...edited(fields), content: body };
  return added.length === 0 ? record : { ...record, metadata: withAdded(record, added) };
}

function isOwn(fields: JsonObject): boolean {
  return idSchema.safeParse(fields["id"]).success && typeof fields["created_at"] === "string" &&
    MEMORY_TYPES.some((type) => type === fields["memory_type"]);
}

/** People and their editors have forms of their own: tags without quotes, `0.50`. */
function edited({ tags, importance_score }: JsonObject): JsonObject {
  const isOurs = Array.isArray(tags) && tags.every((tag) => typeof tag === "string");
  const importance = numberOf(importance_score);
  return {
    ...(!isOurs && tags !== undefined && { tags: tagsOf(tags) }),
    ...(importance !== undefined && { importance_score: importance }),
  };
}

/** What stands in the metadata already is not put aside for it. */
function withAdded(record: JsonObject, added: readonly (readonly [string, JsonValue])[]) {
  const metadata = record["metadata"];
  return { ...Object.fromEntries(added), ...(isJsonObject(metadata) ? metadata : {}) };
}
