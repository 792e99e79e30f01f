/**
 * The terms of words as they stand in texts, by number. Most words of a memory were written before:
 * for those, one look-up takes the place of folding, splitting, stemming and finding each term.
 * Holds nothing but a pure function's results, and forgets them all when they get many.
 */
import { stopwordKey } from "./document.ts";
import { tokenizeChunk } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

const MAX_KNOWN_WORDS = 50_000;
/** Longer ones hardly come again, and might hold millions of characters together. */
const MAX_KNOWN_CHARACTERS = 32;

export class WrittenWords {
  readonly #vocabulary: Vocabulary;
  /** Written word -> where its codes begin. */
  readonly #known = new Map<string, number>();
  /** For each word the count of its codes, then the codes; only the first `#used` are known. */
  #codes = new Int32Array(1024);
  #used = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /**
   * At what `find` returned stands how many codes follow. A code is twice the number of a term, and
   * one more where it adds to the length of a memory. Another array after `find`, as it may grow.
   */
  get codes(): Int32Array {
    return this.#codes;
  }

  /** Where the codes of a word stand, until the next `find`. */
  find(chunk: string): number {
    return this.#known.get(chunk) ?? this.#read(chunk);
  }

  forget(): void {
    this.#known.clear();
    this.#used = 0;
  }

  #read(chunk: string): number {
    if (this.#known.size >= MAX_KNOWN_WORDS) this.forget();
    const start = this.#used;
    let end = start + 1;
    tokenizeChunk(chunk, 0, (term, kind) => {
      const key = kind === "stopword" ? stopwordKey(term) : term;
      const isCounted = kind === "term" || kind === "whole";
      this.#write(end++, 2 * this.#vocabulary.numberOf(key) + (isCounted ? 1 : 0));
    });
    this.#write(start, end - start - 1);
    if (chunk.length > MAX_KNOWN_CHARACTERS) return start;
    this.#known.set(copied(chunk), start);
    this.#used = end;
    return start;
  }

  #write(at: number, code: number): void {
    if (at >= this.#codes.length) {
      const codes = new Int32Array(2 * this.#codes.length);
      codes.set(this.#codes);
      this.#codes = codes;
    }
    this.#codes[at] = code;
  }
}

/** The same characters, apart from the text: a piece of it may be a view that keeps all of it in
 * memory, while a piece of this sum keeps no more than itself. */
function copied(piece: string): string {
  return (" " + piece).slice(1);
}
