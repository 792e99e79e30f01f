/**
 * What people and their editors write into front matter, as the fields of a memory: tags in any of
 * their forms, times under any of their names. What is not understood stays in the metadata.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { LIMITS, MEMORY_TYPES } from "../memory.ts";

const CREATED = ["created_at", "created", "date created", "created-at", "date"] as const;
const UPDATED = [
  "updated_at",
  "updated",
  "modified",
  "date modified",
  "last_modified",
  "updated-at",
] as const;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?)? ?(Z|[+-]\d\d:?\d\d)?$/i;
const NUMBER = /^\d*\.?\d+$/;

export interface NoteFields {
  readonly tags: readonly string[];
  readonly created: string | undefined;
  readonly updated: string | undefined;
  readonly memory_type: string | undefined;
  readonly importance_score: number | undefined;
  /** Everything that none of the others says. */
  readonly others: JsonObject;
}

export function noteFields(fields: JsonObject): NoteFields {
  const others = new Map(Object.entries(fields).filter(([, value]) => value !== null));
  const tags = takeTags(others);
  const created = takeTime(others, CREATED), updated = takeTime(others, UPDATED);
  const type = others.get("memory_type"), importance = numberOf(others.get("importance_score"));
  const isType = MEMORY_TYPES.some((known) => known === type);
  const isImportance = importance !== undefined && importance >= 0 && importance <= 1;
  if (isType) others.delete("memory_type");
  if (isImportance) others.delete("importance_score");
  return {
    tags,
    created,
    updated,
    memory_type: isType && typeof type === "string" ? type : undefined,
    importance_score: isImportance ? importance : undefined,
    others: Object.fromEntries(others),
  };
}

/** Also one that is not written as JSON has it, such as `0.50`. */
export function numberOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMBER.test(value) ? Number(value) : undefined;
}

/** A list, or words between commas or blanks; with or without the sign before them. */
export function tagsOf(value: JsonValue | undefined): string[] {
  const words = typeof value === "string" ? value.split(value.includes(",") ? "," : /\s+/) : value;
  if (!Array.isArray(words)) return typeof words === "number" ? [String(words)] : [];
  return words.filter((word) => word !== null && !isJsonObject(word) && !Array.isArray(word))
    .map((word) => String(word).trim().replace(/^#+/, "").trim())
    .filter((word) => word !== "");
}

/** Those that a memory takes as its tags; the more there are, the later ones are left. */
export function fitTags(tags: readonly string[]): string[] {
  const fit = tags.filter((tag) => [...tag].length <= LIMITS.tagCharacters);
  return [...new Set(fit)].slice(0, LIMITS.tags);
}

function takeTags(others: Map<string, JsonValue>): string[] {
  const found: string[] = [];
  for (const name of ["tags", "tag"]) {
    const value = others.get(name);
    const tags = tagsOf(value);
    const fit = fitTags(tags);
    found.push(...fit);
    // What no memory can have as its tags is still to be found in the metadata.
    if (value !== undefined && fit.length === new Set(tags).size) others.delete(name);
  }
  return found;
}

/** The first that is a time; the others stay. */
function takeTime(others: Map<string, JsonValue>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const time = timeOf(others.get(name));
    if (time === undefined) continue;
    others.delete(name);
    return time;
  }
  return undefined;
}

/** RFC 3339 of a day, or a time with or without a zone, which then is UTC. */
export function timeOf(value: JsonValue | undefined): string | undefined {
  if (typeof value !== "string") return undefined;
  const [, day, clock = "00:00", seconds = ":00", zone = "Z"] = TIME.exec(value.trim()) ?? [];
  const time = new Date(`${day}T${clock}${seconds.slice(0, 7)}${zone.toUpperCase()}`);
  if (Number.isNaN(time.getTime())) return undefined;
  const text = time.toISOString();
  // A 30 February is none, and would be taken for a day in March.
  const midnight = new Date(`${day}T00:00:00Z`).toISOString();
  return text.length === 24 && midnight.slice(0, 10) === day ? text : undefined;
}
