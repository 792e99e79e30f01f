/**
 * Memories read into counts by term number, in arrays that are used again for every memory. What
 * was read is valid until the next one is.
 */
import type { Memory } from "../memory.ts";
import { passages } from "./document.ts";
import { PlainText } from "./plain_text.ts";
import { normalized } from "./normalized.ts";
import { chunksOf } from "./tokenizer.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { WrittenWords } from "./written_words.ts";

/** Terms without a memory that are worth reading the known words afresh. */
const MANY_LEFT_TERMS = 10_000;

export class Reader {
  readonly #vocabulary: Vocabulary;
  readonly #words: WrittenWords;
  readonly #plain = new PlainText();
  /** Term number -> how often it stands there, in tenths. */
  #frequencies = new Int32Array(1024);
  /** The numbers of the memory's terms; only the first `#count` mean anything. */
  #terms = new Int32Array(1024);
  #count = 0;
  #length = 0;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
    this.#words = new WrittenWords(vocabulary);
  }

  /** The numbers of the memory's terms, each once. */
  get terms(): Int32Array {
    return this.#terms.subarray(0, this.#count);
  }

  /** Sum over the words, stopwords left out, in tenths. */
  get length(): number {
    return this.#length;
  }

  /** How often a term stands in the memory, in tenths. */
  frequency(term: number): number {
    return this.#frequencies[term] ?? 0;
  }

  read(memory: Memory): void {
    this.#clear();
    for (const { text, tenths } of passages(memory)) this.#readPassage(normalized(text), tenths);
  }

  /** Frees the numbers of terms that no memory has, once they are many. */
  tidy(): void {
    if (this.#vocabulary.leftCount < MANY_LEFT_TERMS) return;
    this.#clear();
    this.#words.forget();
    this.#vocabulary.sweep();
  }

  #readPassage(text: string, tenths: number): void {
    const plain = this.#plain;
    if (plain.take(text)) {
      while (plain.next()) this.#add(this.#words.findPlain(plain), tenths);
    } else {
      for (const chunk of chunksOf(text)) this.#add(this.#words.find(chunk), tenths);
    }
  }

  /** Counts the terms of the word whose codes stand there. */
  #add(start: number, tenths: number): void {
    const codes = this.#words.codes;
    if (this.#frequencies.length < this.#vocabulary.size) this.#grow();
    const end = start + (codes[start] ?? 0);
    for (let at = start + 1; at <= end; at++) {
      const code = codes[at] ?? 0;
      const term = code >>> 1;
      const before = this.#frequencies[term] ?? 0;
      if (before === 0) this.#terms[this.#count++] = term;
      this.#frequencies[term] = before + tenths;
      if ((code & 1) === 1) this.#length += tenths;
    }
  }

  #clear(): void {
    for (let at = 0; at < this.#count; at++) this.#frequencies[this.#terms[at] ?? 0] = 0;
    this.#count = 0;
    this.#length = 0;
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
