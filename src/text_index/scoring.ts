/**
 * One pass over the postings of a prepared query: who has which words, how often, in how long a
 * text, and what the neighbours in the same thread add. The accumulators are kept between
 * searches and cleared by walking what was touched.
 *
 * Every sum is taken in the order of the query or of the thread, never of the slots: floating
 * point would otherwise remember in which order the memories came.
 */
import { frequencyOf, slotOf } from "./postings.ts";
import { inverseFrequency, type PreparedQuery, type QueryTerm } from "./query.ts";
import { SIGNALS, WORD_TENTHS } from "./signals.ts";
import { NONE, type Threads } from "./threads.ts";
import { mayTell } from "./times.ts";

/** What the index knows of every slot, and of all together; lengths are in tenths of a word. */
export interface Slots {
  readonly capacity: number;
  readonly lengths: Int32Array;
  readonly createdMs: Float64Array;
  readonly saysTime: Uint8Array;
  readonly documents: number;
  readonly totalLength: number;
  readonly threads: Threads;
}

export class Scoring {
  /** Slot -> score for its own words; the number of words it has; the last word it was seen for. */
  #own = new Float64Array(0);
  #matched = new Int32Array(0);
  #lastWord = new Int32Array(0);
  #isReached = new Uint8Array(0);
  readonly #touched: number[] = [];
  /** Thread -> the same for all its memories as one text. */
  #threadFrequency = new Float64Array(0);
  #threadScore = new Float64Array(0);
  readonly #touchedThreads: number[] = [];

  /**
   * Calls `visit` for every slot with any evidence, in the order of the slots: also for one that has
   * none of the words and stands beside one that has, as the answer often does.
   */
  run(query: PreparedQuery, slots: Slots, visit: (slot: number, score: number) => void): void {
    this.#grow(slots);
    let number = 0;
    for (const word of query.words) {
      number++;
      for (const term of word.terms) this.#add(term, number, slots);
    }
    for (const slot of this.#touched) {
      this.#own[slot] = (this.#own[slot] ?? 0) * this.#factor(slot, query, slots);
    }
    this.#reachNeighbours(slots.threads);
    // By slot: memories lie in the order they came, and reading them so is faster.
    const reached: number[] = [];
    const isReached = this.#isReached;
    for (let slot = 0; slot < isReached.length; slot++) {
      if (isReached[slot] === 1) reached.push(slot);
    }
    for (const slot of reached) visit(slot, this.#withNeighbours(slot, slots.threads));
    this.#clear(reached);
  }

  /**
   * BM25: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
   * without the constant factor k1 + 1, and with a floor under the length.
   */
  #add(term: QueryTerm, word: number, slots: Slots): void {
    const { weight, postings } = term;
    const { lengths, threads } = slots;
    const own = this.#own;
    const matched = this.#matched;
    const lastWord = this.#lastWord;
    const touched = this.#touched;
    const floor = WORD_TENTHS * SIGNALS.lengthFloor;
    const average = Math.max(floor, slots.totalLength / slots.documents);
    const flat = WORD_TENTHS * SIGNALS.k1 * (1 - SIGNALS.b);
    const slope = WORD_TENTHS * SIGNALS.k1 * SIGNALS.b / average;
    const { entries, from, count } = postings;
    for (let at = from; at < from + count; at++) {
      const entry = entries[at] ?? 0;
      const slot = slotOf(entry);
      const frequency = frequencyOf(postings, entry);
      const length = lengths[slot] ?? 0;
      const norm = flat + slope * (length > floor ? length : floor);
      const before = own[slot] ?? 0;
      if (before === 0) touched.push(slot);
      own[slot] = before + weight * frequency / (frequency + norm);
      if (lastWord[slot] === word) continue;
      lastWord[slot] = word;
      matched[slot] = (matched[slot] ?? 0) + 1;
    }
    if (threads.size > 0) this.#addToThreads(term, threads);
  }

