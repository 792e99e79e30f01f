/**
 * Bytes cut at line feeds, in bounded memory. JSON as we write it never holds a raw line feed, so
 * a line is a record, and damage to one line leaves its neighbours readable.
 */
import { Pace } from "./pace.ts";

export interface Line {
  /** The line without its line feed; empty where it was longer than allowed. */
  readonly bytes: Uint8Array;
  /** Where it begins in the stream. */
  readonly offset: number;
  /** False for a last line that lacks its line feed. */
  readonly ended: boolean;
  /** True where the line was longer than allowed; its bytes were let go. */
  readonly tooLong: boolean;
}

const LINE_FEED = 10;

/** The lines of each piece, as arrays: one await for many lines. */
export async function* readLines(
  pieces: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let offset = 0;

  const add = (part: Uint8Array) => {
    begunBytes += part.length;
    if (begunBytes <= maxLineBytes) begun.push(part);
    else begun = [];
  };
  const take = (ended: boolean): Line => {
    const tooLong = begunBytes > maxLineBytes;
    const line = { bytes: joinBytes(begun), offset, ended, tooLong };
    offset += begunBytes + (ended ? 1 : 0);
    begun = [];
    begunBytes = 0;
    return line;
  };

  for await (const piece of pieces) {
    const lines: Line[] = [];
    let start = 0;
    for (
      let end = piece.indexOf(LINE_FEED);
      end >= 0;
      start = end + 1, end = piece.indexOf(LINE_FEED, start)
    ) {
      add(piece.subarray(start, end));
      lines.push(take(true));
    }
    if (start < piece.length) add(piece.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [take(false)];
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const PIECE_CHARACTERS = 64 * 1024;

/** Joins texts, each with `end` behind it, into pieces worth sending; lets others run in between. */
export async function* linePieces(
  lines: AsyncIterable<string>,
  end = "",
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const pace = new Pace();
  let waiting = "";
  for await (const line of lines) {
    waiting += line + end;
    if (pace.due) await pace.breathe();
    if (waiting.length < PIECE_CHARACTERS) continue;
    yield encoder.encode(waiting);
    waiting = "";
  }
  if (waiting !== "") yield encoder.encode(waiting);
}
