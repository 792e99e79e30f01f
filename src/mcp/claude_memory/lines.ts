/**
 * The text of a file as its reader sees it, by numbered lines, and what an edit makes of it. Pure.
 * A line ends with a line feed; a carriage return before it is part of the line.
 */
import { Refusal } from "./refusal.ts";

/** Numbers of lines are written this wide, as for files of up to 999,999. */
const NUMBER_WIDTH = 6;
/** How many lines before and after the one that changed are shown. */
const AROUND = 2;
/** More are as little to be told apart by their numbers. */
const MOST_PLACES = 100;
/** What of a text that is not there is repeated. */
const MOST_REPEATED = 1_000;

/** First and last, counted from 1; -1 for the end. */
export type LineRange = readonly [number, number];

export function shownLines(text: string, range: LineRange | undefined): string {
  const lines = text.split("\n");
  if (range === undefined) return numbered(lines, 1);
  const [first, last] = [Math.max(1, range[0]), range[1]];
  return numbered(lines.slice(first - 1, last === -1 ? lines.length : last), first);
}

function numbered(lines: readonly string[], first: number): string {
  return lines.map((line, at) => `${String(first + at).padStart(NUMBER_WIDTH)}\t${line}`)
    .join("\n");
}

/** The text with the one place replaced, and the lines about it. Throws `Refusal`. */
export function replaced(
  { path, text, before, after }: {
    readonly path: string;
    readonly text: string;
    readonly before: string;
    readonly after: string;
  },
): { readonly text: string; readonly snippet: string } {
  const { first, lines } = placesOf(before, text);
  const told = shortened(before);
  if (first === undefined) {
    throw new Refusal(
      `No replacement was performed, old_str \`${told}\` did not appear verbatim in ${path}.`,
    );
  }
  if (lines !== undefined) {
    throw new Refusal(
      `No replacement was performed. Multiple occurrences of old_str \`${told}\` in lines: ` +
        `${lines.join(", ")}. Please ensure it is unique`,
    );
  }
  const changed = text.slice(0, first) + after + text.slice(first + before.length);
  return { text: changed, snippet: snippetAt(changed, first) };
}

/** Where the part begins first, and the lines that it begins in where it is there more than once. */
function placesOf(
  part: string,
  text: string,
): { readonly first?: number; readonly lines?: readonly number[] } {
  const first = text.indexOf(part);
  if (first === -1) return {};
  const step = Math.max(1, part.length);
  if (first + step > text.length || text.indexOf(part, first + step) === -1) return { first };
  const lines = new Set<number>();
  let line = 1, counted = 0;
  for (let at = first; at !== -1 && lines.size < MOST_PLACES; at = text.indexOf(part, at + step)) {
    for (let feed = text.indexOf("\n", counted); feed !== -1 && feed < at;) {
      line++;
      counted = feed + 1;
      feed = text.indexOf("\n", counted);
    }
    lines.add(line);
    if (at + step > text.length) break;
  }
  return { first, lines: [...lines] };
}

function snippetAt(text: string, place: number): string {
  const lines = text.split("\n");
  const changed = text.slice(0, place).split("\n").length - 1;
  const from = Math.max(0, changed - AROUND);
  return numbered(lines.slice(from, changed + AROUND + 1), from + 1);
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
