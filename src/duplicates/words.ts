/**
 * The words by which two texts are compared, as numbers. All words count, also those that a search
 * leaves out: "not" makes another text. Scripts without spaces give pairs of characters.
 */
import { sameTextKey } from "../same_texts.ts";
import { IDEOGRAPHIC, isAscii, UNSPACED_LETTERS } from "../scripts.ts";

const UNSPACED = IDEOGRAPHIC + UNSPACED_LETTERS;
const WORD = new RegExp(
  `(?:[${UNSPACED}ー]\\p{M}*)+|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}])+|\\p{Extended_Pictographic}`,
  "gu",
);
const PLAIN_WORD = /[a-z0-9]+/g;
const IS_UNSPACED = new RegExp(`^[${UNSPACED}]`, "u");
/** A character with the signs that belong to it. */
const CHARACTER = /\P{M}\p{M}*/gu;

/** The words of a text in order; a text of signs only is one word, so that it has some. */
export function wordsOf(text: string): string[] {
  const plain = sameTextKey(text);
  if (isAscii(plain)) return plain.match(PLAIN_WORD) ?? [plain];
  const folded = plain.normalize("NFKC");
  const words = folded.match(WORD)?.flatMap((run) => IS_UNSPACED.test(run) ? pairs(run) : [run]);
  return words ?? [folded];
}

function pairs(run: string): string[] {
  const characters = run.match(CHARACTER) ?? [run];
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, at) => (characters[at] ?? "") + character);
}

/** Numbers for each place: two hashes of the word, and its number, counted from 1. */
const FIELDS = 3;
const FNV_START = 0x811c9dc5, FNV_PRIME = 0x01000193, OTHER_PRIME = 0x5bd1e995;

/**
 * Words by number, known by 64 bits of hash: no string is held. That two of a million different
 * words are taken for one has a chance of 1 in 37 million.
 */
export class WordNumbers {
  #table = new Int32Array(FIELDS * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  numberOf(word: string): number {
    let one = FNV_START, two = word.length;
    for (let at = 0; at < word.length; at++) {
      const code = word.charCodeAt(at);
      one = Math.imul(one ^ code, FNV_PRIME);
      two = Math.imul(two ^ code, OTHER_PRIME);
      two ^= two >>> 15;
    }
    const place = this.#placeOf(one, two);
    const known = this.#table[place + 2] ?? 0;
    if (known > 0) return known - 1;
    this.#table[place] = one;
    this.#table[place + 1] = two;
    this.#table[place + 2] = ++this.#size;
    if (2 * FIELDS * this.#size > this.#table.length) this.#grow();
    return this.#size - 1;
  }

  /** Where the word stands, or would. */
  #placeOf(one: number, two: number): number {
    const table = this.#table;
    const mask = table.length / FIELDS - 1;
    for (let at = one ^ (two >>> 7);; at++) {
      const place = FIELDS * (at & mask);
      const isFree = table[place + 2] === 0;
      if (isFree || (table[place] === one && table[place + 1] === two)) return place;
    }
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    for (let at = 0; at < before.length; at += FIELDS) {
      if (before[at + 2] === 0) continue;
      const place = this.#placeOf(before[at] ?? 0, before[at + 1] ?? 0);
      this.#table.set(before.subarray(at, at + FIELDS), place);
    }
  }
}
