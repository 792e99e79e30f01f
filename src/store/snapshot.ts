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
import { z, ZodError } from "zod";
import { joinBytes } from "../lines.ts";
import type { Entry, Receipt } from "../memory.ts";
import { Pace } from "../pace.ts";
import type { DurableState } from "../store.ts";
import { decodeEntry, decodeReceipt, encodeEntry, encodeReceipt } from "./codec.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";
import { MAX_LINE_BYTES } from "./journal.ts";

const VERSION = 1;
export const SNAPSHOT_FORMAT = `second-brain/${VERSION}`;

const WRITE_BYTES = 256 * 1024;
/** As text this is still small enough for the part of the heap that is cleaned often. */
const READ_BYTES = 64 * 1024;
const LINE_FEED = 10;
/** While it loads, the service answers probes and nothing else: those may wait a little longer. */
const LOADING_SLICE_MS = 20;

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
 * undefined where it is not. Reads, but does not parse, what is inside.
 */
export async function verifySnapshot(
  fs: FileSystem,
  path: string,
): Promise<SnapshotMark | undefined> {
  const pace = new Pace();
  return await walk(fs, path, async () => {
    if (pace.due) await pace.breathe();
  });
}

export interface LoadedSnapshot {
  readonly mark: SnapshotMark;
  readonly entries: readonly Entry[];
  readonly receipts: readonly Receipt[];
}

/**
 * What is in a snapshot that is as it was written; undefined where it is not. One pass reads,
 * sums and parses: nothing of it is handed out before the sum is known to be right.
 */
export async function loadSnapshot(
  fs: FileSystem,
  path: string,
): Promise<LoadedSnapshot | undefined> {
  const entries: Entry[] = [];
  const receipts: Receipt[] = [];
  const pace = new Pace(LOADING_SLICE_MS);
  let section: "head" | "memories" | "receipts" = "head";
  const take = (line: string) => {
    if (section === "head") section = "memories";
    else if (line.startsWith("]")) section = "receipts";
    else {
      const value: unknown = JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line);
      if (section === "memories") entries.push(decodeEntry(value));
      else receipts.push(decodeReceipt(value));
    }
  };
  try {
    const mark = await walk(fs, path, async (bytes) => {
      // Many lines at once: a decoder for each took longer than the parsing of it.
      const text = decode(bytes);
      for (let start = 0, end: number; start < text.length; start = end + 1) {
        end = text.indexOf("\n", start);
        take(text.slice(start, end));
        if (pace.due) await pace.breathe();
      }
    });
    return mark && { mark, entries, receipts };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}

/**
 * Sums a snapshot up, and hands out its lines but the last, many at a time, each with its line
 * feed. Returns the mark where head, foot and sum are right.
 */
async function walk(
  fs: FileSystem,
  path: string,
  visit: (lines: Uint8Array) => Promise<void>,
): Promise<SnapshotMark | undefined> {
  const hash = createHash("sha256");
  let generation: number | undefined;
  /** The line that is not over yet, or the last one. */
  let held = new Uint8Array(0);
  for await (const piece of readAhead(readPieces(fs, path, Infinity, READ_BYTES))) {
    const bytes = held.length === 0 ? piece : joinBytes([held, piece]);
    const end = bytes.lastIndexOf(LINE_FEED, -2) + 1;
    held = bytes.slice(end);
    if (held.length > MAX_LINE_BYTES) return undefined;
    if (end === 0) continue;
    const lines = bytes.subarray(0, end);
    generation ??= parseHead(lines.subarray(0, lines.indexOf(LINE_FEED)));
    if (generation === undefined) return undefined;
    hash.update(lines);
    await visit(lines);
  }
  const foot = parseFoot(held);
  if (generation === undefined || foot === undefined) return undefined;
  hash.update(held.subarray(0, Buffer.from(held).lastIndexOf(SUM)));
  if (foot.sha256 !== hash.digest("hex")) return undefined;
  return { generation, lastSeq: foot.last_seq };
}

/** Asks for the next piece before this one is worked on: the disk need not wait for us. */
async function* readAhead(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let next = pieces.next();
  try {
    for (let piece = await next; piece.done !== true; piece = await next) {
      next = pieces.next();
      next.catch(() => {}); // Met above, where whoever reads still wants it.
      yield piece.value;
    }
  } finally {
    await pieces.return(undefined);
  }
}

export function parseHead(bytes: Uint8Array): number | undefined {
  const head = headSchema.safeParse(parseOrNull(`${decode(bytes)}]}`));
  return head.success ? head.data.generation : undefined;
}

export function parseFoot(bytes: Uint8Array) {
  const text = decode(bytes);
  if (!text.startsWith("],")) return undefined;
  const foot = footSchema.safeParse(parseOrNull(`{${text.slice(2)}`));
  return foot.success ? foot.data : undefined;
}

export function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The version of a file that a newer program wrote; undefined where it is ours or nobody's. */
export async function futureFormat(fs: FileSystem, path: string): Promise<string | undefined> {
  for await (const piece of readPieces(fs, path, 256)) {
    const match = /^\s*\{\s*"format"\s*:\s*"(second-brain\/(\d+))"/.exec(decode(piece));
    return Number(match?.[2]) > VERSION ? match?.[1] : undefined;
  }
  return undefined;
}
