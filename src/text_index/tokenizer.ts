/**
 * Text to terms, the same way for a memory and for a query, so that what was written is what is
 * found. Pure: one text always gives the same tokens.
 *
 * A word gives its stem. Identifiers, versions, paths, addresses give the whole and the parts:
 * `getUserName` is found by itself and by "user". Scripts that write no spaces give pairs of
 * characters, and single characters for a query that has only one.
 */
import { lower, normalized, withoutMarks } from "./normalized.ts";
import { isStopword } from "./stopwords.ts";
import { MAX_TERM_CHARACTERS, stem } from "./stemming.ts";

export type TokenKind =
  /** A word, a part of a compound, or a pair of characters. */
  | "term"
  /** A compound as it was written. */
  | "whole"
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
const UNSPACED_SCRIPTS =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}" +
  "\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}ー";
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
const HYPHENATED = /^[\p{L}\p{M}]+(?:-[\p{L}\p{M}]+)+$/u;
const VERSION = /^v(?=\d+(?:\.\d+)+)/;
/** What most words are: nothing in them to fold, to split or to look at twice. */
const PLAIN_WRITTEN = /^[A-Z]?[a-z]+$/;

/** One written word on its way to the sink. */
interface Chunk {
  /** Without its optional marks. */
  readonly text: string;
  readonly word: number;
  readonly sink: TokenSink;
}

/** Calls `sink` for every token of the text, in order. */
export function tokenize(text: string, sink: TokenSink): void {
  chunksOf(normalized(text)).forEach((chunk, word) => tokenizeChunk(chunk, word, sink));
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
export function tokenizeChunk(written: string, word: number, sink: TokenSink): void {
  const text = PLAIN_WRITTEN.test(written) ? written : withoutMarks(written);
  const chunk = { text, word, sink };
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
  const term = HYPHENATED.test(text) ? stem(whole.replaceAll("-", "")) : cut(whole);
  sink(term, "whole", word, whole, 0, text.length);
  const skipped = VERSION.test(text) ? 1 : 0;
  for (const { 0: part, index } of text.slice(skipped).matchAll(PART)) {
    tokenizeWord(chunk, skipped + index, part);
  }
}

/** Letters and digits only: a word, or words run together in camelCase. */
function tokenizeWord(chunk: Chunk, start: number, written: string): void {
  const end = start + written.length;
  const humps = written.split(HUMP);
  if (humps.length === 1) return emit(chunk, start, end);
  const plain = lower(written);
  chunk.sink(stem(plain), "whole", chunk.word, plain, start, end);
  emitAll(chunk, start, humps, 0);
}

/** "don't" is a stopword, "Anna's" is Anna, "l'amour" and "O'Neil" are both parts and the whole. */
function tokenizeContraction(chunk: Chunk): void {
  const { text, word, sink } = chunk;
  const plain = lower(text);
  if (isStopword(plain)) return sink(plain, "stopword", word, plain, 0, text.length);
  const owner = plain.replace(/'s$/, "");
  const parts = text.slice(0, /'s$/i.test(text) ? -2 : undefined).split("'");
  if (parts.length > 1) {
    sink(stem(owner.replaceAll("'", "")), "whole", word, owner, 0, text.length);
  }
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

function emit({ text, word, sink }: Chunk, start: number, end: number): void {
  const plain = lower(text.slice(start, end));
  if (isStopword(plain)) sink(plain, "stopword", word, plain, start, end);
  else sink(stem(plain), "term", word, plain, start, end);
}

function cut(term: string): string {
  return term.length <= MAX_TERM_CHARACTERS ? term : term.slice(0, MAX_TERM_CHARACTERS);
}
