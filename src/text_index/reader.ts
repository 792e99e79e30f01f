/**
 * Memories read into counts by term number, in arrays that are used again for every memory. What
 * was read is valid until the next one is.
 */
import type { Memory } from "../memory.ts";
import { type Passage, passages } from "./document.ts";
import { PlainText } from "./plain_text.ts";
import { LanguageEvidence } from "./language_evidence.ts";
import { ENGLISH, type Language, languageKey } from "./languages.ts";
import { normalized, withoutCommas } from "./normalized.ts";
import { chunksOf } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { WrittenWords } from "./written_words.ts";

/** Terms without a memory that are worth reading the known words afresh. */
const MANY_LEFT_TERMS = 10_000;
/** Written words that are known in English, and in each other language. */
const MAX_KNOWN_WORDS = 50_000;
const MAX_FOREIGN_WORDS = 16_000;

export class Reader {
  readonly #vocabulary: Vocabulary;
  /** By the language they are read in. */
  readonly #words = new Map<Language, WrittenWords>();
  readonly #evidence = new LanguageEvidence();
  readonly #plain = new PlainText();
  /** Term number -> how often it stands there, in tenths. */
  #frequencies = new Int32Array(1024);
  /** The numbers of the memory's terms; only the first `#used` mean anything. */
  #terms = new Int32Array(1024);
  #used = 0;
  #length = 0;
  #clues = 0;
  /** Of what was read last. Most likely of what comes next, too, which is then read only once. */
  #language = ENGLISH;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** The numbers of the memory's terms, each once. */
  get terms(): Int32Array {
    return this.#terms.subarray(0, this.#used);
  }

  /** Sum over the words, stopwords left out, in tenths. */
  get length(): number {
    return this.#length;
  }

  /** Which kinds of answer its words leave possible: see `cluesOf`. */
  get clues(): number {
    return this.#clues;
  }

  /** How often a term stands in the memory, in tenths. */
  frequency(term: number): number {
    return this.#frequencies[term] ?? 0;
  }

  read(memory: Memory): void {
    this.tidy();
    const found = passages(memory);
    this.#readIn(this.#language, found);
    const language = this.#evidence.language();
    if (language !== this.#language) {
      this.#leave();
      this.#readIn(language, found);
    }
    if (language !== ENGLISH) this.#mark(language);
  }

  /** Frees the numbers of terms that no memory has, once they are many. */
  tidy(): void {
    if (this.#vocabulary.leftCount < MANY_LEFT_TERMS) return;
    this.#clear();
    for (const words of this.#words.values()) words.forget();
    this.#vocabulary.sweep();
  }

  /** The memories of a language have a term that says so. */
  #mark(language: Language): void {
    const term = this.#vocabulary.numberOf(languageKey(language));
    if (this.#frequencies.length < this.#vocabulary.size) this.#grow();
    this.#frequencies[term] = 1;
    this.#terms[this.#used++] = term;
  }

  #readIn(language: Language, passages: readonly Passage[]): void {
    this.#clear();
    this.#language = language;
    const words = this.#wordsIn(language);
    for (const { text, tenths } of passages) this.#readPassage(words, text, tenths);
  }

  #wordsIn(language: Language): WrittenWords {
    const known = this.#words.get(language);
    if (known !== undefined) return known;
    const most = language === ENGLISH ? MAX_KNOWN_WORDS : MAX_FOREIGN_WORDS;
    const words = new WrittenWords(this.#vocabulary, language, most);
    this.#words.set(language, words);
    return words;
  }

  #readPassage(words: WrittenWords, text: string, tenths: number): void {
    const plain = this.#plain;
    if (plain.take(withoutCommas(text))) {
      while (plain.next()) this.#add(words, words.findPlain(plain), tenths);
    } else {
      for (const chunk of chunksOf(normalized(text))) this.#add(words, words.find(chunk), tenths);
    }
  }

  /** Counts the terms of the word whose codes stand there. */
  #add({ codes }: WrittenWords, start: number, tenths: number): void {
    if (this.#frequencies.length < this.#vocabulary.size) this.#grow();
    const end = start + (codes[start] ?? 0);
    for (let at = start + 1; at <= end; at++) {
      const code = codes[at] ?? 0;
      const term = code >>> 1;
      const before = this.#frequencies[term] ?? 0;
      if (before === 0) this.#terms[this.#used++] = term;
      this.#frequencies[term] = before + tenths;
      if ((code & 1) === 1) this.#length += tenths;
    }
    this.#evidence.add(codes[end + 1] ?? 0);
    this.#clues |= codes[end + 2] ?? 0;
  }

  /** Terms of the language that it was not are of no memory, unless another has them. */
  #leave(): void {
    for (const term of this.terms) this.#vocabulary.leave(term);
  }

  #clear(): void {
    for (let at = 0; at < this.#used; at++) this.#frequencies[this.#terms[at] ?? 0] = 0;
    this.#used = 0;
    this.#length = 0;
    this.#clues = 0;
    this.#evidence.clear();
  }

  #grow(): void {
    const capacity = Math.max(this.#vocabulary.size, 2 * this.#frequencies.length);
    const frequencies = new Int32Array(capacity);
    frequencies.set(this.#frequencies);
    this.#frequencies = frequencies;
    const terms = new Int32Array(capacity);
    terms.set(this.#terms);
    this.#terms = terms;
  }
}
