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
import {
  isNoText,
  type JournalLine,
  type JournalPart,
  MAX_LINE_BYTES,
  readJournal,
} from "./journal.ts";

export interface Survey {
  /** Last sequence number of a good line, the header's where there is no other. */
  readonly lastSeq: number;
  /** Checksum of the last good line. */
  readonly lastSum: number;
  /** Good records behind the header. */
  readonly records: number;
  /** Where the last good line ends. */
  readonly goodBytes: number;
  /** Where the part of the file that counts ends: behind the last good line if torn. */
  readonly endBytes: number;
  /** Good lines of a torn batch behind the first of its sectors that is missing. */
  readonly behind: readonly JournalLine[];
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
 * of its sectors, since nobody waited for their order; but never the header, which all waited for.
 * Nor can it be seen whether a sector was lost before the batch was acknowledged or after: so the
 * file is whole up to the first that is missing, and what can be read behind it counts as well.
 */
export async function surveyGeneration(
  fs: FileSystem,
  { path, size, hasHeader }: Extent,
  limit: number,
  firstSeq: number,
  isLast: boolean,
): Promise<Survey> {
  let lastSeq = firstSeq - 1, lastSum = 0, records = 0, goodBytes = 0;
  let mayBeTorn = isLast && hasHeader;
  let torn: TornBatch | undefined;
  const damage: string[] = [];
  const judge = (part: JournalPart) => {
    const { offset, bytes, line } = part;
    if (line === undefined) {
      mayBeTorn &&= part.tooLong || !part.ended || lacksSector(part);
      return;
    }
    const { seq, batchSeq } = line;
    if (offset !== goodBytes) {
      const isTorn = damage.length === 0 && mayBeTorn && batchSeq <= lastSeq + 1;
      if (isTorn && seq > lastSeq + 1) {
        torn = { lastSeq, lastSum, records, goodBytes, batchSeq, behind: [] };
      }
      damage.push(`unreadable bytes from offset ${goodBytes} to ${offset}`);
    } else if (seq !== lastSeq + 1) torn = undefined;
    if (batchSeq !== torn?.batchSeq || seq <= lastSeq || !mayBeTorn) torn = undefined;
    torn?.behind.push(line);
    goodBytes = offset + bytes.length + 1;
    lastSum = line.sum;
    if (offset === 0 && hasHeader) return;
    records++;
    if (seq !== lastSeq + 1) damage.push(`record ${seq} follows ${lastSeq} at offset ${offset}`);
    lastSeq = Math.max(lastSeq, seq);
  };
  for await (const parts of readJournal(fs, path, limit)) parts.forEach(judge);
  const endBytes = Math.min(size, limit);
  if (torn !== undefined && mayBeTorn) return { ...torn, endBytes, damage: [] };
  if (isLast && goodBytes < endBytes && !mayBeTorn) {
    damage.push(`unreadable bytes from offset ${goodBytes} to the end`);
  }
  damage.splice(MAX_DAMAGE_LINES);
  return { lastSeq, lastSum, records, goodBytes, endBytes, behind: [], damage };
}

interface TornBatch extends Omit<Survey, "endBytes" | "damage"> {
  readonly batchSeq: number;
  readonly behind: JournalLine[];
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

/**
 * The good records above `afterSeq`, each once, in order, with their lines; those that are none are
 * counted. Those from behind a hole are `carried`: they have to be written again, where no hole is
 * before them, so that their lines are of no use.
 */
export async function replayGeneration(
  fs: FileSystem,
  extent: Extent,
  survey: Survey,
  afterSeq: number,
  apply: (record: JournalRecord, line: JournalLine | undefined) => void,
): Promise<{ undecodable: number; carried: readonly string[] }> {
  const pace = new Pace();
  const carried: string[] = [];
  let undecodable = 0;
  const replay = async (line: JournalLine, isBehind = false) => {
    if (line.seq <= afterSeq) return;
    const record = recordOrUndefined(line);
    if (record === undefined) undecodable++;
    else {
      apply(record, isBehind ? undefined : line);
      if (isBehind) carried.push(line.json);
    }
    if (pace.due) await pace.breathe();
  };
  if (survey.damage.length === 0) {
    for await (const line of goodLines(fs, extent, survey.goodBytes)) await replay(line);
  } else {
    const bySeq = new Map<number, JournalLine>();
    for await (const line of goodLines(fs, extent, survey.goodBytes)) bySeq.set(line.seq, line);
    for (const line of [...bySeq.values()].sort((a, b) => a.seq - b.seq)) await replay(line);
  }
  for (const line of survey.behind) await replay(line, true);
  return { undecodable, carried };
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

function recordOrUndefined(line: JournalLine): JournalRecord | undefined {
  try {
    return decodeRecord(line.json);
  } catch (error) {
    if (isNoText(error) || error instanceof ZodError) {
      return undefined; // Counted by the caller: the line's checksum is right, its content is not.
    }
    throw error;
  }
}
