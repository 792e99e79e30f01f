/**
 * One record of an import, whoever wrote it: our own exports, plain memories, and the exports of
 * the Python Second Brain. What is known is checked as strictly as a POST; what is not known is
 * kept in `metadata.imported_fields`, so that nothing is lost.
 */
import { z } from "zod";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { DEFAULTS, idSchema, type Memory, MEMORY_TYPES, WRITABLE } from "./memory.ts";

/** Python's `isoformat()` leaves the zone out (it means UTC) and has microseconds. */
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/i;

const timeSchema = z.string().transform((text, context) => {
  const [, day, clock, fraction = "", zone = "Z"] = TIME.exec(text) ?? [];
  const time = new Date(`${day}T${clock}${fraction.slice(0, 4)}${zone.toUpperCase()}`);
  if (!isDay(day) || Number.isNaN(time.getTime()) || time.toISOString().length !== 24) {
    context.addIssue({ code: "custom", message: "must be an RFC 3339 time" });
    return z.NEVER;
  }
  return time.toISOString();
});

/** `Date` takes a 30 February for a 1 March: what was never a day is refused. */
function isDay(day: string | undefined): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().slice(0, 10) === day;
}

/** The type that the Python original had and we have not. */
const GENERIC = "generic";

const recordSchema = z.object({
  id: idSchema,
  content: WRITABLE.content,
  memory_type: z.enum([...MEMORY_TYPES, GENERIC], {
    error: `must be one of ${MEMORY_TYPES.join(", ")}`,
  }),
  importance_score: WRITABLE.importance_score,
  tags: WRITABLE.tags,
  metadata: z.custom<JsonObject>(isJsonObject, "must be a JSON object"),
  created_at: timeSchema,
  updated_at: timeSchema,
  last_accessed_at: timeSchema,
  access_count: z.int().min(0),
  embedding: WRITABLE.embedding,
}).partial().extend({ content: WRITABLE.content });

const time = z.string().nullish().meta({
  format: "date-time",
  description: "Where it has no zone, it is UTC.",
});
const { id, memory_type, importance_score, tags, embedding, access_count } = recordSchema.shape;
/** A record as the document tells it. It is checked in two steps, since a null says nothing. */
export const importRecordDoc = z.looseObject({
  content: WRITABLE.content,
  id: id.nullish(),
  memory_type: memory_type.nullish(),
  importance_score: importance_score.nullish(),
  tags: tags.nullish(),
  metadata: WRITABLE.metadata.nullish(),
  created_at: time,
  updated_at: time,
  last_accessed_at: time,
  access_count: access_count.nullish(),
  embedding: embedding.nullish(),
}).meta({ id: "ImportRecord" });

type Known = z.infer<typeof recordSchema>;
const KNOWN: ReadonlySet<string> = new Set(Object.keys(recordSchema.shape));

/** A record that is fit to be imported; the parts it does not say are for the importer to fill. */
export interface ImportRecord extends Omit<Known, "memory_type" | "metadata"> {
  readonly memory_type?: (typeof MEMORY_TYPES)[number] | undefined;
  readonly metadata?: JsonObject | undefined;
}

export type RecordFault = {
  /** JSON pointer into the record. */
  readonly path: readonly PropertyKey[];
  readonly reason: string;
};

/** `key` is the record's name where records are the members of an object. */
export function parseImportRecord(
  value: JsonValue,
  key: string | undefined,
): { readonly record: ImportRecord } | { readonly fault: RecordFault } {
  if (!isJsonObject(value)) return { fault: { path: [], reason: "must be a JSON object" } };
  const { known, unknown } = sortFields(value, key);
  const parsed = recordSchema.safeParse(known);
  if (!parsed.success) return { fault: faultOf(parsed.error) };
  const metadata = withImported(parsed.data, unknown);
  const checked = WRITABLE.metadata.optional().safeParse(metadata);
  if (!checked.success) {
    const { path, reason } = faultOf(checked.error);
    return { fault: { path: ["metadata", ...path], reason } };
  }
  const { memory_type, ...rest } = parsed.data;
  return {
    record: {
      ...rest,
      memory_type: memory_type === GENERIC ? "semantic" : memory_type,
      metadata: checked.data,
    },
  };
}

/** What a record lacks that another program wrote. */
export interface RecordDefaults {
  readonly newId: () => string;
  /** RFC 3339. */
  readonly now: string;
}

/** The memory that a record describes. */
export function memoryOf(record: ImportRecord, { newId, now }: RecordDefaults): Memory {
  const created = record.created_at ?? now;
  const { embedding } = record;
  return {
    id: record.id ?? newId(),
    content: record.content,
    memory_type: record.memory_type ?? DEFAULTS.memory_type,
    importance_score: record.importance_score ?? DEFAULTS.importance_score,
    tags: record.tags ?? DEFAULTS.tags,
    metadata: record.metadata ?? DEFAULTS.metadata,
    created_at: created,
    updated_at: record.updated_at ?? created,
    ...(embedding && { embedding }),
  };
}

/** The user that a record of a multi-tenant export belongs to. */
export function userOf(value: JsonValue): string | undefined {
  const user = isJsonObject(value) && Object.hasOwn(value, "user_id") ? value["user_id"] : null;
  return typeof user === "string" || typeof user === "number" ? String(user) : undefined;
}

/** A null says nothing, except among the fields that we do not know. */
function sortFields(value: JsonObject, key: string | undefined) {
  const known = new Map<string, JsonValue>();
  const unknown = new Map<string, JsonValue>();
  if (key !== undefined) known.set("id", key);
  for (const [name, field] of Object.entries(value)) {
    if (name === "user_id") continue; // The container is the user.
    if (!KNOWN.has(name)) unknown.set(name, field);
    else if (field !== null) known.set(name, field);
  }
  const accessed = unknown.get("last_accessed");
  if (accessed !== undefined && !known.has("last_accessed_at")) {
    unknown.delete("last_accessed");
    if (accessed !== null) known.set("last_accessed_at", accessed);
  }
  return { known: Object.fromEntries(known), unknown };
}

function withImported(
  { metadata, memory_type }: Known,
  unknown: ReadonlyMap<string, JsonValue>,
): JsonObject | undefined {
  if (unknown.size === 0 && memory_type !== GENERIC) return metadata;
  const all = new Map(Object.entries(metadata ?? {}));
  const aside = new Map(unknown);
  if (memory_type === GENERIC) {
    const taken = all.get("imported_type");
    if (taken !== undefined && taken !== GENERIC) aside.set("imported_type", taken);
    all.set("imported_type", GENERIC);
  }
  if (aside.size > 0) {
    const before = all.get("imported_fields");
    const kept = isJsonObject(before)
      ? Object.entries(before)
      : before === undefined
      ? []
      : [["imported_fields", before] as const];
    all.set("imported_fields", Object.fromEntries([...kept, ...aside]));
  }
  return Object.fromEntries(all);
}

function faultOf(error: z.ZodError): RecordFault {
  const issue = error.issues[0];
  return { path: issue?.path ?? [], reason: issue?.message ?? "is not valid" };
}
