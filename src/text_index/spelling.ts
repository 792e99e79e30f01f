/**
 * Words one slip away: for a query word that no memory has, those that some memory has.
 * One slip is a letter too many, too few, another, or two in each other's place
 * (Damerau 1964: four of five misspellings are one of these).
 */

/** Shorter words have too many neighbours to mean one of them. */
const MIN_LETTERS = 4;
const MAX_LETTERS = 24;
/** Every slip of a word up to so long is tried. In a longer one only those in its ending, as it
 * decides what the stem is; for the others the stem is compared with all terms, in less time. */
const MAX_TRIED_LETTERS = 8;
const ENDING_LETTERS = 5;
/** The alphabets to try letters from, by the script of the word. */
const ALPHABETS: readonly (readonly [RegExp, string])[] = [
  [/^[a-z]+$/, letters(0x61, 0x7a)],
  [/^[α-ω]+$/, letters(0x3b1, 0x3c9)],
  [/^[а-я]+$/, letters(0x430, 0x44f)],
  [/^[א-ת]+$/, letters(0x5d0, 0x5ea)],
  [/^[ء-ي]+$/, letters(0x621, 0x63a) + letters(0x641, 0x64a)],
];

export interface KnownTerms {
  readonly has: (term: string) => boolean;
  /** Those that are one slip away from a term. */
  readonly near: (term: string) => readonly string[];
}

/** The known terms, in alphabetical order, of words that are one slip away from the word. */
export function oneSlipAway(
  word: string,
  termsOf: (word: string) => readonly string[],
  { has, near }: KnownTerms,
): string[] {
  const alphabet = ALPHABETS.find(([script]) => script.test(word))?.[1];
  if (alphabet === undefined || word.length < MIN_LETTERS || word.length > MAX_LETTERS) return [];
  const isLong = word.length > MAX_TRIED_LETTERS;
  const found = new Set(isLong ? termsOf(word).flatMap((term) => near(term)) : []);
  for (const candidate of slips(word, alphabet, isLong ? word.length - ENDING_LETTERS : 0)) {
    for (const term of termsOf(candidate)) if (has(term)) found.add(term);
  }
  return [...found].sort();
}

/** Whether two different words are one slip away from each other. */
export function isOneSlip(a: string, b: string): boolean {
  const longest = Math.min(a.length, b.length);
  let from = 0;
  while (from < longest && a[from] === b[from]) from++;
  let endA = a.length;
  let endB = b.length;
  while (endA > from && endB > from && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  const longer = Math.max(endA, endB) - from;
  const isSwapped = endA === endB && longer === 2 && a[from] === b[from + 1] &&
    a[from + 1] === b[from];
  return longer === 1 || isSwapped;
}

/** Of the letters from `first` on. */
function* slips(word: string, alphabet: string, first: number): Generator<string> {
  for (let at = first; at <= word.length; at++) {
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
