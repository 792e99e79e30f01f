/**
 * The times of memories that come from a file which no sum of ours vouches for, such as a snapshot
 * that was edited by hand. All else relies on times as the state holds them; one that is none must
 * not cost its memory, so the text is kept in `metadata.imported_fields` and another time is taken.
 */
import { isJsonObject, type JsonObject } from "./json.ts";
import { type Entry, timeSchema } from "./memory.ts";

/** As the state holds it: UTC with milliseconds. */
const OWN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** As people and other programs write it: the time of day and the zone may be left out. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:\d\d)?$/i;
/** Of a memory that says nothing of use: before all others. */
const OLDEST = "1970-01-01T00:00:00.000Z";

/** Whether the memory's times are as we write them. */
export function hasOwnTimes({ memory, access }: Entry): boolean {
  const { created_at, updated_at } = memory;
  const { last_accessed_at } = access;
  return isOwnTime(created_at) && (updated_at === created_at || isOwnTime(updated_at)) &&
    (last_accessed_at === null || isOwnTime(last_accessed_at));
}

/** The memory with its times as we write them. */
export function withOwnTimes(entry: Entry): Entry {
  if (hasOwnTimes(entry)) return entry;
  const { memory, access } = entry;
  const { created_at, updated_at } = memory;
  const { last_accessed_at } = access;
  const created = timeOf(created_at), updated = timeOf(updated_at);
  const accessed = last_accessed_at === null ? null : timeOf(last_accessed_at);
  const strays = {
    ...(created === undefined && { created_at }),
    ...(updated === undefined && { updated_at }),
    ...(accessed === undefined && { last_accessed_at }),
  };
  return {
    memory: {
      ...memory,
      created_at: created ?? updated ?? OLDEST,
      updated_at: updated ?? created ?? OLDEST,
      metadata: withStrays(memory.metadata, strays),
    },
    access: { ...access, last_accessed_at: accessed ?? null },
  };
}

function isOwnTime(text: string): boolean {
  // A day that never was is taken for another one: only the way back tells.
  return OWN_TIME.test(text) && !Number.isNaN(Date.parse(text)) &&
    new Date(text).toISOString() === text;
}

function timeOf(text: string): string | undefined {
  const [, day, clock = "00:00:00", zone = "Z"] = TIME.exec(text) ?? [];
  return timeSchema.safeParse(`${day}T${clock}${zone.toUpperCase()}`).data;
}

/** As an import keeps what it does not know. */
function withStrays(metadata: JsonObject, strays: JsonObject): JsonObject {
  if (Object.keys(strays).length === 0) return metadata;
  const { imported_fields: before, ...others } = metadata;
  const kept = isJsonObject(before)
    ? before
    : before === undefined
    ? {}
    : { imported_fields: before };
  return { ...others, imported_fields: { ...kept, ...strays } };
}
