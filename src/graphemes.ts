/**
 * Where what a reader takes for one character begins and ends: a letter and its accents, the two
 * halves of an emoji, a family of four. A text is never cut inside one, unless it has no end: of a
 * character with very many marks on it the rest may be cut off.
 */
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** From here on a character may belong to the one before it. */
const FIRST_MARK = 0x300;
const RETURN = 0x0d;
/** A longer one may be cut, and no place costs more than to look so far about it, but for one behind
 * a run of flags: these are counted off from the first. */
const LONGEST_CHARACTER = 64;
/** Two of these make a flag: where one begins is known only from the first of them on. */
const FLAG_LETTER = { high: 0xd83c, firstLow: 0xdde6, lastLow: 0xddff } as const;

export class Graphemes {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The beginning of the character that the place lies in; the place itself between two. */
  floor(at: number): number {
    return this.#isBoundary(at) ? at : this.#around(at).start;
  }

  /** The end of the character that the place lies in; the place itself between two. */
  ceil(at: number): number {
    return this.#isBoundary(at) ? at : this.#around(at).end;
  }

  /** What most places show without the tables of Unicode. */
  #isBoundary(at: number): boolean {
    if (at <= 0 || at >= this.#text.length) return true;
    const before = this.#text.charCodeAt(at - 1);
    return before < FIRST_MARK && before !== RETURN && this.#text.charCodeAt(at) < FIRST_MARK;
  }

  /** The character that the place lies in, or the place itself. */
  #around(at: number): { readonly start: number; readonly end: number } {
    const from = this.#safeStart(at);
    const near = this.#text.slice(from, at + LONGEST_CHARACTER);
    const found = segmenter.segment(near).containing(at - from);
    const start = from + (found?.index ?? 0);
    const length = found?.segment.length ?? 0;
    if (start === at) return { start: at, end: at };
    if (length < LONGEST_CHARACTER) return { start, end: start + length };
    const isHalf = isLowSurrogate(this.#text.charCodeAt(at));
    return isHalf ? { start: at - 1, end: at + 1 } : { start: at, end: at };
  }

  /**
   * From here on the characters about the place are told apart as from the beginning of the text:
   * a character that is cut ends where it does in any case, only flags are counted off in pairs.
   */
  #safeStart(at: number): number {
    const before = Math.max(0, at - LONGEST_CHARACTER);
    const from = before - (isLowSurrogate(this.#text.charCodeAt(before)) ? 1 : 0);
    let letters = 0;
    while (this.#isFlagLetter(from - 2 * (letters + 1))) letters++;
    return Math.max(0, from - 2 * (letters % 2));
  }

  #isFlagLetter(at: number): boolean {
    if (this.#text.charCodeAt(at) !== FLAG_LETTER.high) return false;
    const low = this.#text.charCodeAt(at + 1);
    return low >= FLAG_LETTER.firstLow && low <= FLAG_LETTER.lastLow;
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
