/**
 * Where what a reader takes for one character begins and ends: a letter and its accents, the two
 * halves of an emoji, a family of four. A text is never cut inside one.
 */
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** From here on a character may belong to the one before it. */
const FIRST_MARK = 0x300;
const RETURN = 0x0d;

export class Graphemes {
  readonly #text: string;
  #segments: Intl.Segments | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** The beginning of the character that the place lies in; the place itself between two. */
  floor(at: number): number {
    return this.#isBoundary(at) ? at : this.#containing(at)?.index ?? at;
  }

  /** The end of the character that the place lies in; the place itself between two. */
  ceil(at: number): number {
    if (this.#isBoundary(at)) return at;
    const found = this.#containing(at);
    return found === undefined || found.index === at ? at : found.index + found.segment.length;
  }

  /** What most places show without the tables of Unicode. */
  #isBoundary(at: number): boolean {
    if (at <= 0 || at >= this.#text.length) return true;
    const before = this.#text.charCodeAt(at - 1);
    return before < FIRST_MARK && before !== RETURN && this.#text.charCodeAt(at) < FIRST_MARK;
  }

  #containing(at: number): Intl.SegmentData | undefined {
    this.#segments ??= segmenter.segment(this.#text);
    return this.#segments.containing(at);
  }
}
