/**
 * The snapshot: the whole state as one JSON document, one memory a line, so that it streams in and
 * out, diffs well and is read by any tool.
 *
 *     {"format":"second-brain/3","generation":12,"memories":[
 *     {"id":"0199…","content":"…",…},
 *     {"id":"0199…","content":"…",…}
 *     ],"receipts":[
 *     ],"unembedded":[
 *     "0199…"
 *     ],"count":2,"last_seq":3471,"written_at":"2026-…","sha256":"…"}
 *
 * `generation` is the first journal file whose records come after it, `last_seq` the last record it
 * certainly contains. It may contain later ones too: replaying those again changes nothing.
 * `sha256` covers every byte before its own comma. Format 1 had no `unembedded`; the journal is in
 * format 3 as well, and there was no 2.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { z, ZodError } from "zod";
import type { Entry, Receipt } from "../memory.ts";
import { Pace } from "../pace.ts";
import type { DurableState } from "../store.ts";
import { decodeEntry, decodeReceipt, encodeEntry, encodeReceipt } from "./codec.ts";
import { type FileSystem, readPieces } from "./fs.ts";
import { MAX_LINE_BYTES } from "./journal.ts";
import { PIECE_BYTES, SummedText } from "./summed_text.ts";

const VERSION = 3, SNAPSHOT_FORMAT = `second-brain/${VERSION}`;
export const SNAPSHOT_FORMATS = ["second-brain/1", SNAPSHOT_FORMAT] as const;

/** Head and foot are shorter, by far. */
const FRAME_BYTES = 1024;
const LINE_FEED = 10;
/** While it loads, the service answers probes and nothing else: those may wait a little longer. */
const LOADING_SLICE_MS = 20;

export interface SnapshotMark {
  readonly generation: number;
  readonly lastSeq: number;
}

const headSchema = z.strictObject({
  format: z.enum(SNAPSHOT_FORMATS),
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
    const text = new SummedText(file);
    const pace = new Pace();
    const addAll = async (lines: Iterable<string>) => {
      let count = 0;
      for (const line of lines) {
        await text.add((count++ === 0 ? "" : ",\n") + line);
        if (pace.due) await pace.breathe();
      }
      if (count > 0) await text.add("\n");
      return count;
    };
    const head = `{"format":"${SNAPSHOT_FORMAT}","generation":${mark.generation},"memories":[\n`;
    await text.add(head);
    const count = await addAll(encoded(state.entries(), encodeEntry));
    await text.add('],"receipts":[\n');
    await addAll(encoded(state.receipts(writtenAt), encodeReceipt));
    await text.add('],"unembedded":[\n');
    await addAll(encoded(state.unembedded(), JSON.stringify));
    const foot = JSON.stringify({ count, last_seq: mark.lastSeq, written_at: writtenAt });
    await text.add(`],${foot.slice(1, -1)}`);
    await text.add(`${SUM}${await text.sum()}"}\n`);
    await text.flush();
    await file.sync();
    return text.bytes;
  } finally {
    file.close();
  }
}

function* encoded<T>(items: Iterable<T>, encode: (item: T) => string): Generator<string> {
  for (const item of items) yield encode(item);
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
  readonly unembedded: ReadonlySet<string>;
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
  const unembedded = new Set<string>();
  const pace = new Pace(LOADING_SLICE_MS);
  let section: "head" | "memories" | "receipts" | "unembedded" = "head";
  const take = (line: string) => {
    if (section === "head") section = "memories";
    else if (line.startsWith("]")) section = section === "memories" ? "receipts" : "unembedded";
    else {
      const value: unknown = JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line);
      if (section === "memories") entries.push(decodeEntry(value));
      else if (section === "receipts") receipts.push(decodeReceipt(value));
      else unembedded.add(z.string().parse(value));
    }
  };
  // Many lines at once: a decoder for each took longer than the parsing of it.
  const decoder = new TextDecoder();
  let begun = "";
  try {
    const mark = await walk(fs, path, async (bytes) => {
      const text = begun + decoder.decode(bytes, { stream: true });
      let start = 0;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
        take(text.slice(start, end));
        start = end + 1;
        if (pace.due) await pace.breathe();
      }
      begun = text.slice(start);
      if (begun.length > MAX_LINE_BYTES) throw new SyntaxError("a line is longer than any of ours");
    });
    return mark && { mark, entries, receipts, unembedded };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) return undefined;
    throw error;
  }
}

/**
 * Sums a snapshot up and hands out all of its bytes but the last line, cut anywhere, each piece
 * until the next. Returns the mark where head, foot and sum are right.
 */
async function walk(
  fs: FileSystem,
  path: string,
  visit: (bytes: Uint8Array) => Promise<void>,
): Promise<SnapshotMark | undefined> {
  const hash = createHash("sha256");
  let head = new Uint8Array(0);
  /** What may be of the foot, which is not summed up to its end. */
  let held = new Uint8Array(0);
  const pass = async (bytes: Uint8Array) => {
    if (head.length < FRAME_BYTES) head = joined(head, bytes.subarray(0, FRAME_BYTES));
    hash.update(bytes);
    await visit(bytes);
  };
  for await (const piece of readByTurns(fs, path)) {
    const isShort = piece.length < FRAME_BYTES;
    if (!isShort) await pass(held);
    const bytes = isShort ? joined(held, piece) : piece;
    const end = Math.max(0, bytes.length - FRAME_BYTES);
    await pass(bytes.subarray(0, end));
    held = bytes.slice(end);
  }
  const foot = held.lastIndexOf(LINE_FEED, -2) + 1;
  await pass(held.subarray(0, foot));
  const generation = parseHead(head.subarray(0, Math.max(0, head.indexOf(LINE_FEED))));
  const fields = parseFoot(held.subarray(foot));
  if (generation === undefined || fields === undefined) return undefined;
  hash.update(held.subarray(foot, Buffer.from(held).lastIndexOf(SUM)));
  if (fields.sha256 !== hash.digest("hex")) return undefined;
  return { generation, lastSeq: fields.last_seq };
}

/**
 * The bytes of a file, each piece until the next: in two buffers, so that the disk fills one while
 * the other is worked on, and nothing is thrown away.
 */
async function* readByTurns(fs: FileSystem, path: string): AsyncGenerator<Uint8Array> {
  const file = await fs.open(path);
  let [free, full] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  let reading = file.read(free);
  try {
    for (let read = await reading; read !== null; read = await reading) {
      [free, full] = [full, free];
      reading = file.read(free);
      reading.catch(() => {}); // Met above, where whoever reads still wants it.
      yield full.subarray(0, read);
    }
  } finally {
    await reading.catch(() => {}); // Said already. Until then the buffer is not ours to let go.
    file.close();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
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
