/**
 * Which language a text is in: English until its function words say another. Each tells for the
 * languages that have it; words that English has too tell nothing. What only may be a foreign word
 * (see `AMBIGUOUS_WORDS`), or has a letter of some language, tells only beside a word that is one.
 */
import { AMBIGUOUS_WORDS, FUNCTION_WORDS } from "./function_words.ts";
import { ENGLISH, type Language, languageKey, LANGUAGES } from "./languages.ts";
import { isAscii } from "../scripts.ts";
import { lower, normalized, withoutMarks } from "./normalized.ts";
import { ENGLISH_STOPWORDS } from "./stopwords.ts";
import { chunksOf, ENGLISH_READING, type Reading } from "./tokenizer.ts";

/** A bit for English, one for each of `LANGUAGES`, and whether a word is clearly one of theirs. */
const ENGLISH_BIT = 1;
const FIRST_BIT = 2;
const CLEAR = 1 << 30;
/** A text of so few words says its language with a single clear one. */
const FEW_WORDS = 6;
/** So many that may be foreign are, where nothing is English and they are a third of the text. */
const MANY_UNCLEAR = 3;

/** Letters that English words do not have, and those who write with them. */
const LETTERS: readonly (readonly [RegExp, number])[] = [
  [/[äö]/, bitsOf("de", "sv", "fi")],
  [/ü/, bitsOf("de", "tr", "hu")],
  [/ß/, bitsOf("de")],
  [/é/, bitsOf("fr", "es", "pt", "hu")],
  [/[àèùêâîôç]/, bitsOf("fr", "pt")],
  [/[íóú]/, bitsOf("es", "pt", "hu", "cs")],
  [/œ/, bitsOf("fr")],
  [/ñ/, bitsOf("es")],
  [/[ãõ]/, bitsOf("pt")],
  [/[òì]/, bitsOf("it")],
  [/å/, bitsOf("sv", "da", "no")],
  [/[øæ]/, bitsOf("da", "no")],
  [/[ığş]/, bitsOf("tr")],
  [/[őű]/, bitsOf("hu")],
  [/[łąęśźżćń]/, bitsOf("pl")],
  [/[řůěčšž]/, bitsOf("cs")],
  [/[șţț]/, bitsOf("ro")],
  [/[\u1ea0-\u1ef9ơưđ]/, bitsOf("vi")],
  [/[іїєґ]/, bitsOf("uk")],
  [/[پچژگ]/, bitsOf("fa")],
];
/** "d'accord", "l'ho". */
const ELIDED = /^(?:l|d|qu|c|j|n|s|m|t|dell|all|un)'\p{L}{2}/u;
const ELIDING = bitsOf("fr", "it");
const ENGLISH_CONTRACTION = /(?:n't|'(?:s|m|re|ve|ll|d))$/;

/** What of a text is enough to tell its language, in well below a millisecond. */
const BEGINNING_CHARACTERS = 2_000;
const NOTHING = 0;
const MASKS = masks();

/** For which languages a written word tells, as bits. */
export function evidenceOf(chunk: string): number {
  const low = chunk.toLowerCase();
  // In capitals alone it is rather an abbreviation.
  if (low !== chunk && chunk.length > 1 && chunk === chunk.toUpperCase()) return NOTHING;
  const plain = lower(withoutMarks(low));
  const known = MASKS.get(low) ?? (plain === low ? undefined : MASKS.get(plain));
  if (known !== undefined) return known;
  if (low.includes("'")) return ofApostrophe(low);
  if (isAscii(low)) return NOTHING;
  let mask = NOTHING;
  for (const [letters, bits] of LETTERS) if (letters.test(low)) mask |= bits;
  return mask;
}

/** The languages beside English that memories are in, by how many the key of each counts: those of
 * the most memories first. */
export function heldLanguages(count: (key: string) => number): Language[] {
  const counts = new Map(LANGUAGES.map((language) => [language, count(languageKey(language))]));
  return LANGUAGES.filter((language) => counts.get(language) !== 0)
    .sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
}

