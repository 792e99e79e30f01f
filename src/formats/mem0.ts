/**
 * mem0's memories, as its clients and its exports give them: a list, or an object with one, in
 * either way of writing names. Who or what a memory is of stays in its metadata.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { idSchema } from "../memory.ts";
import { isLinesName } from "../export_reader.ts";
import { itemsOf, lineItems } from "./json_files.ts";
import { fitTags, tagsOf, timeOf } from "./note_fields.ts";
import { checked, fault, type Found, idOf, skipped, type Source, timeOfSeconds } from "./source.ts";

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
    const items = isLinesName(file.path) ? lineItems(file) : itemsOf(file, LISTS);
    for await (const item of items) {
      if ("reason" in item) yield fault(file.path, item.reason);
      else yield recordOf(file.path, item.value);
    }
  }
};

function recordOf(where: string, value: unknown): Found {
  const parsed = itemSchema.safeParse(value);
  if (!parsed.success) return fault(where, "has a memory of another form");
  const fields = new Map(
    Object.entries(parsed.data).map(([name, field]) => [snakeCase(name), field] as const)
      .filter(([name, field]) => field !== null && !PASSING.includes(name)),
  );
  const take = (name: string) => {
    const field = fields.get(name);
    fields.delete(name);
    return field;
  };
  const named = TEXTS.find((name) => typeof fields.get(name) === "string");
  const content = named === undefined ? undefined : take(named);
  if (typeof content !== "string") return fault(where, "has a memory without text");
  const given = String(take("id") ?? content);
  const id = idSchema.safeParse(given);
  const created = timeIn(take("created_at")), updated = timeIn(take("updated_at"));
  const metadata = take("metadata");
  const user = fields.get("user_id");
  return checked(`${where}: ${given.slice(0, 36)}`, {
    id: id.success ? id.data : idOf(SOURCE, given),
    content,
    tags: fitTags(tagsOf(take("categories"))),
    // As what comes by way of its own clients is kept, so that they find it as they left it.
    metadata: { ...(isJsonObject(metadata) ? metadata : {}), ...Object.fromEntries(fields) },
    created_at: created ?? updated ?? null,
    updated_at: updated ?? created ?? null,
    // No field of a memory: by it, one user's can be picked.
    ...(user !== undefined && { user_id: user }),
  });
}

/** Its client for JavaScript has names of its own way. */
function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function timeIn(value: JsonValue | undefined): string | undefined {
  return timeOfSeconds(value) ?? timeOf(value);
}
