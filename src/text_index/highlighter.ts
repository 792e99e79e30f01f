/**
 * Shows where a memory says what was asked for: the words of the question, whichever form of them,
 * and of identifiers what of them was asked for. A memory that was found by its meaning alone has no
 * such place: then the excerpt is how it begins.
 */
import type { Highlight, TextRange } from "../text_index.ts";
import { stopwordKey } from "./document.ts";
import { excerptOf, type Match } from "./excerpt.ts";
import { Graphemes } from "../graphemes.ts";
import type { Language } from "./languages.ts";
import { withoutMarks } from "./normalized.ts";
import { traced } from "./offsets.ts";
import { joined, type Needles } from "./sections.ts";
import { eachChunk, tokenizeChunk } from "./tokenizer.ts";

const MAX_KNOWN_CHUNKS = 20_000;
/** Longer ones hardly come again. */
const MAX_KNOWN_CHARACTERS = 32;

/** What was asked for, by the keys of the index. */
export interface Asked {
  /** The term, and how much it tells; undefined where it was not asked for. */
  readonly find: (key: string) => AskedTerm | undefined;
  readonly needles: Needles;
}

interface AskedTerm {
  readonly term: number;
  readonly weight: number;
}

export class Highlighter {
  readonly #find: Asked["find"];
  readonly #needles: Needles;
  readonly #language: Language;
  /** Written word -> what of it was asked for, with places within the word. */
  readonly #known = new Map<string, readonly Match[]>();

  /** Of memories in one language. */
  constructor({ find, needles }: Asked, language: Language) {
    this.#language = language;
    this.#find = find;
    this.#needles = needles;
  }

  /** Takes a few milliseconds for the longest text there may be. */
  highlight(content: string): Highlight {
    const sections = this.#needles.sectionsOf(content);
    const matches = sections.flatMap((section) => this.#matchesIn(content, section));
    const graphemes = new Graphemes(content);
    const { start, end } = excerptOf(content, matches, graphemes);
    const isShown = (match: Match) => match.start >= start && match.end <= end;
    const ranges = joined(
      matches.filter(isShown).map((match) => ({
        start: graphemes.floor(match.start),
        end: graphemes.ceil(match.end),
      })),
    );
    return { start, end, ranges };
  }

  #matchesIn(content: string, section: TextRange): Match[] {
    const { text, rangeOf } = traced(content.slice(section.start, section.end));
    const found: Match[] = [];
    eachChunk(text, (chunk, at) => {
      for (const { term, weight, ...place } of this.#matchesOf(chunk)) {
        const { start, end } = rangeOf(at + place.start, at + place.end);
        found.push({ start: section.start + start, end: section.start + end, term, weight });
      }
    });
    return found;
  }

  #matchesOf(chunk: string): readonly Match[] {
    const known = this.#known.get(chunk);
    if (known !== undefined) return known;
    const found = this.#read(chunk);
    if (this.#known.size >= MAX_KNOWN_CHUNKS) this.#known.clear();
    if (chunk.length <= MAX_KNOWN_CHARACTERS) this.#known.set(chunk, found);
    return found;
  }

  #read(chunk: string): Match[] {
    const found: Match[] = [];
    // Where marks go, places within the word move: then all of it is shown.
    const isMoved = withoutMarks(chunk).length !== chunk.length;
    tokenizeChunk(chunk, 0, (term, kind, _word, _plain, start, end) => {
      const asked = this.#find(kind === "stopword" ? stopwordKey(term) : term);
      if (asked === undefined) return;
      found.push(isMoved ? { start: 0, end: chunk.length, ...asked } : { start, end, ...asked });
    }, { language: this.#language, others: [] });
    return found;
  }
}
