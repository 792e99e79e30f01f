/**
 * Which piece of a long text to show: the one with the most of what was asked for, cut between
 * sentences where one ends near by, else between words, and never inside a character.
 */
import type { TextRange } from "../text_index.ts";
import type { Graphemes } from "../graphemes.ts";

/** A piece of a text that was asked for, and how much it tells. */
export interface Match extends TextRange {
  readonly term: number;
  readonly weight: number;
}

/** About how long an excerpt is; a text not much longer is shown whole. */
const EXCERPT_CHARACTERS = 240;
const WHOLE_CHARACTERS = 300;
/** What is shown before the first match where its sentence begins too far away. */
const LEAD_CHARACTERS = 60;
/** What a term counts for when it is there again. */
const REPEATED = 0.05;

const SENTENCE_BREAK = /[.!?…]["'”’)\]]{0,4}\s+|[。！？]["'”’)\]」』]{0,4}\s*|\s*\n\s*/gu;
const SPACE = /\s/u;

/** The excerpt for matches in the order of the text; its beginning, where there is none. */
export function excerptOf(
  content: string,
  matches: readonly Match[],
  graphemes: Graphemes,
): TextRange {
  if (content.length <= WHOLE_CHARACTERS) return { start: 0, end: content.length };
  const { start, end } = bestSpan(matches);
  const first = startOf(content, start, end);
  return {
    start: graphemes.floor(afterSpace(content, first, end)),
    end: graphemes.ceil(beforeSpace(content, endOf(content, first, end), end)),
  };
}

/** From the first to the last of the matches that are best shown together. */
function bestSpan(matches: readonly Match[]): TextRange {
  const counts = new Map<number, number>();
  let best = { start: 0, end: 0 };
  let last = 0;
  let bestWeight = 0;
  let weight = 0;
  let from = 0;
  for (const match of matches) {
    last = Math.max(last, match.end);
    const count = counts.get(match.term) ?? 0;
    counts.set(match.term, count + 1);
    weight += match.weight * (count === 0 ? 1 : REPEATED);
    for (let first = matches[from]; first !== undefined; first = matches[++from]) {
      if (match.end - first.start <= EXCERPT_CHARACTERS || first === match) break;
      const left = (counts.get(first.term) ?? 1) - 1;
      counts.set(first.term, left);
      weight -= first.weight * (left === 0 ? 1 : REPEATED);
    }
    // By more than rounding can do: of equal ones the first is shown.
    if (weight <= bestWeight + 1e-9) continue;
    bestWeight = weight;
    const start = matches[from]?.start ?? match.start;
    best = { start, end: last - start <= EXCERPT_CHARACTERS ? last : match.end };
  }
  return best;
}

function startOf(content: string, start: number, end: number): number {
  const spare = Math.max(0, EXCERPT_CHARACTERS - (end - start));
  const from = start - Math.floor(spare * 2 / 3);
  if (from <= 0) return 0;
  const sentence = breaksIn(content, from, start).at(-1);
  if (sentence !== undefined) return sentence.end;
  const last = content.length - EXCERPT_CHARACTERS;
  const wanted = Math.max(from, Math.min(start - LEAD_CHARACTERS, last));
  for (let at = wanted; at < start; at++) {
    if (SPACE.test(content.charAt(at))) return at + 1;
  }
  return wanted;
}

function endOf(content: string, start: number, end: number): number {
  const limit = Math.max(end, start + EXCERPT_CHARACTERS);
  if (limit >= content.length) return content.length;
  const half = Math.max(end, start + EXCERPT_CHARACTERS / 2);
  const sentence = breaksIn(content, half - 1, limit).at(-1);
  if (sentence !== undefined) return Math.max(end, sentence.start);
  for (let at = limit; at > end; at--) if (SPACE.test(content.charAt(at))) return at;
  return limit;
}

/** The breaks between sentences, each from behind the last sign of one to the next one. */
function breaksIn(content: string, from: number, to: number): TextRange[] {
  const found: TextRange[] = [];
  for (const { 0: text, index } of content.slice(from, to).matchAll(SENTENCE_BREAK)) {
    const start = from + index + text.trimEnd().length;
    found.push({ start, end: from + index + text.length });
  }
  return found;
}

function afterSpace(content: string, at: number, most: number): number {
  while (at < most && SPACE.test(content.charAt(at))) at++;
  return at;
}

function beforeSpace(content: string, at: number, least: number): number {
  while (at > least && SPACE.test(content.charAt(at - 1))) at--;
  return at;
}
