/**
 * Text to terms, the same way for a memory and for a query, so that what was written is what is
 * found. Pure: one text always gives the same tokens.
 *
 * A word gives its stem. Identifiers, versions, paths, addresses give the whole and the parts:
 * `getUserName` is found by itself and by "user". Scripts that write no spaces give pairs of
 * characters, and single characters for a query that has only one.
 */
import porter2 from "wink-porter2-stemmer";
import { isStopword } from "./stopwords.ts";

/** Porter2 (Snowball English, https://snowballstem.org/algorithms/english/stemmer.html). */
const porter: (word: string) => string = porter2;

export type TokenKind =
  /** A word, a part of a compound, or a pair of characters. */
  | "term"
  /** A compound as it was written. */
  | "whole"
  /** Carries grammar only: asked for when a query has nothing else. */
  | "stopword"
  /** One character of a script without spaces, beside its pairs: asked for only by itself. */
  | "single";

/** Receives one token: its term, its kind, the number of the written word it came from, and the
 * word as it stood before stemming. */
export type TokenSink = (term: string, kind: TokenKind, word: number, plain: string) => void;

/** Longer words are cut: nobody types them, and a blob must not fill the vocabulary. */
const MAX_TERM_CHARACTERS = 64;
/** No English word with a suffix is longer, and the stemmer is not linear in the length. */
const MAX_STEM_CHARACTERS = 32;
const MAX_CACHED_STEMS = 50_000;

/** Accents of Latin, Greek and Cyrillic, Hebrew points, Arabic vowel signs: all optional in
 * writing. Vowel signs of Indic scripts and Thai are letters to their readers and stay. */
const OPTIONAL_MARKS = /[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u065f\u0670]/g;
/** Letters that Unicode does not decompose, as they are typed on a plain keyboard. */
const PLAIN: Readonly<Record<string, string>> = {
  "ß": "ss",
  "æ": "ae",
  "œ": "oe",
  "ø": "o",
  "ł": "l",
  "đ": "d",
  "ð": "d",
  "þ": "th",
  "ı": "i",
};
const NOT_PLAIN = /[ßæœøłđðþı]/g;

/** Scripts written without spaces; Hangul too, as its endings are glued to the word. */
const UNSPACED_SCRIPTS =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Thai}" +
  "\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}ー";
const UNSPACED = new RegExp(`[${UNSPACED_SCRIPTS}]`, "u");
const UNSPACED_RUN = new RegExp(`(?:[${UNSPACED_SCRIPTS}]\\p{M}*)+|[^${UNSPACED_SCRIPTS}]+`, "gu");
/** A character with the signs that belong to it. */
const CHARACTER = /\P{M}\p{M}*/gu;

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
const THOUSANDS = /(?<=\d),(?=\d{3}(?!\d))/g;
const APOSTROPHE = /[’‘ʼ]/g;
const CONTRACTION = /^[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)+$/u;
const HYPHENATED = /^[\p{L}\p{M}]+(?:-[\p{L}\p{M}]+)+$/u;
const VERSION = /^v(?=\d+(?:\.\d+)+)/;
const PLAIN_WORD = /^[a-z]+$/;
/** What most words are: nothing in them to fold, to split or to look at twice. */
const PLAIN_WRITTEN = /^[A-Z]?[a-z]+$/;
// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Calls `sink` for every token of the text, in order. */
export function tokenize(text: string, sink: TokenSink): void {
  chunksOf(folded(text)).forEach((chunk, word) => tokenizeChunk(chunk, word, sink));
}

/** The text as its words are looked for: without optional marks, 1,000 as 1000; case stays. */
export function folded(text: string): string {
  return foldMarks(text).replace(THOUSANDS, "");
}

/** The written words of a folded text, in order: the tokens of each depend on nothing around it. */
export function chunksOf(text: string): readonly string[] {
  return text.match(CHUNK) ?? [];
}

