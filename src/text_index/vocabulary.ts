/**
 * Every term that some memory has, under a number: what is counted and kept by number needs no look
 * at the term's characters. A term that lost its last memory keeps its number until `sweep`, as
 * others may have noted it.
 */
import { Postings } from "./postings.ts";

export class Vocabulary {
  readonly #numbers = new Map<string, number>();
  readonly #postings: Postings[] = [];
  readonly #freeNumbers: number[] = [];
  /** Terms that no memory has any more. */
  readonly #left = new Map<number, string>();

  /** All numbers are below it. */
  get size(): number {
    return this.#postings.length;
  }

  /** How many terms have a number and no memory any more. */
  get leftCount(): number {
    return this.#left.size;
  }

  /** The number of a term; one that has none gets one. */
  numberOf(term: string): number {
    const known = this.#numbers.get(term);
    if (known !== undefined) return known;
    const number = this.#freeNumbers.pop() ?? this.#postings.length;
    this.#numbers.set(term, number);
    this.#postings[number] = new Postings(term);
    return number;
  }

  /** The memories that have a term; undefined where none has it. */
  find(term: string): Postings | undefined {
    const number = this.#numbers.get(term);
    const postings = number === undefined ? undefined : this.#postings[number];
    return postings?.count === 0 ? undefined : postings;
  }

  add(number: number, slot: number, frequency: number): void {
    const postings = this.#postings[number];
    if (postings === undefined) return;
    if (postings.count === 0) this.#left.delete(number);
    postings.add(slot, frequency);
  }

  remove(number: number, slot: number): void {
    const postings = this.#postings[number];
    if (postings === undefined) return;
    postings.remove(slot);
    if (postings.count === 0) this.#left.set(number, postings.term);
  }

  /** Gives the numbers of terms that no memory has to others: nobody may hold one any longer. */
  sweep(): void {
    for (const [number, term] of this.#left) {
      this.#numbers.delete(term);
      this.#freeNumbers.push(number);
    }
    this.#left.clear();
  }
}
