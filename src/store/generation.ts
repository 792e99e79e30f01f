/**
 * Reads one generation of the journal at recovery: first judged as a whole, then replayed. In a
 * healthy file the records stand in order and are replayed as they stream by; in a damaged one all
 * lines that are good are put back in order first.
 */
import { ZodError } from "zod";
import { Pace } from "../pace.ts";
import { decodeRecord, type JournalRecord } from "./codec.ts";
import { joinBytes } from "../lines.ts";
import { type FileSystem, readPieces } from "./fs.ts";
import { type JournalLine, type JournalPart, MAX_LINE_BYTES, readJournal } from "./journal.ts";

export interface Survey {
  /** Last sequence number of a good line, the header's where there is no other. */
  readonly lastSeq: number;
  /** Good records behind the header. */
  readonly records: number;
  /** Where the last good line ends. */
  readonly goodBytes: number;
  /** Where the part of the file that counts ends: behind the last good line if torn. */
  readonly endBytes: number;
  /** What is wrong between good lines; empty in a healthy file. */
  readonly damage: readonly string[];
}

/** Reports more oddities than this are cut: a shredded file has thousands. */
const MAX_DAMAGE_LINES = 20;

/** What recovery knows of a file before it reads the records. */
export interface Extent {
  readonly path: string;
  readonly size: number;
  /** False where the first line is no header: then it may be a record. */
  readonly hasHeader: boolean;
}

/**
 * `firstSeq` is what the first record must have. At the end of history the last batch may lack any
 * of its sectors, since nobody waited for their order: it counts up to the first that is missing.
 */
export async function surveyGeneration(
  fs: FileSystem,
  { path, size, hasHeader }: Extent,
  limit: number,
  firstSeq: number,
  isLast: boolean,
): Promise<Survey> {
  let lastSeq = firstSeq - 1, records = 0, goodBytes = 0, sectorsOnly = true;
  let torn: (Omit<Survey, "endBytes" | "damage"> & { readonly batchSeq: number }) | undefined;
  const damage: string[] = [];
  const judge = (part: JournalPart) => {
    const { offset, bytes, line } = part;
    if (line === undefined) {
      sectorsOnly &&= part.tooLong || lacksSector(part);
      return;
    }
    const { seq, batchSeq } = line;
    if (offset !== goodBytes) {
      const isTorn = damage.length === 0 && sectorsOnly && batchSeq <= lastSeq + 1;
      if (isTorn && seq > lastSeq + 1) torn = { lastSeq, records, goodBytes, batchSeq };
      damage.push(`unreadable bytes from offset ${goodBytes} to ${offset}`);
    } else if (seq !== lastSeq + 1) torn = undefined;
    if (batchSeq !== torn?.batchSeq || seq <= lastSeq || !sectorsOnly) torn = undefined;
    goodBytes = offset + bytes.length + 1;
    if (offset === 0 && hasHeader) return;
    records++;
    if (seq !== lastSeq + 1) damage.push(`record ${seq} follows ${lastSeq} at offset ${offset}`);
    lastSeq = Math.max(lastSeq, seq);
  };
  for await (const parts of readJournal(fs, path, limit)) parts.forEach(judge);
  const endBytes = Math.min(size, limit);
  if (isLast && torn !== undefined) return { ...torn, endBytes, damage: [] };
  return { lastSeq, records, goodBytes, endBytes, damage: damage.slice(0, MAX_DAMAGE_LINES) };
}

const SECTOR_BYTES = 512;

/** True where zeros reach from the bytes' beginning or a sector's to the end of a sector. */
function lacksSector({ offset, bytes }: JournalPart): boolean {
  for (let start = bytes.indexOf(0), end = 0; start >= 0; start = bytes.indexOf(0, end)) {
    for (end = start; bytes[end] === 0;) end++;
    const begins = start === 0 || (offset + start) % SECTOR_BYTES === 0;
    if (begins && (offset + end) % SECTOR_BYTES === 0) return true;
  }
  return false;
}

/** A file without a header that is shorter than this was cut off while it was created. */
const HEADER_BYTES = 1024;

/** True where no record is in a file: it is a header only, or the stump of one. */
export async function isBare(
  fs: FileSystem,
  { path, size }: Extent,
  headerBytes: number | undefined,
): Promise<boolean> {
  if (headerBytes !== undefined) return size === headerBytes;
  if (size >= HEADER_BYTES) return false;
  for await (const parts of readJournal(fs, path)) {
    if (parts.some(({ line }) => line !== undefined)) return false;
  }
  return true;
}

/**
 * Makes durable what was read: a process that was killed between writing and syncing left it in
 * the page cache only, and what can be read must survive.
 */
export async function syncFile(fs: FileSystem, path: string): Promise<void> {
  const file = await fs.open(path);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** More than a batch takes that is not one line: its characters have three bytes at most. */
const MAX_TAIL_BYTES = 4 * MAX_LINE_BYTES;

/** The bytes of a file from an offset on, at most `MAX_TAIL_BYTES` of them. */
export async function readTail(fs: FileSystem, path: string, from: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let offset = 0;
  for await (const piece of readPieces(fs, path, from + MAX_TAIL_BYTES)) {
    if (offset + piece.length > from) parts.push(piece.subarray(Math.max(0, from - offset)));
    offset += piece.length;
  }
  return joinBytes(parts);
}

/** The good records above `afterSeq`, each once, in order; those that are none are counted. */
export async function replayGeneration(
  fs: FileSystem,
  extent: Extent,
  survey: Survey,
  afterSeq: number,
  apply: (record: JournalRecord) => void,
): Promise<{ undecodable: number }> {
  const pace = new Pace();
  let undecodable = 0;
  const replay = async (line: JournalLine) => {
    if (line.seq <= afterSeq) return;
    const record = recordOrUndefined(line.json);
    if (record === undefined) undecodable++;
    else apply(record);
    if (pace.due) await pace.breathe();
  };
  if (survey.damage.length === 0) {
    for await (const line of goodLines(fs, extent, survey.goodBytes)) await replay(line);
  } else {
    const bySeq = new Map<number, JournalLine>();
    for await (const line of goodLines(fs, extent, survey.goodBytes)) bySeq.set(line.seq, line);
    for (const line of [...bySeq.values()].sort((a, b) => a.seq - b.seq)) await replay(line);
  }
  return { undecodable };
}

async function* goodLines(
  fs: FileSystem,
  { path, hasHeader }: Extent,
  limit: number,
): AsyncGenerator<JournalLine> {
  for await (const parts of readJournal(fs, path, limit)) {
    for (const { line, offset } of parts) {
      if (line !== undefined && !(offset === 0 && hasHeader)) yield line;
    }
  }
}

function recordOrUndefined(json: string): JournalRecord | undefined {
  try {
    return decodeRecord(json);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ZodError) {
      return undefined; // Counted by the caller: the line's checksum is right, its content is not.
    }
    throw error;
  }
}