/** How a question is read: in its language, if the memories have it, and in all that they have. */
export function readingOf(text: string, held: readonly Language[]): Reading {
  if (held.length === 0) return ENGLISH_READING;
  const language = languageOf(text, held);
  return { language, others: [ENGLISH, ...held].filter((other) => other !== language) };
}

/** The language that a text begins in, as all of it is: one of those given, or English. */
export function languageOf(text: string, among: readonly Language[] = LANGUAGES): Language {
  if (among.length === 0) return ENGLISH;
  const evidence = new LanguageEvidence();
  const beginning = normalized(text.slice(0, BEGINNING_CHARACTERS));
  for (const chunk of chunksOf(beginning)) evidence.add(evidenceOf(chunk));
  return evidence.language(among);
}

/** Gathers what the words of one text tell. */
export class LanguageEvidence {
  readonly #counts = new Int32Array(LANGUAGES.length);
  #english = 0;
  #clear = 0;
  #words = 0;
  /** Whether any of the counts is above 0. */
  #isForeign = false;

  clear(): void {
    if (this.#isForeign) this.#counts.fill(0);
    this.#isForeign = false;
    this.#english = this.#clear = this.#words = 0;
  }

  add(mask: number): void {
    this.#words++;
    if (mask === 0) return;
    if (mask === ENGLISH_BIT) this.#english++;
    else this.#addForeign(mask);
  }

  /** One of these, or English. */
  language(among: readonly Language[] = LANGUAGES): Language {
    if (!this.#isForeign) return ENGLISH;
    const few = this.#words <= FEW_WORDS ? 1 : 2;
    let most = Math.max(this.#english, few - 1);
    let found = ENGLISH;
    LANGUAGES.forEach((language, at) => {
      const count = this.#counts[at] ?? 0;
      const isClear = (this.#clear & FIRST_BIT << at) !== 0;
      if (count <= most || !(isClear || this.#isMany(count)) || !among.includes(language)) return;
      most = count;
      found = language;
    });
    return found;
  }

  #isMany(count: number): boolean {
    return this.#english === 0 && count >= MANY_UNCLEAR && 3 * count >= this.#words;
  }

  #addForeign(mask: number): void {
    if ((mask & CLEAR) !== 0) this.#clear |= mask & ~CLEAR;
    this.#isForeign = true;
    for (let rest = mask & ~CLEAR; rest !== 0; rest &= rest - 1) {
      const at = 31 - Math.clz32(rest & -rest) - 1;
      this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    }
  }
}

function masks(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const ambiguous = new Set(AMBIGUOUS_WORDS.trim().split(/\s+/));
  const add = (word: string, bits: number) => found.set(word, (found.get(word) ?? 0) | bits);
  for (const [code, words] of Object.entries(FUNCTION_WORDS)) {
    const bit = bitsOf(code);
    // Those with a script of their own need no guess.
    if (bit === NOTHING) continue;
    for (const word of words.split(/\s+/)) {
      const plain = lower(withoutMarks(word));
      const isClear = word.length > 1 && !ambiguous.has(plain);
      add(word, bit | (isClear ? CLEAR : 0));
      // "také" is Czech, "take" is not.
      if (plain !== word) add(plain, bit);
    }
  }
  for (const word of ENGLISH_STOPWORDS) found.set(word, found.has(word) ? NOTHING : ENGLISH_BIT);
  return found;
}

function ofApostrophe(low: string): number {
  if (ENGLISH_CONTRACTION.test(low)) return ENGLISH_BIT;
  return ELIDED.test(low) ? ELIDING : NOTHING;
}

function bitsOf(...codes: readonly string[]): number {
  return LANGUAGES.reduce(
    (bits, { code }, at) => codes.includes(code) ? bits | FIRST_BIT << at : bits,
    0,
  );
}
