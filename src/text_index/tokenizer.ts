/**
 * Text to terms, the same way for a memory and for a query, so that what was written is what is
 * found. Pure: one text always gives the same tokens.
 *
 * A word gives its stem. Identifiers, versions, paths, addresses give the whole and the parts:
 * `getUserName` is found by itself and by "user". Scripts that write no spaces give pairs of
 * characters, and single characters for a query that has only one.
 */
import { IDEOGRAPHIC, UNSPACED_LETTERS } from "../scripts.ts";
import { ENGLISH, isStopword, type Language, stemsOf } from "./languages.ts";
import { lower, normalized, withoutMarks } from "./normalized.ts";
import { isGrouped, seamOf, spellingsOf } from "./spellings.ts";
import { MAX_TERM_CHARACTERS } from "./stemming.ts";

export type TokenKind =
  /** A word, a part of a compound, or a pair of characters. */
  | "term"
  /** A compound as it was written. */
  | "whole"
  /** Another form of the word before it, at the same place: any of them is good to find it. */
  | "variant"
  /** Carries grammar only: asked for when a query has nothing else. */
  | "stopword"
  /** One character of a script without spaces, beside its pairs: asked for only by itself. */
  | "single";

/** Receives one token: its term, its kind, the number of the written word it came from, the word as
 * it stood before stemming, and where it stands in the written word without its optional marks. */
export type TokenSink = (
  term: string,
  kind: TokenKind,
  word: number,
  plain: string,
  start: number,
  end: number,
) => void;

/** Scripts written without spaces; Hangul too, as its endings are glued to the word. */
const UNSPACED_SCRIPTS = `${IDEOGRAPHIC}\\p{Script=Hangul}${UNSPACED_LETTERS}ー`;
const UNSPACED = new RegExp(`[${UNSPACED_SCRIPTS}]`, "u");
const UNSPACED_RUN = new RegExp(`(?:[${UNSPACED_SCRIPTS}]\\p{M}*)+|[^${UNSPACED_SCRIPTS}]+`, "gu");
/** A character with the signs that belong to it. */
const CHARACTER = /\P{M}\p{M}*/gu;
const CHARACTER_START = /\P{M}/u;

/** What holds identifiers, addresses, versions, paths and contractions together. */
const JOINER = "(?:->|[.'@:&=?%~_\\\\/-]+)";
const CHUNK = new RegExp(
  `\\p{L}(?:\\+\\+|#)(?![\\p{L}\\p{N}])|[\\p{L}\\p{N}\\p{M}]+(?:${JOINER}[\\p{L}\\p{N}\\p{M}]+)*|\\p{Extended_Pictographic}`,
  "gu",
);
const PART = /[\p{L}\p{N}\p{M}]+/gu;
const SIMPLE = /^[\p{L}\p{N}\p{M}]+$/u;
/** Where camelCase, and a run of capitals before a word, break. */
const HUMP = /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/u;
const CONTRACTION = /^[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)+$/u;
/** e-mail, snake_case: the same as in one word. */
const HYPHENATED = /^[\p{L}\p{M}]+(?:[-_][\p{L}\p{M}]+)+$/u;
/** ABC-123: the same as ABC123, while 3-5 is not 35. */
const NUMBERED = /^(?=[^\p{L}]*\p{L})[\p{L}\p{N}\p{M}]+(?:[-_][\p{L}\p{N}\p{M}]+)+$/u;
const VERSION = /^v(?=\d+(?:\.\d+)+)/;
/** What most words are: nothing in them to fold, to split or to look at twice. */
const PLAIN_WRITTEN = /^[A-Z]?[a-z]+$/;

/** The language of a text, and those of other texts that its words are looked for in. */
export interface Reading {
  readonly language: Language;
  readonly others: readonly Language[];
}

export const ENGLISH_READING: Reading = { language: ENGLISH, others: [] };

/** One written word on its way to the sink. */
interface Chunk {
  /** Without its optional marks. */
  readonly text: string;
  /** With them, where both are of one length. */
  readonly accented: string;
  readonly reading: Reading;
  readonly word: number;
  readonly sink: TokenSink;
}

/** Calls `sink` for every token of the text, in order. */
export function tokenize(text: string, sink: TokenSink, reading = ENGLISH_READING): void {
  chunksOf(normalized(text)).forEach((chunk, word) => tokenizeChunk(chunk, word, sink, reading));
}

/** The written words of a normalized text, in order: the tokens of each depend on nothing around
 * it. */
export function chunksOf(text: string): readonly string[] {
  return text.match(CHUNK) ?? [];
}

/** The same, with where in the text each begins. */
export function eachChunk(text: string, visit: (chunk: string, start: number) => void): void {
  for (const match of text.matchAll(CHUNK)) visit(match[0], match.index);
}

