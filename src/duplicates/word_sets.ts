/**
 * The set of words of each memory, as ranks in rising order: the rarer a word, the lower its rank.
 * So what two texts are most likely not to share by chance comes first.
 */
import type { Memory } from "../memory.ts";
import type { Pace } from "../pace.ts";
import { resized } from "../typed_arrays.ts";
import { WordNumbers, wordsOf } from "./words.ts";

/** For all memories together, 64 MiB; with more, the rest of them is left out. */
const MOST_WORDS = 16 << 20;
const LOOK_EVERY = 4096;

export class WordSets {
  readonly #numbers = new WordNumbers();
  #words = new Int32Array(1 << 16);
  #used = 0;
  /** Where each set begins, and where the last one ends. */
  readonly #starts: number[] = [0];
  /** Word number -> in how many sets it is. */
  #counts = new Int32Array(1024);
  /** Word number -> the last set that it was put into, counted from 1. */
  #lastSet = new Int32Array(1024);
  /** How many words are in one set only: theirs are the lowest ranks. */
  #lone = 0;

  /** How many sets there are: one for each memory, from the first on. */
  get size(): number {
    return this.#starts.length - 1;
  }

  /** How many words there are. */
  get words(): number {
    return this.#numbers.size;
  }

  lengthOf(set: number): number {
    return (this.#starts[set + 1] ?? 0) - (this.#starts[set] ?? 0);
  }

  /** Valid until the next set is added. */
  at(set: number): Int32Array {
    return this.#words.subarray(this.#starts[set], this.#starts[set + 1]);
  }

  /** Whether no two sets share the word of this rank; to be asked once all are ranked. */
  isLone(rank: number): boolean {
    return rank < this.#lone;
  }

  /** False where there is no more room. */
  add({ content }: Memory): boolean {
    const set = this.size + 1;
    const start = this.#used;
    for (const word of wordsOf(content)) {
      const number = this.#numbers.numberOf(word);
      if (number >= this.#counts.length) this.#growCounts();
      if (this.#lastSet[number] === set) continue;
      this.#lastSet[number] = set;
      if (this.#used >= this.#words.length) this.#words = doubled(this.#words);
      this.#words[this.#used++] = number;
    }
    if (this.#used > MOST_WORDS) {
      this.#used = start;
      return false;
    }
    for (let at = start; at < this.#used; at++) {
      const number = this.#words[at] ?? 0;
      this.#counts[number] = (this.#counts[number] ?? 0) + 1;
    }
    this.#starts.push(this.#used);
    return true;
  }

  /** Puts ranks in the place of numbers; to be called once, when all are there. */
  async rank(pace: Pace): Promise<void> {
    const ranks = await this.#ranks(pace);
    for (let set = 0; set < this.size; set++) {
      const words = this.at(set);
      for (let at = 0; at < words.length; at++) words[at] = ranks[words[at] ?? 0] ?? 0;
      words.sort();
      if (pace.due) await pace.breathe();
    }
  }

  /** By counting sort: comparing a million words would hold everybody up. */
  async #ranks(pace: Pace): Promise<Int32Array> {
    const { words, size } = this;
    const before = new Int32Array(size + 2);
    for (let word = 0; word < words; word++) {
      const count = this.#counts[word] ?? 0;
      before[count + 1] = (before[count + 1] ?? 0) + 1;
      if (word % LOOK_EVERY === 0 && pace.due) await pace.breathe();
    }
    for (let count = 1; count < before.length; count++) {
      before[count] = (before[count] ?? 0) + (before[count - 1] ?? 0);
    }
    this.#lone = before[2] ?? 0;
    const ranks = new Int32Array(words);
    for (let word = 0; word < words; word++) {
      const count = this.#counts[word] ?? 0;
      const rank = before[count] ?? 0;
      ranks[word] = rank;
      before[count] = rank + 1;
      if (word % LOOK_EVERY === 0 && pace.due) await pace.breathe();
    }
    return ranks;
  }

  #growCounts(): void {
    this.#counts = doubled(this.#counts);
    this.#lastSet = doubled(this.#lastSet);
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  return resized(array, new Int32Array(2 * array.length));
}
