/**
 * The snapshot: the whole state as one JSON document, one memory a line, so that it streams in and
 * out, diffs well and is read by any tool.
 *
 *     {"format":"second-brain/1","generation":12,"memories":[
 *     {"id":"0199…","content":"…",…},
 *     {"id":"0199…","content":"…",…}
 *     ],"receipts":[
 *     ],"count":2,"last_seq":3471,"written_at":"2026-…","sha256":"…"}
 *
 * `generation` is the first journal file whose records come after it, `last_seq` the last record it
 * certainly contains. It may contain later ones too: replaying those again changes nothing.
 * `sha256` covers every byte before its own comma.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { JsonRecordReader } from "../json_records.ts";
import { type Line, readLines } from "../lines.ts";
import { parseJson } from "../json.ts";
import { Pace } from "../pace.ts";
import type { Change, Entry } from "../memory.ts";
import type { DurableState } from "../store.ts";
import { decodeEntry, decodeReceipt, encodeEntry, encodeReceipt } from "./codec.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";
import { MAX_LINE_BYTES } from "./journal.ts";

const VERSION = 1;
const SNAPSHOT_FORMAT = `second-brain/${VERSION}`;

/** Refuses what is no UTF-8: a changed byte must not become a changed memory. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

const WRITE_BYTES = 256 * 1024;

export interface SnapshotMark {
  readonly generation: number;
  readonly lastSeq: number;
}

const headSchema = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  generation: z.int().min(0),
  memories: z.tuple([]),
});

/** Where the part of the last line begins that the checksum does not cover: itself. */
const SUM = ',"sha256":"';

const footSchema = z.strictObject({
  count: z.int().min(0),
  last_seq: z.int().min(0),
  written_at: z.string(),
  sha256: z.string(),
});

const fieldsSchema = z.object({
  format: z.literal(SNAPSHOT_FORMAT),
  generation: z.int().min(0),
  last_seq: z.int().min(0),
});

/** Writes a snapshot under a name that must be free, and syncs it; returns its size. */
export async function writeSnapshot(
  fs: FileSystem,
  path: string,
  mark: SnapshotMark,
  state: DurableState,
  writtenAt: string,
): Promise<number> {
  const file = await fs.create(path);
  try {
    const hash = createHash("sha256");
    let size = 0, count = 0;
    const pace = new Pace();
    let waiting: string[] = [];
    let waitingLength = 0;
    const write = async (text: string, hashed: boolean) => {
      const bytes = Buffer.from(text, "utf8");
      if (hashed) hash.update(bytes);
      size += bytes.length;
      await writeAll(file, bytes);
    };
    const flush = async () => {
      await write(waiting.join(""), true);
      waiting = [];
      waitingLength = 0;
    };
    const add = async (line: string) => {
      waiting.push(line);
      waitingLength += line.length;
      if (waitingLength > WRITE_BYTES) await flush();
      if (pace.due) await pace.breathe();
    };

    const head = `{"format":"${SNAPSHOT_FORMAT}","generation":${mark.generation},"memories":[\n`;
    await write(head, true);
    for (const entry of state.entries()) {
      await add((count++ === 0 ? "" : ",\n") + encodeEntry(entry));
    }
    await add((count === 0 ? "" : "\n") + '],"receipts":[\n');
    let receipts = 0;
    for (const receipt of state.receipts(writtenAt)) {
      await add((receipts++ === 0 ? "" : ",\n") + encodeReceipt(receipt));
    }
    await add(receipts === 0 ? "" : "\n");
    await flush();
    const foot = JSON.stringify({ count, last_seq: mark.lastSeq, written_at: writtenAt });
    await write(`],${foot.slice(1, -1)}`, true);
    await write(`${SUM}${hash.digest("hex")}"}\n`, false);
    await file.sync();
    return size;
  } finally {
    file.close();
  }
}

/**
 * The mark of a snapshot that is as it was written, but for a line feed at its end perhaps;
 * undefined where it is not.
 * Reads, but does not parse, what is inside.
 */
