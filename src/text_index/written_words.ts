/**
 * The terms of words as they stand in texts, by number. Most words of a memory were written before:
 * for those, one look-up takes the place of folding, splitting, stemming and finding each term.
 * Holds nothing but a pure function's results, and forgets them all when they get many.
 */
import { cluesOf } from "./answer_kinds.ts";
import { stopwordKey } from "./document.ts";
import type { PlainText } from "./plain_text.ts";
import { evidenceOf } from "./language_evidence.ts";
import type { Language } from "./languages.ts";
import { tokenizeChunk } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Longer ones hardly come again, and might hold millions of characters together. */
const MAX_KNOWN_CHARACTERS = 32;
/** Places for each plain word that may be known, or a little less: so never half of them are taken. */
const PLACES_PER_WORD = 2;
/** Numbers for each place: the word's hash, where its bytes are, how many, where its codes are. */
const FIELDS = 4;
/** Words whose hashes crowd together, by chance or by design, are not looked for further on. */
const MOST_PROBES = 32;

export class WrittenWords {
  readonly #vocabulary: Vocabulary;
  readonly #language: Language;
  readonly #maxWords: number;
  /** Written word -> where its codes begin; those of plain ASCII are in the table. */
  readonly #known = new Map<string, number>();
  readonly #table: Int32Array;
  readonly #places: number;
  readonly #bytes: Uint8Array;
  #usedBytes = 0;
  #words = 0;
  /** For each word the count of its codes, then the codes, then what it tells of the language and of
   * the kinds of answers; only the first `#used` are known. No word's are at 0, which is how the
   * table tells a free place. */
  #codes = new Int32Array(1024);
  #used = 1;

  /** Of texts in one language, since its words have their own stems. */
  constructor(vocabulary: Vocabulary, language: Language, maxWords: number) {
    this.#vocabulary = vocabulary;
    this.#language = language;
    this.#maxWords = maxWords;
    this.#places = 2 ** Math.ceil(Math.log2(PLACES_PER_WORD * maxWords));
    this.#table = new Int32Array(this.#places * FIELDS);
    this.#bytes = new Uint8Array(maxWords * MAX_KNOWN_CHARACTERS);
  }

  /**
   * At what `find` returned stands how many codes follow. A code is twice the number of a term, and
   * one more where it adds to the length of a memory. Behind them stand the word's evidence of
   * the language and its clues. Another array after `find`, as it may grow.
   */
  get codes(): Int32Array {
    return this.#codes;
  }

  /** Where the codes of a word stand, until the next `find`. */
  find(chunk: string): number {
    const known = this.#known.get(chunk);
    if (known !== undefined) return known;
    if (this.#words >= this.#maxWords) this.forget();
    const start = this.#read(chunk);
    if (chunk.length <= MAX_KNOWN_CHARACTERS) {
      this.#keep(start);
      this.#known.set(copied(chunk), start);
    }
    return start;
  }

  /** The same for the word at which a plain text stands. */
  findPlain(text: PlainText): number {
    const length = text.end - text.start;
    if (length > MAX_KNOWN_CHARACTERS) return this.#read(text.word);
    if (this.#words >= this.#maxWords) this.forget();
    const table = this.#table;
    for (let probe = 0; probe < MOST_PROBES; probe++) {
      const place = FIELDS * ((text.hash + probe) & (this.#places - 1));
      const codes = table[place + 3] ?? 0;
      if (codes === 0) return this.#learn(text, place);
      const isAlike = table[place] === text.hash && table[place + 2] === length;
      if (isAlike && this.#isWord(table[place + 1] ?? 0, text)) return codes;
    }
    return this.#read(text.word);
  }

  forget(): void {
    this.#known.clear();
    this.#table.fill(0);
    this.#usedBytes = 0;
    this.#words = 0;
    this.#used = 1;
  }

  #isWord(at: number, { bytes, start, end }: PlainText): boolean {
    for (let from = start; from < end; from++) {
      if (this.#bytes[at + from - start] !== bytes[from]) return false;
    }
    return true;
  }

  #learn(text: PlainText, place: number): number {
    const start = this.#read(text.word);
    this.#keep(start);
    this.#table.set([text.hash, this.#usedBytes, text.end - text.start, start], place);
    this.#bytes.set(text.bytes.subarray(text.start, text.end), this.#usedBytes);
    this.#usedBytes += text.end - text.start;
    return start;
  }

  #keep(start: number): void {
    this.#words++;
    this.#used = start + 3 + (this.#codes[start] ?? 0);
  }

  /** Writes the codes of a word behind those that are known. */
  #read(chunk: string): number {
    const start = this.#used;
    let end = start + 1;
    tokenizeChunk(chunk, 0, (term, kind) => {
      const key = kind === "stopword" ? stopwordKey(term) : term;
      const isCounted = kind === "term" || kind === "whole";
      this.#write(end++, 2 * this.#vocabulary.numberOf(key) + (isCounted ? 1 : 0));
    }, { language: this.#language, others: [] });
    this.#write(start, end - start - 1);
    this.#write(end, evidenceOf(chunk));
    this.#write(end + 1, cluesOf(chunk));
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