/** The stem of a lower-case word; a word that is not plain English letters is its own. */
export function stem(word: string): string {
  if (word.length > MAX_STEM_CHARACTERS || !PLAIN_WORD.test(word)) return cut(word);
  const known = stems.get(word);
  if (known !== undefined) return known;
  const found = porter(word);
  if (stems.size >= MAX_CACHED_STEMS) stems.clear();
  stems.set(word, found);
  return found;
}

/** Porter2 takes microseconds, most words come again. Holds nothing but a pure function's results. */
const stems = new Map<string, string>();

/** Compatibility forms and optional marks off; case stays, as it shows where camelCase breaks. */
function foldMarks(text: string): string {
  if (ASCII.test(text)) return text;
  const folded = text.normalize("NFKD").replace(OPTIONAL_MARKS, "").normalize("NFC");
  // One ligature may stand for eighteen letters: what is read stays in proportion to what was sent.
  return folded.slice(0, 2 * text.length + MAX_TERM_CHARACTERS).replace(APOSTROPHE, "'");
}

/** Calls `sink` for every token of one written word, which is number `word` of its text. */
export function tokenizeChunk(chunk: string, word: number, sink: TokenSink): void {
  if (PLAIN_WRITTEN.test(chunk)) return emit(chunk.toLowerCase(), word, sink);
  if (UNSPACED.test(chunk)) return tokenizeMixed(chunk, word, sink);
  if (SIMPLE.test(chunk)) return tokenizeWord(chunk, word, sink);
  if (CONTRACTION.test(chunk)) return tokenizeContraction(chunk, word, sink);
  const whole = lower(chunk).replace(VERSION, "");
  if (HYPHENATED.test(chunk)) sink(stem(whole.replaceAll("-", "")), "whole", word, whole);
  else sink(cut(whole), "whole", word, whole);
  for (const [part] of chunk.replace(VERSION, "").matchAll(PART)) tokenizeWord(part, word, sink);
}

/** Letters and digits only: a word, or words run together in camelCase. */
function tokenizeWord(written: string, word: number, sink: TokenSink): void {
  const humps = written.split(HUMP);
  const plain = lower(written);
  if (humps.length === 1) return emit(plain, word, sink);
  sink(stem(plain), "whole", word, plain);
  for (const hump of humps) emit(lower(hump), word, sink);
}

/** "don't" is a stopword, "Anna's" is Anna, "l'amour" and "O'Neil" are both parts and the whole. */
function tokenizeContraction(chunk: string, word: number, sink: TokenSink): void {
  const plain = lower(chunk);
  if (isStopword(plain)) return sink(plain, "stopword", word, plain);
  const owner = plain.replace(/'s$/, "");
  const parts = owner.split("'");
  if (parts.length > 1) sink(stem(parts.join("")), "whole", word, owner);
  for (const part of parts) emit(part, word, sink);
}

function tokenizeMixed(chunk: string, word: number, sink: TokenSink): void {
  for (const [part] of chunk.matchAll(PART)) {
    for (const [run] of part.matchAll(UNSPACED_RUN)) {
      if (UNSPACED.test(run)) tokenizeUnspaced(run, word, sink);
      else tokenizeWord(run, word, sink);
    }
  }
}

/** Overlapping pairs need no dictionary to say where words end, and serve about as well. */
function tokenizeUnspaced(run: string, word: number, sink: TokenSink): void {
  const characters = lower(run).match(CHARACTER) ?? [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const next = characters[at + 1];
    if (next !== undefined) sink(character + next, "term", word, run);
    sink(character, characters.length === 1 ? "term" : "single", word, run);
  }
}

function emit(plain: string, word: number, sink: TokenSink): void {
  if (isStopword(plain)) sink(plain, "stopword", word, plain);
  else sink(stem(plain), "term", word, plain);
}

function lower(written: string): string {
  const low = written.toLowerCase();
  return ASCII.test(low) ? low : low.replace(NOT_PLAIN, (letter) => PLAIN[letter] ?? letter);
}

function cut(term: string): string {
  return term.length <= MAX_TERM_CHARACTERS ? term : term.slice(0, MAX_TERM_CHARACTERS);
}