export async function verifySnapshot(
  fs: FileSystem,
  path: string,
): Promise<SnapshotMark | undefined> {
  const hash = createHash("sha256");
  const pace = new Pace();
  let head: Line | undefined;
  let held: Line | undefined;
  for await (const lines of readLines(readPieces(fs, path), MAX_LINE_BYTES)) {
    for (const line of lines) {
      if (pace.due) await pace.breathe();
      if (line.tooLong) return undefined;
      // Of the last line only a part is hashed, and which one that is shows only at the end.
      if (held !== undefined) hash.update(held.bytes).update("\n");
      head ??= line;
      held = line;
    }
  }
  if (head === undefined || held === undefined || head === held) return undefined;
  const generation = parseHead(head);
  const foot = parseFoot(held);
  if (generation === undefined || foot === undefined) return undefined;
  hash.update(held.bytes.subarray(0, Buffer.from(held.bytes).lastIndexOf(SUM)));
  if (foot.sha256 !== hash.digest("hex")) return undefined;
  return { generation, lastSeq: foot.last_seq };
}

function parseHead({ bytes }: Line): number | undefined {
  const head = headSchema.safeParse(parseOrNull(`${decode(bytes)}]}`));
  return head.success ? head.data.generation : undefined;
}

function parseFoot({ bytes }: Line) {
  const text = decode(bytes);
  if (!text.startsWith("],")) return undefined;
  const foot = footSchema.safeParse(parseOrNull(`{${text.slice(2)}`));
  return foot.success ? foot.data : undefined;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Hands out what a verified snapshot holds, as the changes that bring it about. */
export async function readSnapshot(
  fs: FileSystem,
  path: string,
  apply: (change: Change) => void,
): Promise<void> {
  let section: "head" | "memories" | "receipts" = "head";
  const pace = new Pace();
  for await (const lines of readLines(readPieces(fs, path), MAX_LINE_BYTES)) {
    for (const { bytes } of lines) {
      if (section === "head") section = "memories";
      else if (bytes[0] === 0x5d) section = "receipts";
      else {
        const value: unknown = JSON.parse(decode(withoutComma(bytes)));
        if (section === "memories") apply({ op: "put", ...decodeEntry(value) });
        else apply({ op: "receipt", receipt: decodeReceipt(value) });
      }
      if (pace.due) await pace.breathe();
    }
  }
}

function withoutComma(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 0x2c ? bytes.subarray(0, -1) : bytes;
}

/**
 * Reads a snapshot that a person edited, or a plain array of memories: anything that is JSON of
 * the right shape. Throws where it is not. Entries are handed out only once all of it was read.
 */
export async function readEditedSnapshot(
  fs: FileSystem,
  path: string,
): Promise<{ mark: SnapshotMark; entries: Entry[] }> {
  // Receipts may take any room, and are not worth guessing after an edit.
  const records = new JsonRecordReader(MAX_LINE_BYTES, ["receipts"]);
  const entries: Entry[] = [];
  const pace = new Pace();
  for await (const piece of readPieces(fs, path)) {
    for (const { bytes } of records.push(piece)) {
      entries.push(decodeEntry(parseJson(strictDecoder.decode(bytes))));
      if (pace.due) await pace.breathe();
    }
  }
  records.end();
  if (!records.sawRecords) {
    throw new AppError("malformed", "Cannot read the snapshot: it has no memories");
  }
  if (records.fields.size === 0) return { mark: { generation: 0, lastSeq: 0 }, entries };
  const fields = [...records.fields].map(([key, text]) => [key, parseOrNull(text)]);
  const { generation, last_seq } = fieldsSchema.parse(Object.fromEntries(fields));
  return { mark: { generation, lastSeq: last_seq }, entries };
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
      generation = parseHead(line) ?? generation;
      lastSeq = parseFoot(line)?.last_seq ?? lastSeq;
      const entry = entryOrUndefined(line);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { mark: { generation, lastSeq }, entries };
}

function entryOrUndefined({ bytes }: Line): Entry | undefined {
  try {
    return decodeEntry(parseJson(strictDecoder.decode(withoutComma(bytes))));
  } catch {
    return undefined; // Not a memory: the caller counts what is left, and says what was damaged.
  }
}

/** The version of a file that a newer program wrote; undefined where it is ours or nobody's. */
export async function futureFormat(fs: FileSystem, path: string): Promise<string | undefined> {
  for await (const piece of readPieces(fs, path, 256)) {
    const match = /^\s*\{\s*"format"\s*:\s*"(second-brain\/(\d+))"/.exec(decode(piece));
    return Number(match?.[2]) > VERSION ? match?.[1] : undefined;
  }
  return undefined;
}
