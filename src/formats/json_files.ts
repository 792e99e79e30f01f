/** Other programs' JSON: a file that is small enough at once, or one of any size item by item. */
import { AppError } from "../errors.ts";
import { JsonRecordReader } from "../json_records.ts";
import { readText, type SourceFile } from "./source.ts";

/** The longest conversations are of this order, with everything that was uploaded to them. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Nothing of them is wanted. */
const IGNORED = ["relations", "entities", "receipts"];

/** An item as its program wrote it, or why there are no more. */
export type Item = { readonly value: unknown } | { readonly reason: string };

/** The items of an array, by itself or as the first of these members of an object. */
export async function* itemsOf(
  file: SourceFile,
  members: readonly string[] = [],
): AsyncGenerator<Item> {
  const reader = new JsonRecordReader(MOST_BYTES, IGNORED, members);
  const decoder = new TextDecoder();
  try {
    for await (const piece of file.pieces()) {
      for (const { bytes } of reader.push(piece)) yield parsed(decoder.decode(bytes));
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
  const read = await readText(file, MOST_BYTES);
  if ("reason" in read) return yield read;
  for (const line of read.text.split("\n")) if (line.trim() !== "") yield parsed(line);
}

/** The items of an array, or the one that the file is. */
export async function* wholeItems(file: SourceFile): AsyncGenerator<Item> {
  const read = await readText(file, MOST_BYTES);
  if ("reason" in read) return yield read;
  const item = parsed(read.text);
  if (!("value" in item) || !Array.isArray(item.value)) yield item;
  else for (const value of item.value) yield { value };
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
function reasonOf({ message }: AppError): string {
  return message.replace(/^Cannot read the document(?: as JSON)?: /, "is not JSON: ");
}
