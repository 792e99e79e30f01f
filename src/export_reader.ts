/**
 * Reads a whole export back, to be put in place of a brain: every record must be good. What is
 * exactly of the shape that we write is taken as it stands; anything else as an import takes it.
 */
import { z } from "zod";
import { hasOwnTimes, withOwnTimes } from "./entry_times.ts";
import { AppError } from "./errors.ts";
import {
  type ImportRecord,
  memoryOf,
  parseImportRecord,
  type RecordDefaults,
} from "./import_record.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from "./json.ts";
import { type Entry, MEMORY_TYPES, NEVER_ACCESSED } from "./memory.ts";
import { Pace } from "./pace.ts";
import { plainEntry } from "./plain_entry.ts";
import { type RawRecord, readJsonRecords, readLineRecords } from "./record_stream.ts";

/** A record of ours, no stricter than the store is: what it holds must come back. */
const ownSchema = z.strictObject({
  id: z.string().min(1),
  content: z.string(),
  memory_type: z.enum(MEMORY_TYPES),
  importance_score: z.number(),
  tags: z.array(z.string()),
  metadata: z.custom<JsonObject>(isJsonObject),
  created_at: z.string(),
  updated_at: z.string(),
  access_count: z.int().min(0),
  last_accessed_at: z.string().nullable(),
  embedding: z.exactOptional(
    z.array(z.number()).min(1).transform((numbers) => Float32Array.from(numbers)),
  ),
}).transform(({ access_count, last_accessed_at, ...memory }): Entry => ({
  memory,
  access: { access_count, last_accessed_at },
}));

/** One for all records: making one takes longer than it needs for a record. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Hands out the memories of an export, and returns their number. Throws `malformed` or `invalid`
 * where it is not whole and good from end to end; then nothing that was handed out counts.
 */
export async function readExport(
  pieces: AsyncIterable<Uint8Array>,
  isLines: boolean,
  defaults: RecordDefaults,
  take: (entry: Entry) => void,
): Promise<number> {
  let said: number | undefined;
  const records: AsyncIterable<readonly RawRecord[]> = isLines
    ? readLineRecords(pieces)
    : readJsonRecords(pieces, (fields) => said = numberOf(fields.get("total_memories")));
  const ids = new Set<string>();
  const pace = new Pace();
  let index = 0;
  for await (const some of records) {
    for (const record of some) {
      const entry = entryOf(record, index++, defaults);
      if (ids.has(entry.memory.id)) throw badRecord(index - 1, "id is there twice");
      ids.add(entry.memory.id);
      take(entry);
      if (pace.due) await pace.breathe();
    }
  }
  if (said !== undefined && said !== index) {
    throw new AppError("invalid", `Cannot read the export: it says ${said}, but holds ${index}`);
  }
  return index;
}

/** True where a file of this name has a record a line. */
export function isLinesName(name: string): boolean {
  return /\.(?:ndjson|jsonl)$/i.test(name);
}

function entryOf({ key, bytes }: RawRecord, index: number, defaults: RecordDefaults): Entry {
  if (bytes === undefined) throw badRecord(index, "is too large");
  const value = valueOf(bytes, index);
  const plain = plainEntry(value);
  if (plain !== undefined && hasOwnTimes(plain)) return plain;
  const own = ownSchema.safeParse(value);
  if (own.success && hasOwnTimes(own.data)) return own.data;
  const parsed = parseImportRecord(value, key);
  if ("record" in parsed) return importedEntry(parsed.record, defaults);
  if (own.success) return withOwnTimes(own.data);
  const { path, reason } = parsed.fault;
  throw badRecord(index, [path.map(String).join("."), reason].join(" ").trim());
}

function valueOf(bytes: Uint8Array, index: number): JsonValue {
  try {
    return parseJson(strictDecoder.decode(bytes));
  } catch (error) {
    if (error instanceof AppError) throw badRecord(index, error.message);
    if (error instanceof TypeError) throw badRecord(index, "is not UTF-8");
    throw error;
  }
}

function importedEntry(record: ImportRecord, defaults: RecordDefaults): Entry {
  return {
    memory: memoryOf(record, defaults),
    access: {
      access_count: record.access_count ?? NEVER_ACCESSED.access_count,
      last_accessed_at: record.last_accessed_at ?? NEVER_ACCESSED.last_accessed_at,
    },
  };
}

function badRecord(index: number, reason: string): AppError {
  return new AppError("invalid", `Cannot read the export: record ${index}: ${reason}`);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
