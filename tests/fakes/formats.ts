/** What the tests of other programs' forms share: files that lie nowhere, and what is found in them. */
import assert from "node:assert/strict";
import { type LeftOut, SOURCES } from "../../src/formats.ts";
import { memoryOf, parseImportRecord } from "../../src/import_record.ts";
import type { JsonObject } from "../../src/json.ts";
import { type Entry, NEVER_ACCESSED } from "../../src/memory.ts";

/** When each of the files was last changed, and made; and the folder that they lie in. */
export const MODIFIED = "2026-02-03T04:05:06.000Z";
export const CREATED = "2026-02-01T00:00:00.000Z";

export type Files = readonly (readonly [path: string, text: string | Uint8Array])[];

export interface FoundIn {
  readonly records: JsonObject[];
  readonly left: LeftOut[];
}

export async function* each<T>(all: Iterable<T>): AsyncGenerator<T> {
  yield* all;
}

/** What an import finds in such a folder, or in the one file that was named. */
export async function foundIn(
  from: string,
  files: Files,
  isOnly = false,
  collection = "folder",
): Promise<FoundIn> {
  const source = SOURCES[from] ?? assert.fail(from);
  const all = files.map(([path, text]) => {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    // In two pieces, somewhere within a character.
    const half = bytes.length >> 1;
    const pieces = () => each([bytes.subarray(0, half), bytes.subarray(half)]);
    const times = { modifiedAt: MODIFIED, createdAt: CREATED };
    return { path, collection, ...times, isOnly, pieces };
  });
  const found = await Array.fromAsync(source(each(all)));
  return {
    records: found.flatMap((one) => "record" in one ? [one.record] : []),
    left: found.flatMap((one) => "leftOut" in one ? [one.leftOut] : []),
  };
}

/** The records without what was made up for them: their ids, and those of their threads. */
export function plain(records: readonly JsonObject[]): JsonObject[] {
  return records.map(({ id: _, metadata, ...record }) => {
    const { thread_id: __, ...others } = metadata as JsonObject;
    return { ...record, metadata: others };
  });
}

/** As an import takes a record in that says everything. */
export function entryOf(record: JsonObject): Entry {
  const parsed = parseImportRecord(JSON.parse(JSON.stringify(record)), undefined);
  assert.ok("record" in parsed, JSON.stringify(parsed));
  const never = NEVER_ACCESSED;
  const { access_count = never.access_count, last_accessed_at = never.last_accessed_at } =
    parsed.record;
  const none = () => assert.fail("the file says it");
  const memory = memoryOf(parsed.record, { newId: none, now: "" });
  return { memory, access: { access_count, last_accessed_at } };
}
