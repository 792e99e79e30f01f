/**
 * Words one slip away: for a query word that no memory has, those that some memory has.
 * One slip is a letter too many, too few, another, or two in each other's place
 * (Damerau 1964: four of five misspellings are one of these).
 */

/** Shorter words have too many neighbours to mean one of them. */
const MIN_LETTERS = 4;
const MAX_LETTERS = 24;
/** The alphabets to try letters from, by the script of the word. */
const ALPHABETS: readonly (readonly [RegExp, string])[] = [
  [/^[a-z]+$/, letters(0x61, 0x7a)],
  [/^[α-ω]+$/, letters(0x3b1, 0x3c9)],
  [/^[а-я]+$/, letters(0x430, 0x44f)],
  [/^[א-ת]+$/, letters(0x5d0, 0x5ea)],
  [/^[ء-ي]+$/, letters(0x621, 0x63a) + letters(0x641, 0x64a)],
];

/** The terms, in alphabetical order, that `has` knows, of words that are one slip from the word. */
export function oneSlipAway(
  word: string,
  termsOf: (word: string) => readonly string[],
  has: (term: string) => boolean,
): string[] {
  const alphabet = ALPHABETS.find(([script]) => script.test(word))?.[1];
  if (alphabet === undefined || word.length < MIN_LETTERS || word.length > MAX_LETTERS) return [];
  const found = new Set<string>();
  for (const candidate of slips(word, alphabet)) {
    for (const term of termsOf(candidate)) if (has(term)) found.add(term);
  }
  return [...found].sort();
}

function* slips(word: string, alphabet: string): Generator<string> {
  for (let at = 0; at <= word.length; at++) {
    const head = word.slice(0, at);
    const tail = word.slice(at);
    const rest = tail.slice(1);
    if (tail !== "") yield head + rest;
    if (rest !== "") yield head + rest.slice(0, 1) + tail.slice(0, 1) + rest.slice(1);
    for (const letter of alphabet) {
      yield head + letter + tail;
      if (tail !== "") yield head + letter + rest;
    }
  }
}

function letters(first: number, last: number): string {
  return String.fromCodePoint(
    ...Array.from({ length: last - first + 1 }, (_, offset) => first + offset),
  );
}
