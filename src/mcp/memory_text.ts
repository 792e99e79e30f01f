/**
 * Memories as a model reads them, and the same as data. What a memory says stands behind a mark on
 * each of its lines, so that it can pass neither for another memory nor for something we say; in
 * the data it stands in strings.
 *
 *     [2026-01-31T12:00Z 0190a5f0-7c3e-7b21-9d4f-3e8a61c2b5d7]
 *     > The garden fence gets cedar posts, not pine.
 */
import type { JsonObject, JsonValue } from "../json.ts";
import type { Entry } from "../memory.ts";
import { quotedLines } from "../quoted_lines.ts";
import { revisionOf } from "../revision.ts";

export const RESPONSE_FORMATS = ["concise", "detailed"] as const;
export type ResponseFormat = (typeof RESPONSE_FORMATS)[number];

/** Among others a memory is cut here. */
const LISTED_CHARACTERS = { concise: 1_000, detailed: 10_000 } as const;
/** And its metadata is left out, where that takes more. */
const LISTED_METADATA_CHARACTERS = 2_000;

/** The beginning of a content that is long; undefined where it is short. */
function beginningOf(content: string, format: ResponseFormat): string | undefined {
  const most = LISTED_CHARACTERS[format];
  if (content.length <= most) return undefined;
  const cut = content.slice(0, most);
  // A character may be two units long: none is cut in halves.
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}

/** One of several memories. */
export function listedText({ memory }: Entry, format: ResponseFormat, note = ""): string {
  const beginning = beginningOf(memory.content, format);
  const notes = [
    ...(note === "" ? [] : [note]),
    ...(format === "detailed" ? [detailsOf(memory)] : []),
    ...(beginning === undefined ? [] : ["only its beginning"]),
  ];
  return framed(memory, beginning === undefined ? memory.content : `${beginning} …`, notes);
}

/** The one memory that was asked for: whole. */
export function wholeText({ memory }: Entry, format: ResponseFormat): string {
  const { metadata } = memory;
  const details = format === "concise"
    ? []
    : [detailsOf(memory), `metadata ${inOneLine(metadata)}`];
  return framed(memory, memory.content, [...details, `revision ${revisionOf(memory)}`]);
}

function framed(
  { id, created_at }: Entry["memory"],
  text: string,
  notes: readonly string[],
): string {
  const head = [`[${created_at.slice(0, 16)}Z ${id}]`, ...notes].join(" ");
  return [head, ...quotedLines(text)].join("\n");
}

function detailsOf({ memory_type, importance_score, tags }: Entry["memory"]): string {
  const listed = tags.length === 0 ? "" : `, tags ${inOneLine(tags)}`;
  return `(${memory_type}, importance ${importance_score}${listed})`;
}

/** What else a client wrote: as JSON without any end of a line, it cannot leave its place. */
function inOneLine(value: JsonValue): string {
  return JSON.stringify(value).replaceAll(
    /[\u0085\u2028\u2029]/g,
    (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One of several memories, as data. */
export function listedData(entry: Entry, format: ResponseFormat): JsonObject {
  const { memory } = entry;
  const beginning = beginningOf(memory.content, format);
  const shown = {
    content: beginning ?? memory.content,
    ...(beginning !== undefined && { is_beginning: true }),
  };
  if (format === "concise") return { id: memory.id, ...shown, created_at: memory.created_at };
  const { metadata = {}, ...rest } = wholeData(entry, format);
  const isShort = JSON.stringify(metadata).length <= LISTED_METADATA_CHARACTERS;
  return { ...rest, ...shown, ...(isShort ? { metadata } : { metadata_left_out: true }) };
}

/** The one memory that was asked for, as data. */
export function wholeData({ memory, access }: Entry, format: ResponseFormat): JsonObject {
  const { id, content, created_at, updated_at, tags, metadata } = memory;
  const revision = revisionOf(memory);
  if (format === "concise") return { id, content, created_at, tags, revision };
  return {
    id,
    content,
    memory_type: memory.memory_type,
    importance_score: memory.importance_score,
    tags,
    metadata,
    created_at,
    updated_at,
    last_accessed_at: access.last_accessed_at,
    access_count: access.access_count,
    revision,
  };
}
