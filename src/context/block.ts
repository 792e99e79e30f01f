/**
 * A memory as a language model reads it: a line of its own with its date and id, then its text,
 * whole or the best piece of it, each line behind a mark.
 *
 *     [2026-01-31T12:00Z 0190a5f0-7c3e-7b21-9d4f-3e8a61c2b5d7]
 *     > The garden fence gets cedar posts, not pine.
 *
 * No line of a memory begins with a bracket and no line of the frame with the mark: whatever a
 * memory says, it cannot pass for another one.
 */
import type { Memory } from "../memory.ts";
import type { TextRange } from "../text_index.ts";
import { estimateTokens } from "../tokens.ts";

export interface Block {
  readonly text: string;
  readonly tokens: number;
  readonly isExcerpt: boolean;
}

/** Whatever a reader may take for the end of a line. */
const LINE_END = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/u;
/** A token stands for fewer characters than these: a text longer than that need not be counted. */
const CHARACTERS_PER_TOKEN = 8;
const LEAST_EXCERPT = 40;
/** Less than the line with date and id takes. */
const FRAME_TOKENS = 30;
/** How far a cut may move to fall between words. */
const WORD_CHARACTERS = 30;
/** Of what an excerpt has room for beside what was asked about, this stands before it. */
const BEFORE = 1 / 3;
const JOINED = /[\p{M}\u200d\ufe0f\u{1f3fb}-\u{1f3ff}]/u;

/** The whole memory; undefined where it takes more tokens. */
export function wholeBlock(memory: Memory, maxTokens: number): Block | undefined {
  if (memory.content.length > maxTokens * CHARACTERS_PER_TOKEN) return undefined;
  const block = blockOf(memory, memory.content, false);
  return block.tokens <= maxTokens ? block : undefined;
}

/** As much of the memory as fits about the place where it says what was asked for; undefined
 * where that is next to nothing. */
export function excerptBlock(
  memory: Memory,
  placeOf: (memory: Memory) => TextRange,
  maxTokens: number,
): Block | undefined {
  const { content } = memory;
  let characters = Math.min(content.length - 1, (maxTokens - FRAME_TOKENS) * CHARACTERS_PER_TOKEN);
  if (characters < LEAST_EXCERPT) return undefined;
  const place = placeOf(memory);
  while (characters >= LEAST_EXCERPT) {
    const { start, end } = around(content, place, characters);
    const before = start > 0 ? "… " : "";
    const after = end < content.length ? " …" : "";
    const block = blockOf(memory, `${before}${content.slice(start, end)}${after}`, true);
    if (block.tokens <= maxTokens) return block;
    characters = Math.floor(characters * Math.min(0.9, maxTokens / block.tokens));
  }
  return undefined;
}

function blockOf({ id, created_at }: Memory, text: string, isExcerpt: boolean): Block {
  const date = `${created_at.slice(0, 16)}Z`;
  const lines = [`[${date} ${id}${isExcerpt ? " excerpt" : ""}]`];
  for (const line of text.split(LINE_END)) lines.push(line === "" ? ">" : `> ${line}`);
  const block = `${lines.join("\n")}\n`;
  return { text: block, tokens: estimateTokens(`${block}\n`), isExcerpt };
}

/** So many characters with the given place in them, cut between words where one ends near by. */
function around(content: string, place: TextRange, characters: number): TextRange {
  const room = Math.max(0, characters - (place.end - place.start));
  const first = Math.max(0, Math.floor(place.start - room * BEFORE));
  const last = Math.min(content.length, first + characters);
  const start = startNear(content, Math.max(0, last - characters));
  return { start, end: Math.max(start, endNear(content, last)) };
}

function startNear(content: string, at: number): number {
  if (at === 0) return 0;
  const blank = content.slice(at, at + WORD_CHARACTERS).search(/\s\S/);
  let start = blank === -1 ? at : at + blank + 1;
  while (start < content.length && isInside(content, start)) start++;
  return start;
}

function endNear(content: string, at: number): number {
  if (at >= content.length) return content.length;
  const from = Math.max(0, at - WORD_CHARACTERS);
  const blank = content.slice(from, at + 1).search(/\s\S*$/);
  let end = blank <= 0 ? at : from + blank;
  while (end > 0 && isInside(content, end)) end--;
  return end;
}

/** Whether a cut would part what is one character to a reader. */
function isInside(content: string, at: number): boolean {
  const unit = content.charCodeAt(at);
  if (unit >= 0xdc00 && unit <= 0xdfff) return true;
  const next = String.fromCodePoint(content.codePointAt(at) ?? 0);
  return JOINED.test(next) || content.charCodeAt(at - 1) === 0x200d;
}
