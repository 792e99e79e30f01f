/**
 * Snapshots that are not as we wrote them: what a person edited or put in place, and what is left
 * of a damaged one. No sum vouches for them, so that every byte is looked at before it is taken.
 */
import { z } from "zod";
import { withOwnTimes } from "../entry_times.ts";
import { AppError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { JsonRecordReader } from "../json_records.ts";
import { type Line, readLines } from "../lines.ts";
import type { Entry } from "../memory.ts";
import { Pace } from "../pace.ts";
import { decodeEntry } from "./codec.ts";
import { type FileSystem, readPieces } from "./fs.ts";
import { MAX_LINE_BYTES } from "./journal.ts";
import {
  parseFoot,
  parseHead,
  parseOrNull,
  SNAPSHOT_FORMATS,
  type SnapshotMark,
} from "./snapshot.ts";

/** Refuses what is no UTF-8: a changed byte must not become a changed memory. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

const fieldsSchema = z.object({
  format: z.enum(SNAPSHOT_FORMATS),
  generation: z.int().min(0),
  last_seq: z.int().min(0),
});

/**
 * Reads a snapshot that a person edited, or a plain array of memories: anything that is JSON of
 * the right shape. Throws where it is not. Entries are handed out only once all of it was read;
 * `retimed` tells how many have other times than are written there.
 */
export async function readEditedSnapshot(
  fs: FileSystem,
  path: string,
): Promise<{ mark: SnapshotMark; entries: Entry[]; retimed: number }> {
  // Receipts may take any room, and are not worth guessing after an edit.
  const records = new JsonRecordReader(MAX_LINE_BYTES, ["receipts", "unembedded"]);
  const entries: Entry[] = [];
  let retimed = 0;
  const pace = new Pace();
  for await (const piece of readPieces(fs, path)) {
    for (const { bytes } of records.push(piece)) {
      const written = writtenEntry(bytes), entry = withOwnTimes(written);
      entries.push(entry);
      if (entry !== written) retimed++;
      if (pace.due) await pace.breathe();
    }
  }
  records.end();
  if (!records.sawRecords) {
    throw new AppError("malformed", "Cannot read the snapshot: it has no memories");
  }
  if (records.fields.size === 0) return { mark: { generation: 0, lastSeq: 0 }, entries, retimed };
  const fields = [...records.fields].map(([key, text]) => [key, parseOrNull(text)]);
  const { generation, last_seq } = fieldsSchema.parse(Object.fromEntries(fields));
  return { mark: { generation, lastSeq: last_seq }, entries, retimed };
}

/**
 * What is left of a snapshot that is damaged: every line that still is a memory. The mark is where
 * it says so; without one, all of history is replayed over it.
 */
export async function salvageSnapshot(
  fs: FileSystem,
  path: string,
): Promise<{ mark: SnapshotMark; entries: Entry[] }> {
  const entries: Entry[] = [];
  let generation = 0, lastSeq = 0;
  for await (const lines of readLines(readPieces(fs, path), MAX_LINE_BYTES)) {
    for (const line of lines) {
      generation = parseHead(line.bytes) ?? generation;
      lastSeq = parseFoot(line.bytes)?.last_seq ?? lastSeq;
      const entry = entryOrUndefined(line);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { mark: { generation, lastSeq }, entries };
}

function writtenEntry(bytes: Uint8Array): Entry {
  return decodeEntry(parseJson(strictDecoder.decode(bytes)));
}

function entryOrUndefined({ bytes }: Line): Entry | undefined {
  try {
    return withOwnTimes(writtenEntry(withoutComma(bytes)));
  } catch {
    return undefined; // Not a memory: the caller counts what is left, and says what was damaged.
  }
}

function withoutComma(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 0x2c ? bytes.subarray(0, -1) : bytes;
}
