/**
 * The text of a file as its reader sees it, by numbered lines, and what an edit makes of it. A line
 * ends with a line feed; a carriage return before that is part of the line.
 */
import { paced } from "../../pace.ts";
import { Refusal } from "./refusal.ts";

/** Numbers of lines are written this wide, as for files of up to 999,999. */
const NUMBER_WIDTH = 6;
const LINE_FEED = 0x0a;
/** How many lines before and after the one that changed are shown. */
const AROUND = 2;
/** More numbers of lines help nobody. */
const MOST_LINES = 100;
/** What of a text that is not there is repeated. */
const MOST_REPEATED = 1_000;

/** First and last, counted from 1; -1 for the end. */
export type LineRange = readonly [number, number];

/** Others run in between: a file may have as many lines as characters. */
export async function shownLines(text: string, range: LineRange = [1, -1]): Promise<string> {
  const lines = text.split("\n");
  const [first, last] = [Math.max(1, range[0]), range[1]];
  const shown = lines.slice(first - 1, last === -1 ? lines.length : last);
  return (await paced(shown.entries(), ([at, line]) => numbered(first + at, line))).join("\n");
}

function numbered(number: number, line: string): string {
  return `${String(number).padStart(NUMBER_WIDTH)}\t${line}`;
}

interface Replacement {
  readonly path: string;
  readonly text: string;
  /** Not empty. */
  readonly before: string;
  readonly after: string;
}

/** The text with the one place replaced, and the lines about it. Throws `Refusal`. */
export function replaced(
  { path, text, before, after }: Replacement,
): { readonly text: string; readonly snippet: string } {
  const [place, ...others] = placesOf(before, text);
  const told = shortened(before);
  if (place === undefined) {
    throw new Refusal(
      `No replacement was performed, old_str \`${told}\` did not appear verbatim in ${path}.`,
    );
  }
  if (others.length > 0) {
    const lines = [...new Set([place, ...others].map(({ line }) => line))];
    throw new Refusal(
      `No replacement was performed. Multiple occurrences of old_str \`${told}\` in lines: ` +
        `${lines.slice(0, MOST_LINES).join(", ")}. Please ensure it is unique`,
    );
  }
  const changed = text.slice(0, place.at) + after + text.slice(place.at + before.length);
  return { text: changed, snippet: snippetAt(changed, place.line) };
}

interface Place {
  readonly at: number;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Where the part stands, none overlapping another, as far as they are to be told. The time is in
 * proportion to both texts, whatever they are (Knuth, Morris and Pratt 1977): with `indexOf`, some
 * take a second.
 */
function placesOf(part: string, text: string): Place[] {
  if (part.length > text.length) return [];
  const places: Place[] = [];
  const fallbacks = fallbacksOf(part);
  const lineFeeds = part.split("\n").length - 1;
  let line = 1, matched = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === LINE_FEED) line++;
    matched = matchedWith(part, fallbacks, matched, unit);
    if (matched < part.length) continue;
    matched = 0;
    const place = { at: at + 1 - part.length, line: line - lineFeeds };
    if (places.length < 2 || place.line !== places.at(-1)?.line) places.push(place);
    if (places.length > MOST_LINES) break;
  }
  return places;
}

/** By the end of a beginning of the part, how long a shorter beginning is that ends there, too. */
function fallbacksOf(part: string): Int32Array {
  const fallbacks = new Int32Array(part.length);
  for (let at = 1, matched = 0; at < part.length; at++) {
    matched = matchedWith(part, fallbacks, matched, part.charCodeAt(at));
    fallbacks[at] = matched;
  }
  return fallbacks;
}

/** How much of the part's beginning is there with one unit more, where so much was before it. */
function matchedWith(
  part: string,
  fallbacks: Int32Array,
  before: number,
  unit: number,
): number {
  let matched = before;
  while (matched > 0 && part.charCodeAt(matched) !== unit) matched = fallbacks[matched - 1] ?? 0;
  return part.charCodeAt(matched) === unit ? matched + 1 : matched;
}

function snippetAt(text: string, line: number): string {
  const from = Math.max(1, line - AROUND);
  const lines = text.split("\n").slice(from - 1, line + AROUND);
  return lines.map((line, at) => numbered(from + at, line)).join("\n");
}

/** The text with another behind so many of its lines. Throws `Refusal`. */
export function inserted(text: string, line: number, more: string): string {
  const lines = text.split("\n");
  if (line < 0 || line > lines.length) {
    throw new Refusal(
      `Error: Invalid \`insert_line\` parameter: ${line}. It should be within the range of lines ` +
        `of the file: [0, ${lines.length}]`,
    );
  }
  return lines.toSpliced(line, 0, more.replace(/\n$/, "")).join("\n");
}

function shortened(text: string): string {
  if (text.length <= MOST_REPEATED) return text;
  return `${text.slice(0, MOST_REPEATED).toWellFormed()}…`;
}
