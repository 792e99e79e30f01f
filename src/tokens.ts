/**
 * How many tokens a text takes of a language model: an estimate, since every model has a vocabulary
 * of its own. It is counted on the careful side: what is said to fit should fit. Measured against
 * cl100k and o200k by `tests/tokens/measure.ts`.
 */

/** What models read as one piece, or split further: words, digits, white space, signs, the rest. */
const PIECE =
  // deno-lint-ignore no-control-regex -- Whatever is not of ASCII goes together.
  /(?:[a-z]+\d|\d+[a-z])[a-z\d]*|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|\s+|[^\s\x00-\x7f]+|[^A-Za-z\d\s\x80-\u{10ffff}]+/gu;
/** No word of a language, such as a digest or a name of consonants. */
const NOISE = /[a-z]\d|\d[a-z]|[bcdfghj-np-tv-xz]{5}/i;

/**
 * Words that are many in every English text and stand in few others: "a", "in" and "was" would
 * make English of Welsh, German and Dutch.
 */
const ENGLISH = new Set(
  ("about all and any are because been but can could did didn't don't during from get good got " +
    "had has have he his how i'm i've it's its just know like not of one or our out really she " +
    "than that that's the their them there these they this those up using we were what when " +
    "where which while who with would you you're your")
    .split(" "),
);
/** The share of them from which a stretch is taken for English. */
const ENGLISH_SHARE = 0.07;
/** The share of letters with accents from which it is not. */
const ACCENTED_SHARE = 0.03;
const ACCENTED = /[\u00c0-\u024f]/g;

/** Letters for each token: of English words beyond their first six, and of any other word. */
const ENGLISH_FIRST = 6;
const ENGLISH_LETTERS = 2.8;
const OTHER_LETTERS = 2;
const CAPITALS = 1.6;
const NOISY_LETTERS = 1.1;
const CAPITALIZED = 0.5;
const DIGITS = 3;
/** Of a run of blanks, tabs or line ends so many take one token more. */
const BLANKS = 16;
/** What the same sign takes when it comes again: "=====" is one token. */
const REPEATED_SIGN = 0.5;

/** No text is counted at more characters for each token. */
export const MOST_CHARACTERS_PER_TOKEN = BLANKS;
/** A text is read by its lines and by stretches of so many characters: each has its language. */
const STRETCH_CHARACTERS = 100;

/**
 * First code point of a range of scripts, and how many tokens a character of it takes; a later row
 * begins where the one before ends. What models have not learned takes its bytes in UTF-8, which
 * are the most that any text can take.
 */
const SCRIPTS: readonly (readonly [number, number])[] = [
  [0x00, 1],
  [0x80, 1.3],
  [0x100, 1.6],
  [0x180, 2],
  [0x370, 1.2],
  [0x400, 0.8],
  [0x450, 2],
  [0x5d0, 1.5],
  [0x600, 1.2],
  [0x700, 2],
  [0x800, 3],
  [0x900, 1.7],
  [0xa00, 2.3],
  [0xb00, 3],
  [0xb80, 1.8],
  [0xc00, 2.3],
  [0xe00, 1.7],
  [0xe80, 2.6],
  [0x1100, 3],
  [0x1780, 2.3],
  [0x1800, 3],
  [0x1e00, 2],
  [0x1f00, 3],
  [0x2000, 1.6],
  [0x2100, 2.4],
  [0x2800, 3],
  [0x3000, 1.2],
  [0x3100, 3],
  [0x4e00, 2.3],
  [0xa000, 3],
  [0xac00, 2],
  [0xd7b0, 3],
  [0x10000, 4],
  [0x1f000, 3.2],
  [0x20000, 4],
];
/** All rows begin at a multiple of this. */
const STEP_BITS = 4;
const COSTS = costsByStep();
/** From this on a character has no part in the blank before it. */
const UNLEARNED = 2;

/** A piece of a text up to `end`, and what it takes. */
export interface Stretch {
  readonly end: number;
  readonly tokens: number;
}

export function estimateTokens(text: string): number {
  let sum = 0;
  for (const { tokens } of stretchesOf(text)) sum += tokens;
  return Math.ceil(sum);
}

