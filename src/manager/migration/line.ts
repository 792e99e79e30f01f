/**
 * One record of an export of many users, made a line of NDJSON for its user's brain. Its bytes stay
 * as they are, but for line feeds between its parts, and an id where it has none: the same one
 * whenever the same file is read, so that what is imported twice is there once.
 */
import { createHash } from "node:crypto";
import { userOf } from "../../import_record.ts";
import { isJsonObject, type JsonObject, parseJson } from "../../json.ts";
import { AppError } from "../../errors.ts";
import { joinBytes } from "../../lines.ts";
import type { RawRecord } from "../../record_stream.ts";

const LINE_FEED = 10, CARRIAGE_RETURN = 13, SPACE = 32, CLOSE_OBJECT = 0x7d;
const MOST_TIME = 2 ** 48 - 1;

export type LineOrReason =
  | { readonly user: string; readonly line: Uint8Array }
  | { readonly reason: string };

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** `index` counts the records of the file. */
export function lineOf({ key, bytes }: RawRecord, index: number): LineOrReason {
  if (bytes === undefined) return { reason: "it is too large" };
  let value;
  try {
    value = parseJson(decoder.decode(bytes));
  } catch (error) {
    if (error instanceof AppError) return { reason: error.message };
    if (error instanceof TypeError) return { reason: "it is not UTF-8" };
    throw error;
  }
  if (!isJsonObject(value)) return { reason: "it is not a JSON object" };
  const user = userOf(value);
  if (user === undefined) return { reason: "it has no user_id" };
  const id = idOf(value, key, index, bytes);
  return { user, line: joinBytes([...withId(unbroken(bytes), id), Uint8Array.of(LINE_FEED)]) };
}

/** Undefined where the record says it itself. */
function idOf(
  value: JsonObject,
  key: string | undefined,
  index: number,
  bytes: Uint8Array,
): string | undefined {
  const own = Object.hasOwn(value, "id") ? value["id"] : null;
  if (own !== null && own !== undefined) return undefined;
  return key ?? steadyId(index, createdMs(value), bytes);
}

/** Behind all else: of two members of one name, the last is the one that counts. */
function withId(record: Uint8Array, id: string | undefined): readonly Uint8Array[] {
  if (id === undefined) return [record];
  const end = record.lastIndexOf(CLOSE_OBJECT);
  // `parseJson` has seen an object; it is empty where nothing else stands between the braces.
  const isEmpty = decoder.decode(record.subarray(0, end)).trim() === "{";
  const member = `${isEmpty ? "" : ","}"id":${JSON.stringify(id)}}`;
  return [record.subarray(0, end), encoder.encode(member)];
}

/** Strings hold no line feed: where one stands, a space would do. */
function unbroken(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(LINE_FEED) && !bytes.includes(CARRIAGE_RETURN)) return bytes;
  return bytes.map((byte) => byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte);
}

function createdMs(value: JsonObject): number {
  const created = Object.hasOwn(value, "created_at") ? value["created_at"] : null;
  const ms = typeof created === "string" ? Date.parse(created) : NaN;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), MOST_TIME);
}

/**
 * A UUID in the layout of version 7 (RFC 9562): the time, the record's number in the file, a digest.
 * So records of one time keep the order of the file.
 */
function steadyId(index: number, ms: number, bytes: Uint8Array): string {
  const uuid = new Uint8Array(createHash("sha256").update(bytes).digest().subarray(0, 16));
  const view = new DataView(uuid.buffer);
  view.setUint16(0, Math.floor(ms / 2 ** 32));
  view.setUint32(2, ms % 2 ** 32);
  // 12 bits of the number beside the version, 20 behind the variant.
  view.setUint16(6, 0x7000 | (index / 2 ** 20 & 0xfff));
  view.setUint16(8, 0x8000 | (index >>> 6 & 0x3fff));
  uuid[10] = ((index & 0x3f) << 2) | ((uuid[10] ?? 0) & 0x3);
  const hex = uuid.toHex();
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([from, to]) => hex.slice(from, to))
    .join("-");
}
