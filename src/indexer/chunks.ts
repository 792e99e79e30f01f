/**
 * Cuts a long text into the pieces that are embedded: about 100 words each, at the end of a
 * paragraph or a sentence where one is near, and never within a character. A model's vector of a
 * whole page says little of any one sentence in it. The same text gives the same chunks for ever:
 * their vectors are kept by their text.
 */
import { Graphemes } from "../graphemes.ts";
import { UNSPACED_LETTERS } from "../scripts.ts";

/** All of it, in one place: what was measured is that long texts are found by such chunks. */
const WORDS = {
  chunk: 100,
  /** A text of up to so many stays whole, the last of several chunks too. */
  whole: 130,
} as const;

/**
 * Lengths are counted in tenths of a word, so that they mean the same in every script: a word of
 * up to ten characters is one, a longer one as many as it has tens, and so is a run of white space.
 */
const WORD = 10;
const CHUNK = WORDS.chunk * WORD;
const WHOLE = WORDS.whole * WORD;
/** In scripts without spaces: two Han characters or kana make about a word, or five letters. */
const IDEOGRAPH = 5;
const UNSPACED_LETTER = 2;
/** No text this short can be longer than `WHOLE`: nothing costs more for its length. */
const SURELY_WHOLE = WHOLE / IDEOGRAPH;
/** A cut may lie so far from the ideal place, as a share of the chunk, for the sake of a better end. */
const LEEWAY = 0.25;

const SPACE = /\s/;
const UNSPACED = new RegExp(`[${UNSPACED_LETTERS}]`, "u");
const SENTENCE_END = /[.!?…։؟۔।॥。！？｡]["'”’»)\]」』）]*$/u;
const UNSPACED_END = /[。！？｡][”’」』）]*$/u;
const CLAUSE_END = /[,;:、，；：؛،–—]$/;

/** How good a place to cut is. */
const RANK = { character: 0, word: 1, clause: 2, sentence: 3, line: 4, paragraph: 5 } as const;
type Rank = (typeof RANK)[keyof typeof RANK];

interface Cut {
  readonly at: number;
  readonly rank: Rank;
  readonly distance: number;
}

/** The chunks of a text, in order; a text that is not long is its own only one. */
export function chunksOf(text: string): readonly string[] {
  if (text.length <= SURELY_WHOLE) return [text];
  const total = lengthOf(text);
  if (total <= WHOLE) return [text];
  const lengths = new Uint32Array(text.length + 1);
  lengthOf(text, lengths);
  const chunks: string[] = [];
  let start = 0, done = 0;
  while (total - done > WHOLE) {
    const count = Math.max(2, Math.round((total - done) / CHUNK));
    const end = cutNear(text, lengths, start, (total - done) / count);
    chunks.push(text.slice(start, end));
    start = end;
    done = lengths[start] ?? total;
  }
  chunks.push(text.slice(start));
  return chunks.map((chunk) => chunk.trim()).filter((chunk) => chunk !== "");
}

/** How long the text is; and for each place in it, if asked for, how long the text before it is. */
function lengthOf(text: string, lengths?: Uint32Array): number {
  let total = 0, inWord = 0, inSpace = 0;
  for (let at = 0; at < text.length; at++) {
    const cost = costOf(text.charCodeAt(at));
    if (cost === 0) {
      total += inSpace++ === 0 ? 0 : 1;
      inWord = 0;
    } else if (cost === 1) {
      // The first character of a word pays for ten of them.
      total += inWord === 0 ? WORD : inWord < WORD ? 0 : 1;
      inWord++;
      inSpace = 0;
    } else {
      total += cost;
      inWord = inSpace = 0;
    }
    if (lengths !== undefined) lengths[at + 1] = total;
  }
  return total;
}

/** Of each UTF-16 unit that was met, one more than it costs: a look is quicker than to find out. */
const COSTS = new Uint8Array(0x10000);

/** 0 for white space, 1 for what words with spaces between them are made of. */
function costOf(unit: number): number {
  const known = COSTS[unit] ?? 0;
  if (known > 0) return known - 1;
  const cost = findCost(unit);
  COSTS[unit] = cost + 1;
  return cost;
}

function findCost(unit: number): number {
  if (unit <= 0x20 || unit === 0xa0) return 0;
  if (unit < 0x0e00) return 1;
  // Kana, Han and their signs, the whole range of each; Hangul has spaces.
  if ((unit >= 0x3001 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff)) return IDEOGRAPH;
  if (unit >= 0xff01 && unit <= 0xff9f) return IDEOGRAPH;
  const character = String.fromCharCode(unit);
  if (SPACE.test(character)) return 0;
  return UNSPACED.test(character) ? UNSPACED_LETTER : 1;
}

/** The best place to end a chunk of about `length` that begins at `start`. */
function cutNear(text: string, lengths: Uint32Array, start: number, length: number): number {
  const before = lengths[start] ?? 0;
  const ideal = before + length;
  const last = before + length * (1 + LEEWAY);
  let at = placeOf(lengths, before + length * (1 - LEEWAY), start + 1);
  let best: Cut = { at: placeOf(lengths, ideal, at), rank: RANK.character, distance: 0 };
  for (; at < text.length && (lengths[at] ?? 0) <= last; at++) {
    const rank = rankOf(text, start, at);
    const distance = Math.abs((lengths[at] ?? 0) - ideal);
    if (rank > best.rank || (rank === best.rank && rank > 0 && distance < best.distance)) {
      best = { at, rank, distance };
    }
  }
  return best.rank === RANK.character ? new Graphemes(text).ceil(best.at) : best.at;
}

/** The first place from `from` on that has at least `length` before it. */
function placeOf(lengths: Uint32Array, length: number, from: number): number {
  let low = from, high = lengths.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lengths[middle] ?? 0) < length) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What ends right before `at`; white space goes with what is before it. */
function rankOf(text: string, start: number, at: number): Rank {
  const from = Math.max(start, at - 8);
  const isSpaced = costOf(text.charCodeAt(at - 1)) === 0;
  if (!isSpaced) return UNSPACED_END.test(text.slice(from, at)) ? RANK.sentence : RANK.character;
  // Not in the middle of white space.
  if (costOf(text.charCodeAt(at)) === 0) return RANK.character;
  const gap = /\s*$/.exec(text.slice(from, at))?.[0] ?? "";
  if (/\n\s*\n/.test(gap)) return RANK.paragraph;
  if (gap.includes("\n")) return RANK.line;
  const word = text.slice(from, at - gap.length);
  if (SENTENCE_END.test(word)) return RANK.sentence;
  return CLAUSE_END.test(word) ? RANK.clause : RANK.word;
}
