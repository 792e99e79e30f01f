/**
 * Every term that some memory has, under a number: what is counted and kept by number needs no look
 * at the term's characters. A term that lost its last memory keeps its number until `sweep`, as
 * others may have noted it.
 */
import { PostingLists, type Postings } from "./postings.ts";
import { Signatures } from "./signatures.ts";
import { isOneSlip } from "./spelling.ts";

export class Vocabulary {
  readonly #numbers = new Map<string, number>();
  readonly #terms: string[] = [];
  readonly #signatures = new Signatures();
  readonly #lists = new PostingLists();
  readonly #freeNumbers: number[] = [];
  /** Terms that no memory has any more. */
  readonly #left = new Map<number, string>();

  /** All numbers are below it. */
  get size(): number {
    return this.#terms.length;
  }

  /** How many terms have a number and no memory any more. */
  get leftCount(): number {
    return this.#left.size;
  }

  /** The number of a term; one that has none gets one. */
  numberOf(term: string): number {
    const known = this.#numbers.get(term);
    if (known !== undefined) return known;
    const number = this.#freeNumbers.pop() ?? this.#terms.length;
    this.#numbers.set(term, number);
    this.#terms[number] = term;
    this.#signatures.set(number, term);
    return number;
  }

  /** The term of a number. */
  termOf(number: number): string {
    return this.#terms[number] ?? "";
  }

  /** The terms that some memory has and that are one slip away from this one. */
  near(term: string): string[] {
    return this.#signatures.near(term, this.size)
      .filter((number) => this.#lists.count(number) > 0)
      .map((number) => this.termOf(number))
      .filter((other) => isOneSlip(term, other));
  }

  /** The memories that have a term; undefined where none has it. */
  find(term: string): Postings | undefined {
    const number = this.heldNumber(term);
    return number === undefined ? undefined : this.#lists.of(number);
  }

  /** The number of a term that some memory has. */
  heldNumber(term: string): number | undefined {
    const number = this.#numbers.get(term);
    return number === undefined || this.#lists.count(number) === 0 ? undefined : number;
  }

  add(number: number, slot: number, frequency: number): void {
    if (this.#left.size > 0) this.#left.delete(number);
    this.#lists.add(number, slot, frequency);
  }

  /** Takes note of a term if no memory has it: it was looked at only, or has lost the last one. */
  leave(number: number): void {
    if (this.#lists.count(number) === 0) this.#left.set(number, this.termOf(number));
  }

  remove(number: number, slot: number): void {
    this.#lists.remove(number, slot);
    this.leave(number);
  }

  /** Gives the numbers of terms that no memory has to others: nobody may hold one any longer. */
  sweep(): void {
    for (const [number, term] of this.#left) {
      this.#numbers.delete(term);
      this.#terms[number] = "";
      this.#freeNumbers.push(number);
    }
    this.#left.clear();
  }
}
