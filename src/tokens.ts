/**
 * How many tokens a text takes of a language model, at most: an estimate, since every model has a
 * vocabulary of its own. It rather counts too many: what is said to fit must fit. Measured against
 * cl100k and o200k by `tests/tokens/measure.ts`.
 */

/** What models read as one piece, or split further: words, digits, white space, everything else. */
const PIECE = /(?:[a-z]+\d|\d+[a-z])[a-z\d]*|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|\s+|[^\sA-Za-z\d]/gu;
/** No word of a language, such as a digest or a name of consonants. */
const NOISE = /[a-z]\d|\d[a-z]|[bcdfghj-np-tv-xz]{5}/i;
/** Words that stand in every English text, and are many in it. */
const ENGLISH = new Set(
  "a and are as at be but for from had have he her his i in is it my not of on or our she that the they this to was we were with you"
    .split(" "),
);
/** The share of them from which a text is taken for English. */
const ENGLISH_SHARE = 0.15;

/** Letters for each token: of English words beyond their first six, and of any other word. */
const ENGLISH_FIRST = 6;
const ENGLISH_LETTERS = 2.8;
const OTHER_LETTERS = 2.25;
const CAPITALS = 1.6;
const NOISY_LETTERS = 1.1;
const CAPITALIZED = 0.35;
const DIGITS = 3;

/** First code point of a range of scripts, and how many tokens a character of it takes; a later
 * row begins where the one before ends. What no model has learned well costs nearly its bytes. */
const SCRIPTS: readonly (readonly [number, number])[] = [
  [0x00, 1],
  [0x80, 1.2],
  [0x300, 1.5],
  [0x370, 1.1],
  [0x400, 0.7],
  [0x530, 2],
  [0x590, 1.5],
  [0x600, 1.2],
  [0x700, 2.2],
  [0x900, 1.6],
  [0xe00, 1.6],
  [0xe80, 2.6],
  [0x2000, 1.6],
  [0x2100, 2.2],
  [0x3000, 1.1],
  [0x3100, 2.2],
  [0x4e00, 2],
  [0xa000, 2.6],
  [0xac00, 1.7],
  [0xd7b0, 2.6],
  [0x10000, 3.2],
  [0x20000, 4],
];

export function estimateTokens(text: string): number {
  const isEnglish = looksEnglish(text);
  let tokens = 0;
  for (const [piece] of text.matchAll(PIECE)) tokens += tokensOf(piece, isEnglish);
  return Math.ceil(tokens);
}

function tokensOf(piece: string, isEnglish: boolean): number {
  const first = piece.codePointAt(0) ?? 0;
  if (/^\s/.test(piece)) return whiteSpace(piece);
  if (first >= 0x80) return ofScript(first);
  if (NOISE.test(piece)) return piece.length / NOISY_LETTERS;
  if (/^\d/.test(piece)) return Math.ceil(piece.length / DIGITS);
  if (!/^[A-Za-z]/.test(piece)) return 1;
  if (piece.length > 1 && /^[A-Z]+$/.test(piece)) return Math.max(1, piece.length / CAPITALS);
  const name = /^[A-Z]/.test(piece) ? CAPITALIZED : 0;
  if (!isEnglish) return Math.max(1, piece.length / OTHER_LETTERS) + name;
  return 1 + Math.max(0, piece.length - ENGLISH_FIRST) / ENGLISH_LETTERS + name;
}

/** One blank belongs to the word behind it. */
function whiteSpace(piece: string): number {
  if (piece === " ") return 0;
  const lines = piece.split("\n").length - 1;
  return 1 + lines / 2 + piece.length / 16;
}

function ofScript(character: number): number {
  let cost = 1;
  for (const [from, tokens] of SCRIPTS) {
    if (character < from) break;
    cost = tokens;
  }
  return cost;
}

function looksEnglish(text: string): boolean {
  const words = text.slice(0, 4_000).toLowerCase().match(/[a-z]+/g) ?? [];
  const known = words.filter((word) => ENGLISH.has(word)).length;
  return known >= ENGLISH_SHARE * words.length && words.length > 0;
}
