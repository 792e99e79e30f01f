/**
 * The journal: append-only files, one record a line, each line with a checksum of its own.
 *
 *     8c736521 118 {"op":"put","memory":{…}}
 *
 * CRC-32 (IEEE 802.3, hex) over everything behind it; then the sequence number, which rises by one
 * from record to record; then JSON. Records that are written and synced together are a batch, and
 * all but the first say which place they have in it:
 *
 *     f6e0a2d1 119.1 {"op":"delete","id":"0199…"}
 *
 * is the one behind the first of a batch that began with 118. A power cut may leave the end of the
 * last batch without its middle; by the places it is told from damage to what was acknowledged.
 *
 * A file is a generation; its first line is a header that names where the generation before it
 * ended, so that a lost tail or a lost file shows:
 *
 *     51a6b2a0 117 {"format":"second-brain-journal/3","generation":3,"previous":{…},…}
 *
 * The header bears the number of the last record before it, and the last place of what was told to
 * those who follow history. Format 1 had no places in batches; format 2 did not say which memories
 * an import changed, what was embedded, and what was told.
 *
 * A file gets its name, `NNNNNN.log`, when its header is durable; until then it is called
 * `NNNNNN.log.tmp`. So a file without a header that can be read is damaged, however short it is.
 */
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Place, Position } from "../history.ts";
import { joinBytes, readLines } from "../lines.ts";
import { StoreOpenError } from "../store.ts";
import { generationName, UNFINISHED } from "./journal_names.ts";
import { type FileHandle, type FileSystem, readPieces, writeAll } from "./fs.ts";

const JOURNAL_FORMAT = "second-brain-journal/3";
const FORMATS = [
  "second-brain-journal/1",
  "second-brain-journal/2",
  JOURNAL_FORMAT,
] as const;

/** A line is never longer: writers refuse, readers skip without holding it in memory. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

const headerSchema = z.strictObject({
  format: z.enum(FORMATS),
  generation: z.int().min(1),
  /** Where the history before this file ends; null at the very beginning. */
  previous: z.strictObject({
    generation: z.int().min(1),
    bytes: z.int().min(0),
  }).nullable(),
  /** False where what a start found before was damaged, or changed by hand: who followed history
   * until then has missed something. */
  unbroken: z.exactOptional(z.boolean()),
  /** The last place before this file. */
  told: z.exactOptional(z.strictObject({ seq: z.int(), place: z.int(), sum: z.int() })),
  at: z.string(),
  version: z.string(),
});

const formatSchema = z.looseObject({ format: z.string().startsWith("second-brain-journal/") });

export type JournalHeader = z.infer<typeof headerSchema>;

export interface FoundHeader extends Position {
  readonly header: JournalHeader;
  readonly bytes: number;
}

export interface JournalLine extends Position {
  /** Number of the first record that was written and synced together with this one. */
  readonly batchSeq: number;
  readonly json: string;
}