/** Calls `sink` for every token of one written word, which is number `word` of its text. */
export function tokenizeChunk(
  written: string,
  word: number,
  sink: TokenSink,
  reading = ENGLISH_READING,
): void {
  const text = PLAIN_WRITTEN.test(written) ? written : withoutMarks(written);
  const accented = text.length === written.length ? written : text;
  // Marks that no letter stands before.
  if (text === "") return;
  const chunk = { text, accented, reading, word, sink };
  if (PLAIN_WRITTEN.test(text)) emit(chunk, 0, text.length);
  else if (UNSPACED.test(text)) tokenizeMixed(chunk);
  else if (SIMPLE.test(text)) tokenizeWord(chunk, 0, text);
  else if (CONTRACTION.test(text)) tokenizeContraction(chunk);
  else tokenizeJoined(chunk);
}

/** Parts held together by what identifiers are held together by: the whole, and each. */
function tokenizeJoined(chunk: Chunk): void {
  const { text, word, sink } = chunk;
  const whole = lower(text).replace(VERSION, "");
  if (HYPHENATED.test(text)) emitWord(chunk, "whole", 0, text.length, /[-_]/g);
  else {
    const term = NUMBERED.test(text) ? whole.replace(/[-_]/g, "") : whole;
    sink(cut(term), "whole", word, whole, 0, text.length);
  }
  for (const term of spellingsOf(whole)) {
    if (term !== whole) sink(term, "variant", word, whole, 0, text.length);
  }
  if (isGrouped(whole)) return;
  const skipped = VERSION.test(text) ? 1 : 0;
  for (const { 0: part, index } of text.slice(skipped).matchAll(PART)) {
    tokenizeWord(chunk, skipped + index, part);
  }
}

/** Letters and digits only: a word, or words run together in camelCase. */
function tokenizeWord(chunk: Chunk, start: number, written: string): void {
  const end = start + written.length;
  const seam = seamOf(lower(written));
  const humps = seam === undefined
    ? written.split(HUMP)
    : [written.slice(0, seam), written.slice(seam)];
  if (humps.length === 1) return emit(chunk, start, end);
  emitWord(chunk, "whole", start, end);
  emitAll(chunk, start, humps, 0);
}

/** "don't" is a stopword, "Anna's" is Anna, "l'amour" and "O'Neil" are both parts and the whole. */
function tokenizeContraction(chunk: Chunk): void {
  const { text, word, sink, reading } = chunk;
  const plain = lower(text);
  if (isStopword(plain, reading.language)) {
    return sink(plain, "stopword", word, plain, 0, text.length);
  }
  const owner = /'s$/i.test(text) ? text.length - 2 : text.length;
  const parts = text.slice(0, owner).split("'");
  if (parts.length > 1) emitWord(chunk, "whole", 0, owner, /'/g);
  emitAll(chunk, 0, parts, 1);
}

function tokenizeMixed(chunk: Chunk): void {
  for (const { 0: part, index: start } of chunk.text.matchAll(PART)) {
    for (const { 0: run, index } of part.matchAll(UNSPACED_RUN)) {
      if (UNSPACED.test(run)) tokenizeUnspaced(chunk, start + index, run);
      else tokenizeWord(chunk, start + index, run);
    }
  }
}

/** Overlapping pairs need no dictionary to say where words end, and serve about as well. */
function tokenizeUnspaced({ word, sink }: Chunk, start: number, run: string): void {
  const characters = lower(run).match(CHARACTER) ?? [];
  // Signs that no letter stands before are skipped.
  let from = start + Math.max(0, run.search(CHARACTER_START));
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const next = characters[at + 1];
    const end = from + character.length;
    if (next !== undefined) {
      sink(character + next, "term", word, run, from, end + next.length);
    }
    sink(character, characters.length === 1 ? "term" : "single", word, run, from, end);
    from = end;
  }
}

/** Emits parts that follow one another, so many characters apart. */
function emitAll(chunk: Chunk, start: number, parts: readonly string[], gap: number): void {
  for (const part of parts) {
    emit(chunk, start, start + part.length);
    start += part.length + gap;
  }
}

function emit(chunk: Chunk, start: number, end: number): void {
  const { text, reading, word, sink } = chunk;
  const plain = lower(text.slice(start, end));
  if (isStopword(plain, reading.language)) sink(plain, "stopword", word, plain, start, end);
  else emitWord(chunk, "term", start, end);
}

/** The stem of the letters there, less those to be left out, and what else they are found by. */
function emitWord(
  chunk: Chunk,
  kind: "term" | "whole",
  start: number,
  end: number,
  out?: RegExp,
): void {
  const { text, accented, word, sink, reading: { language, others } } = chunk;
  const low = lower(text.slice(start, end));
  const lowAccented = accented.slice(start, end).toLowerCase();
  const plain = out === undefined ? low : low.replace(out, "");
  const written = out === undefined ? lowAccented : lowAccented.replace(out, "");
  const [first = plain, ...more] = stemsOf(plain, written, language);
  if (more.length === 0 && others.length === 0) return sink(first, kind, word, plain, start, end);
  const variants = others.flatMap((other) => stemsOf(plain, written, other));
  sink(first, kind, word, plain, start, end);
  for (const term of new Set([...more, ...variants])) {
    if (term !== first) sink(term, "variant", word, plain, start, end);
  }
}

function cut(term: string): string {
  return term.length <= MAX_TERM_CHARACTERS ? term : term.slice(0, MAX_TERM_CHARACTERS);
}
