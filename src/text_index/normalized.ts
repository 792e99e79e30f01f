/**
 * The one spelling of a text that its words are looked for in: compatibility forms, apostrophes and
 * digits of every script as they are typed on a plain keyboard, 1,000 as 1000. Case and accents
 * stay, as they say where words break and which language they are of; `withoutMarks` and `lower`
 * take them off a word.
 */
import { isAscii } from "../scripts.ts";

/** One ligature may stand for eighteen letters: what is read stays in proportion to what was sent. */
const SPARE_CHARACTERS = 64;
/** In 1,000. */
export const THOUSANDS_COMMA = /,(?<=\d,)(?=\d{3}(?!\d))/g;
const APOSTROPHE = /[’‘ʼ]/g;

/** Accents of Latin, Greek and Cyrillic, Hebrew points, Arabic vowel signs, the Indic dot below:
 * all optional in writing. Vowel signs of Indic scripts and Thai are letters to their readers and
 * stay. */
const OPTIONAL_MARKS = /[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u065f\u0670\u093c]/g;
/** Letters that Unicode does not decompose, as they are typed on a plain keyboard: and letters that
 * are written one for the other. */
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
  "ς": "σ",
  "ٱ": "ا",
  "ى": "ي",
  "ی": "ي",
  "ک": "ك",
  "ة": "ه",
  "ँ": "ं",
};
const NOT_PLAIN = /[ßæœøłđðþıςٱىیکةँ]/g;

/** Where the ten digits of other scripts begin. */
const DIGITS = [0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0];
const DIGIT = /[٠-٩۰-۹०-९০-৯੦-੯૦-૯௦-௯౦-౯೦-೯൦-൯๐-๙໐-໙]/g;

export function normalized(text: string): string {
  return withoutCommas(compatible(text));
}

/** Without those in numbers: all that is to be done to a text of plain ASCII. */
export function withoutCommas(text: string): string {
  return text.includes(",") ? text.replace(THOUSANDS_COMMA, "") : text;
}

/** A word without what is optional in writing; case stays, as it shows where camelCase breaks. */
export function withoutMarks(word: string): string {
  if (isAscii(word)) return word;
  return word.normalize("NFKD").replace(OPTIONAL_MARKS, "").normalize("NFC");
}

/** In small letters, and those as they are typed on a plain keyboard. */
export function lower(written: string): string {
  const low = written.toLowerCase();
  return isAscii(low) ? low : low.replace(NOT_PLAIN, (letter) => PLAIN[letter] ?? letter);
}

/** All of it but the commas in numbers. */
export function compatible(text: string): string {
  if (isAscii(text)) return text;
  return text.normalize("NFKC").slice(0, 2 * text.length + SPARE_CHARACTERS)
    .replace(APOSTROPHE, "'").replace(DIGIT, plainDigit);
}

function plainDigit(digit: string): string {
  const code = digit.charCodeAt(0);
  const zero = DIGITS.findLast((first) => first <= code) ?? code;
  return String(code - zero);
}
