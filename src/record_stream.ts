/** The records of an import file, from its bytes: one JSON document, or one record a line. */
import { AppError } from "./errors.ts";
import { JsonRecordReader } from "./json_records.ts";
import { joinBytes, readLines } from "./lines.ts";

/** A record as it was found in the file; a line too long to be read has no bytes. */
export interface RawRecord {
  readonly key?: string | undefined;
  readonly bytes: Uint8Array | undefined;
}

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** No memory within the limits comes near, however its JSON is written. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/**
 * Throws `malformed` where the document is not JSON, or has no memories. `atEnd` is told what stood
 * beside them, as JSON text.
 */
export async function* readJsonRecords(
  pieces: AsyncIterable<Uint8Array>,
  atEnd?: (fields: ReadonlyMap<string, string>) => void,
): AsyncGenerator<RawRecord[]> {
  const reader = new JsonRecordReader(MAX_RECORD_BYTES);
  for await (const piece of withoutMark(pieces)) yield reader.push(piece);
  reader.end();
  if (!reader.sawRecords) {
    throw new AppError(
      "invalid",
      'Cannot import: the document is neither an array nor an object with "memories"',
    );
  }
  atEnd?.(reader.fields);
}

/** Editors of some systems put a byte order mark before the text; it is no part of it. */
export async function* withoutMark(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | undefined = new Uint8Array();
  for await (const piece of pieces) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = joinBytes([head, piece]);
    if (head.length < BYTE_ORDER_MARK.length) continue;
    yield BYTE_ORDER_MARK.every((byte, i) => byte === head?.[i]) ? head.subarray(3) : head;
    head = undefined;
  }
  if (head !== undefined) yield head;
}

/** Blank lines are passed over, and do not count. */
export async function* readLineRecords(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<RawRecord[]> {
  for await (const lines of readLines(withoutMark(pieces), MAX_RECORD_BYTES)) {
    yield lines.filter(({ bytes, tooLong }) => tooLong || !isBlank(bytes))
      .map(({ bytes, tooLong }) => ({ bytes: tooLong ? undefined : bytes }));
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