/** One after the other: who counts a long text lets others run between two of them. */
export function* stretchesOf(text: string): Generator<Stretch> {
  for (let from = 0; from < text.length;) {
    const end = stretchEnd(text, from);
    yield { end, tokens: ofStretch(text.slice(from, end)) };
    from = end;
  }
}

/** The end of the line, or of what is read of it at once; a blank goes with what is behind it. */
function stretchEnd(text: string, from: number): number {
  const stretch = text.slice(from, from + STRETCH_CHARACTERS);
  const line = stretch.indexOf("\n");
  if (line !== -1) return from + line + 1;
  if (from + stretch.length === text.length) return text.length;
  const blank = stretch.lastIndexOf(" ");
  if (blank > 0) return from + blank;
  const last = stretch.charCodeAt(stretch.length - 1);
  return from + stretch.length - (last >= 0xd800 && last <= 0xdbff ? 1 : 0);
}

function ofStretch(stretch: string): number {
  const isEnglish = looksEnglish(stretch);
  let tokens = 0;
  for (const { 0: piece, index } of stretch.matchAll(PIECE)) {
    tokens += /^\s/.test(piece)
      ? whiteSpace(piece, stretch.codePointAt(index + piece.length))
      : tokensOf(piece, isEnglish);
  }
  return tokens;
}

function tokensOf(piece: string, isEnglish: boolean): number {
  if (piece.charCodeAt(0) >= 0x80) return ofScripts(piece);
  if (NOISE.test(piece)) return piece.length / NOISY_LETTERS;
  if (/^\d/.test(piece)) return Math.ceil(piece.length / DIGITS);
  if (!/^[A-Za-z]/.test(piece)) return ofSigns(piece);
  if (piece.length > 1 && /^[A-Z]+$/.test(piece)) return Math.max(1, piece.length / CAPITALS);
  const name = /^[A-Z]/.test(piece) ? CAPITALIZED : 0;
  if (!isEnglish) return Math.max(1, piece.length / OTHER_LETTERS) + name;
  return 1 + Math.max(0, piece.length - ENGLISH_FIRST) / ENGLISH_LETTERS + name;
}

/** A last blank belongs to the word or sign behind it, but to no digit and no unlearned letter. */
function whiteSpace(piece: string, next: number | undefined): number {
  const isLast = piece.endsWith(" ");
  let tokens = isLast && !takesBlank(next) ? 1 : 0;
  let before = "";
  for (const character of isLast ? piece.slice(0, -1) : piece) {
    const isRun = character === before && " \t\n".includes(character);
    tokens += isRun ? 1 / BLANKS : character < "\x80" ? 1 : 2;
    before = character;
  }
  return tokens;
}

function takesBlank(next: number | undefined): boolean {
  if (next === undefined || (next >= 0x30 && next <= 0x39)) return false;
  return costOf(next) < UNLEARNED;
}

function ofSigns(piece: string): number {
  let tokens = 0, before = "";
  for (const sign of piece) {
    tokens += sign === before && sign > " " ? REPEATED_SIGN : 1;
    before = sign;
  }
  return tokens;
}

function ofScripts(piece: string): number {
  let tokens = 0;
  for (const character of piece) tokens += costOf(character.codePointAt(0) ?? 0);
  return tokens;
}

function costOf(codePoint: number): number {
  return COSTS[Math.min(codePoint >> STEP_BITS, COSTS.length - 1)] ?? 0;
}

function costsByStep(): Float64Array {
  const last = SCRIPTS.at(-1)?.[0] ?? 0;
  const costs = new Float64Array((last >> STEP_BITS) + 1);
  for (const [from, cost] of SCRIPTS) costs.fill(cost, from >> STEP_BITS);
  return costs;
}

function looksEnglish(stretch: string): boolean {
  const accented = stretch.match(ACCENTED)?.length ?? 0;
  if (accented > ACCENTED_SHARE * stretch.length) return false;
  const words = stretch.toLowerCase().match(/[a-z]+(?:'[a-z]+)?/g) ?? [];
  const known = words.filter((word) => ENGLISH.has(word)).length;
  return known >= ENGLISH_SHARE * words.length && words.length > 0;
}
