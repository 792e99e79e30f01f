/**
 * Which sections of a very long text are worth reading word by word: those with the most of what was
 * asked for, found by its letters alone, which is a hundred times faster.
 */
import type { TextRange } from "../text_index.ts";

/** Texts up to here are read whole: a few milliseconds, whatever the script. */
const SHORT_CHARACTERS = 8_000;
const SECTION_CHARACTERS = 1_600;
const MAX_SECTIONS = 4;
/** Read beyond both ends of a section, which may lie in the middle of a sentence. */
const MARGIN_CHARACTERS = 200;
const MAX_NEEDLES = 32;
/** More of a section are not looked at: a letter of a script without spaces may be everywhere. */
const MAX_FOUND_IN_SECTION = 100;

/** Letters that what is asked for begins with, and how much they tell. */
export interface Needle {
  readonly letters: string;
  readonly weight: number;
}

/** What is looked for, made ready once for many texts. */
export class Needles {
  readonly #weights: ReadonlyMap<string, number>;
  readonly #pattern: RegExp | undefined;

  constructor(needles: readonly Needle[]) {
    const best = needles.toSorted((a, b) => b.weight - a.weight).slice(0, MAX_NEEDLES);
    // Of two with the same letters the one that tells more, as the last one stays.
    this.#weights = new Map(best.reverse().map(({ letters, weight }) => [letters, weight]));
    const letters = [...this.#weights.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = letters.length === 0
      ? undefined
      : new RegExp(letters.map(RegExp.escape).join("|"), "giu");
  }

  /** Apart, and in the order of the text. */
  sectionsOf(content: string): TextRange[] {
    if (content.length <= SHORT_CHARACTERS) return [{ start: 0, end: content.length }];
    const weights = this.#weightsOf(content);
    const best = [...weights].sort(([a, one], [b, other]) => other - one || a - b);
    const sections = best.slice(0, MAX_SECTIONS).map(([section]) => section).sort((a, b) => a - b);
    return joined(sections.map((section) => around(content, section * SECTION_CHARACTERS)));
  }

  /** Section -> sum over what is found there, each once. */
  #weightsOf(content: string): Map<number, number> {
    const weights = new Map([[0, 0]]);
    const pattern = this.#pattern;
    if (pattern === undefined) return weights;
    let found = 0;
    let section = 0;
    const seen = new Set<string>();
    pattern.lastIndex = 0;
    for (let match = pattern.exec(content); match !== null; match = pattern.exec(content)) {
      const at = Math.floor(match.index / SECTION_CHARACTERS);
      if (at !== section) {
        seen.clear();
        found = 0;
      }
      section = at;
      const needle = match[0].toLowerCase();
      if (!seen.has(needle)) {
        weights.set(at, (weights.get(at) ?? 0) + (this.#weights.get(needle) ?? 0));
      }
      seen.add(needle);
      const isEnough = ++found >= MAX_FOUND_IN_SECTION || seen.size === this.#weights.size;
      // Never back: from inside a character the pattern goes to where that begins.
      if (isEnough) pattern.lastIndex = Math.max(pattern.lastIndex, (at + 1) * SECTION_CHARACTERS);
    }
    return weights;
  }
}

/** The section and its margins, from white space to white space where there is some near by. */
function around(content: string, at: number): TextRange {
  const from = Math.max(0, at - MARGIN_CHARACTERS);
  const to = Math.min(content.length, at + SECTION_CHARACTERS + MARGIN_CHARACTERS);
  const before = from === 0 ? 0 : content.slice(from, at).search(/\s/u);
  const tail = to === content.length ? "" : content.slice(to - MARGIN_CHARACTERS, to);
  const after = /\s\S*$/u.exec(tail)?.[0].length ?? 0;
  return { start: from + Math.max(0, before), end: to - after };
}

/** Of ranges ordered by their beginning: what overlaps or touches becomes one. */
export function joined(ranges: readonly TextRange[]): TextRange[] {
  const found: TextRange[] = [];
  for (const range of ranges) {
    const last = found.at(-1);
    if (last === undefined || range.start > last.end) found.push(range);
    else found[found.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
  }
  return found;
}