/** Something in a journal file: a good line, or bytes that are none. */
export interface JournalPart {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly line: JournalLine | undefined;
  /** False for the last bytes of a file where no line feed ends them. */
  readonly ended: boolean;
  /** True for more than a line may have: its bytes were let go. */
  readonly tooLong: boolean;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const lenientDecoder = new TextDecoder();
const encoder = new TextEncoder();

/** `place` counts from 0 within what is written and synced together. */
export function encodeLine(seq: number, json: string, place = 0): Uint8Array {
  const number = place === 0 ? `${seq}` : `${seq}.${place}`;
  const body = encoder.encode(`00000000 ${number} ${json}\n`);
  const sum = crc32(body.subarray(9, body.length - 1)).toString(16).padStart(8, "0");
  encoder.encodeInto(sum, body);
  return body;
}

/** The checksum of a line that is one. */
export function sumOf(line: Uint8Array): number {
  return Number.parseInt(String.fromCharCode(...line.subarray(0, 8)), 16);
}

const NUMBER = /^(0|[1-9]\d{0,15})(?:\.([1-9]\d{0,3}))?$/;

/** Undefined where the bytes are not a line that we wrote. */
export function decodeLine(bytes: Uint8Array): JournalLine | undefined {
  if (bytes.length < 12 || bytes[8] !== 0x20) return undefined;
  const sum = String.fromCharCode(...bytes.subarray(0, 8));
  if (!/^[0-9a-f]{8}$/.test(sum) || Number.parseInt(sum, 16) !== crc32(bytes.subarray(9))) {
    return undefined;
  }
  const gap = bytes.indexOf(0x20, 9);
  if (gap < 0) return undefined;
  const number = NUMBER.exec(lenientDecoder.decode(bytes.subarray(9, gap)));
  if (number === null) return undefined;
  const seq = Number(number[1]), batchSeq = seq - Number(number[2] ?? 0);
  // Who only counts the lines has no need of the text.
  return {
    seq,
    sum: Number.parseInt(sum, 16),
    batchSeq,
    get json() {
      return decoder.decode(bytes.subarray(gap + 1));
    },
  };
}

/** The parts of a journal file up to `limit` bytes, in order, the header line included. */
export async function* readJournal(
  fs: FileSystem,
  path: string,
  limit = Infinity,
): AsyncGenerator<JournalPart[]> {
  for await (const lines of readLines(readPieces(fs, path, limit), MAX_LINE_BYTES)) {
    yield lines.map(({ bytes, offset, ended, tooLong }) => ({
      offset,
      bytes,
      ended,
      // A line without its line feed was not written to the end, whatever its checksum says.
      line: ended && !tooLong ? decodeLine(bytes) : undefined,
      tooLong,
    }));
  }
}

/** The header line of a journal file and its length; undefined where its first line is not one. */
export async function readHeader(
  fs: FileSystem,
  path: string,
): Promise<FoundHeader | undefined> {
  for await (const [first] of readJournal(fs, path)) {
    if (first?.line === undefined) return undefined;
    const value = valueOf(first.line);
    const format = formatSchema.safeParse(value);
    if (format.success && !isKnown(format.data.format)) refuseNewer(format.data.format);
    const result = headerSchema.safeParse(value);
    if (!result.success) return undefined;
    const { seq, sum } = first.line;
    return { header: result.data, seq, sum, bytes: first.bytes.length + 1 };
  }
  return undefined;
}

/** The last place of what was told before a file; where history is broken, one of its own. */
export function toldBefore({ header, seq, sum }: FoundHeader): Place | undefined {
  return header.unbroken === false ? { seq: seq + 1, place: 0, sum } : header.told;
}

/** Undefined where a right checksum stands over what is no JSON. */
function valueOf(line: JournalLine): unknown {
  try {
    return JSON.parse(line.json);
  } catch (error) {
    if (isNoText(error)) return undefined;
    throw error;
  }
}

/** What reading a line as text and as JSON throws where it is neither. */
export function isNoText(error: unknown): boolean {
  return error instanceof TypeError || error instanceof SyntaxError;
}

function isKnown(format: string): boolean {
  return FORMATS.some((known) => known === format);
}

/** What a newer version wrote may mean what we cannot know: it is left untouched. */
export function refuseNewer(format: string): never {
  throw new StoreOpenError(
    "newer",
    `Cannot open the data folder: it was written by a newer version (format "${format}"); ` +
      "run that version, or restore a backup that this one made",
  );
}

/** One generation being written. */
export class JournalWriter {
  readonly generation: number;
  /** The checksum of its header. */
  readonly headerSum: number;
  readonly #file: FileHandle;
  #bytes: number;

  constructor(file: FileHandle, generation: number, bytes: number, headerSum = 0) {
    this.#file = file;
    this.generation = generation;
    this.headerSum = headerSum;
    this.#bytes = bytes;
  }

  /** Bytes that are known to be on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Writes without waiting for the disk; `sync` makes it durable. */
  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, bytes);
  }

  async sync(written: number): Promise<void> {
    await this.#file.sync();
    this.#bytes += written;
  }

  /** Takes back what was written since the last `sync`, for whoever reads the file. */
  async cut(): Promise<void> {
    await this.#file.truncate(this.#bytes);
  }

  /** The same, durably, so that it can never come back. */
  async rollBack(): Promise<void> {
    await this.cut();
    await this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

/** A journal file, up to a byte. */
export interface JournalEnd {
  readonly generation: number;
  readonly bytes: number;
}

/** What the header of a new generation says. */
export interface GenerationStart extends Pick<JournalHeader, "generation" | "at" | "version"> {
  readonly previous: JournalEnd | undefined;
  readonly unbroken?: boolean;
  readonly told?: JournalHeader["told"] | undefined;
}

/**
 * Creates a generation's file with its header and the lines that are carried over into it, which come
 * into being at once; file and name are durable on return.
 */
export async function beginGeneration(
  { fs, journal }: { readonly fs: FileSystem; readonly journal: string },
  { generation, previous, unbroken, told, at, version }: GenerationStart,
  seq: number,
  carried: Uint8Array = new Uint8Array(0),
): Promise<JournalWriter> {
  const header: JournalHeader = {
    format: JOURNAL_FORMAT,
    generation,
    previous: previous === undefined
      ? null
      : { generation: previous.generation, bytes: previous.bytes },
    ...unbroken !== undefined && { unbroken },
    ...told !== undefined && { told },
    at,
    version,
  };
  const path = `${journal}/${generationName(generation)}`;
  const unfinished = path + UNFINISHED;
  const file = await fs.create(unfinished);
  let name = unfinished;
  try {
    const headerLine = encodeLine(seq, JSON.stringify(header));
    const bytes = joinBytes([headerLine, carried]);
    await writeAll(file, bytes);
    await file.sync();
    // A rename would replace what a person put there.
    if (await fs.exists(path)) throw new Error("Cannot begin a journal file: its name is taken");
    await fs.rename(unfinished, path);
    name = path;
    await fs.syncFolder(journal);
    return new JournalWriter(file, generation, bytes.length, sumOf(headerLine));
  } catch (error) {
    file.close();
    await fs.remove(name).catch(() => {}); // Best effort: recovery knows what is left.
    throw error;
  }
}