  /** The same formula over threads, each as one text. */
  #addToThreads(term: QueryTerm, threads: Threads): void {
    const { postings } = term;
    const { entries, from, count } = postings;
    const frequencies = this.#threadFrequency;
    const scores = this.#threadScore;
    const { of, lengths } = threads;
    const having: number[] = [];
    for (let at = from; at < from + count; at++) {
      const entry = entries[at] ?? 0;
      const thread = of[slotOf(entry)] ?? NONE;
      if (thread === NONE) continue;
      if (frequencies[thread] === 0) having.push(thread);
      frequencies[thread] = (frequencies[thread] ?? 0) + frequencyOf(postings, entry);
    }
    const weight = term.discount * inverseFrequency(having.length, threads.size);
    const slope = WORD_TENTHS * SIGNALS.k1 * SIGNALS.b * threads.size / threads.totalLength;
    for (const thread of having) {
      const frequency = frequencies[thread] ?? 0;
      const norm = WORD_TENTHS * SIGNALS.k1 * (1 - SIGNALS.b) +
        slope * (lengths[thread] ?? 0);
      const before = scores[thread] ?? 0;
      if (before === 0) this.#touchedThreads.push(thread);
      scores[thread] = before + weight * frequency / (frequency + norm);
      frequencies[thread] = 0;
    }
  }

  #factor(slot: number, query: PreparedQuery, slots: Slots): number {
    let factor = coordination(this.#matched[slot] ?? 0, query.wordCount);
    if (query.asksWhen && slots.saysTime[slot] === 1) factor *= SIGNALS.saysTime;
    if (query.dates.length > 0) {
      const createdMs = slots.createdMs[slot] ?? 0;
      if (query.dates.some((date) => mayTell(createdMs, date))) factor *= SIGNALS.namedDate;
    }
    return factor;
  }

  /** Marks the slots with words of their own and those within the window of a good one. */
  #reachNeighbours({ size, next, previous }: Threads): void {
    const isReached = this.#isReached;
    let most = 0;
    for (const slot of this.#touched) {
      isReached[slot] = 1;
      most = Math.max(most, this.#own[slot] ?? 0);
    }
    if (size === 0) return;
    const enough = SIGNALS.neighbourReach * most;
    for (const slot of this.#touched) {
      if ((this.#own[slot] ?? 0) < enough) continue;
      let after = next[slot] ?? NONE;
      let before = previous[slot] ?? NONE;
      for (let step = 0; step < SIGNALS.neighbourWindow; step++) {
        if (after !== NONE) {
          isReached[after] = 1;
          after = next[after] ?? NONE;
        }
        if (before !== NONE) {
          isReached[before] = 1;
          before = previous[before] ?? NONE;
        }
      }
    }
  }

  #withNeighbours(slot: number, { of, next, previous }: Threads): number {
    let score = this.#own[slot] ?? 0;
    const thread = of[slot] ?? NONE;
    if (thread === NONE) return score;
    let before = previous[slot] ?? NONE;
    let after = next[slot] ?? NONE;
    let share = 1;
    for (let step = 0; step < SIGNALS.neighbourWindow; step++, share /= 2) {
      if (before !== NONE) {
        score += share * SIGNALS.neighbourBefore * (this.#own[before] ?? 0);
        before = previous[before] ?? NONE;
      }
      if (after !== NONE) {
        score += share * SIGNALS.neighbourAfter * (this.#own[after] ?? 0);
        after = next[after] ?? NONE;
      }
    }
    return score + SIGNALS.thread * (this.#threadScore[thread] ?? 0);
  }

  #clear(reached: readonly number[]): void {
    for (const slot of reached) {
      this.#own[slot] = 0;
      this.#matched[slot] = 0;
      this.#lastWord[slot] = 0;
      this.#isReached[slot] = 0;
    }
    for (const thread of this.#touchedThreads) this.#threadScore[thread] = 0;
    this.#touchedThreads.length = 0;
    this.#touched.length = 0;
  }

  #grow({ capacity, threads }: Slots): void {
    if (this.#own.length < capacity) {
      this.#own = new Float64Array(capacity);
      this.#matched = new Int32Array(capacity);
      this.#lastWord = new Int32Array(capacity);
      this.#isReached = new Uint8Array(capacity);
    }
    if (this.#threadScore.length < threads.lengths.length) {
      this.#threadScore = new Float64Array(threads.lengths.length);
      this.#threadFrequency = new Float64Array(threads.lengths.length);
    }
  }
}

/** What remains of a score where words are missing. The root: a question's words are not all of
 * one weight, and the plain share took more from documents than it gave to conversations. */
function coordination(matched: number, words: number): number {
  const { coordinationFull: full, coordinationGone: gone } = SIGNALS;
  const strength = Math.min(1, Math.max(0, (gone - words) / (gone - full)));
  return 1 - strength * (1 - Math.sqrt(matched / words));
}
