/** Other programs' JSON: a file that is small enough at once, or one of any size item by item. */
import { AppError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { JsonRecordReader } from "../json_records.ts";
import { joinBytes } from "../lines.ts";
import { readLineRecords, withoutMark } from "../record_stream.ts";
import { NOT_UTF_8, readText, type SourceFile, textOf } from "./source.ts";

/** The longest conversations are of this order, with everything that was uploaded to them. */
const MOST_BYTES = 64 * 1024 * 1024;
const LINE_FEED = 10;
const FIRST_LINE_BYTES = 1024 * 1024;
/** Nothing of them is wanted. */
const IGNORED = ["relations", "entities", "receipts"];

/** An item as its program wrote it, or why there are no more. */
export type Item = { readonly value: unknown } | { readonly reason: string };

/** The items of an array, by itself or as the one of these members that an object has. */
export async function* itemsOf(
  file: SourceFile,
  members: readonly string[] = [],
): AsyncGenerator<Item> {
  const reader = new JsonRecordReader(MOST_BYTES, IGNORED, members);
  try {
    for await (const piece of withoutMark(file.pieces())) {
      for (const { bytes } of reader.push(piece)) yield itemOf(bytes);
    }
    reader.end();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    yield { reason: reasonOf(error) };
    return;
  }
  if (!reader.sawRecords) yield { reason: "is of another form" };
}

/** One value a line. */
export async function* lineItems(file: SourceFile): AsyncGenerator<Item> {
  for await (const records of readLineRecords(file.pieces())) {
    for (const { bytes } of records) {
      yield bytes === undefined ? { reason: "has a line that is too long" } : itemOf(bytes);
    }
  }
}

/** Lines, or a document: what comes by a pipe has no name that tells, but a first line. */
export async function* unnamedItems(
  file: SourceFile,
  members: readonly string[],
): AsyncGenerator<Item> {
  const rest = withoutMark(file.pieces());
  let head: Uint8Array = new Uint8Array();
  while (head.length < FIRST_LINE_BYTES && !head.includes(LINE_FEED)) {
    const { value, done } = await rest.next();
    if (done === true) break;
    head = joinBytes([head, value]);
  }
  const pieces = async function* () {
    yield head;
    yield* rest;
  };
  const replayed = { ...file, pieces };
  yield* isLine(head, members) ? lineItems(replayed) : itemsOf(replayed, members);
}

/** A whole object, and no list by one of these names. */
function isLine(head: Uint8Array, members: readonly string[]): boolean {
  const end = head.indexOf(LINE_FEED);
  const first = itemOf(head.subarray(0, end < 0 ? head.length : end));
  return "value" in first && isJsonObject(first.value) &&
    !Object.entries(first.value).some(([name, value]) =>
      members.includes(name) && typeof value === "object" && value !== null
    );
}

/** The items of an array, or the one that the file is. */
export async function* wholeItems(file: SourceFile): AsyncGenerator<Item> {
  const read = await readText(file, MOST_BYTES);
  if ("reason" in read) return yield read;
  const item = parsed(read.text);
  if (!("value" in item) || !Array.isArray(item.value)) yield item;
  else for (const value of item.value) yield { value };
}

function itemOf(bytes: Uint8Array): Item {
  const text = textOf([bytes]);
  return text === undefined ? NOT_UTF_8 : parsed(text);
}

/** The half of a pair, with which a text that was cut may end, is no text. */
const HALVES = /\\ud[89a-f]/i;

function parsed(text: string): Item {
  try {
    return { value: HALVES.test(text) ? JSON.parse(text, wellFormed) : JSON.parse(text) };
  } catch {
    return { reason: "is not JSON" };
  }
}

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed() : value;
}

/** Of a document, in the words of one of its file. */
function reasonOf({ code, message }: AppError): string {
  if (code === "too_large") return `has a part that is larger than ${MOST_BYTES} bytes`;
  return message.replace(/^Cannot read the document as JSON: /, "is not JSON: ");
}
