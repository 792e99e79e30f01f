/**
 * One pass over the postings of a prepared query: who has which words, how often, in how long a
 * text, and what the neighbours in the same thread add. The accumulators are kept between
 * searches and cleared by walking what was touched; nothing is made for a single slot.
 *
 * Every sum is taken in the order of the query or of the thread, never of the slots: floating
 * point would otherwise remember in which order the memories came.
 */
import { endsInQuestion } from "./answer_kinds.ts";
import { frequencyOf, slotOf } from "./postings.ts";
import { inverseFrequency, type PreparedQuery, type QueryTerm } from "./query.ts";
import { SIGNALS, WORD_TENTHS } from "./signals.ts";
import { NONE, type Threads } from "./threads.ts";
import { aboutDates } from "./times.ts";

/** What the index knows of every slot, and of all together; lengths are in tenths of a word. */
export interface Slots {
  readonly capacity: number;
  readonly lengths: Int32Array;
  readonly createdMs: Float64Array;
  readonly traits: Uint8Array;
  readonly speakers: Int32Array;
  readonly documents: number;
  readonly totalLength: number;
  readonly threads: Threads;
}

/** A question, and who is named in it: see `speakerOf`. */
export interface Question extends PreparedQuery {
  readonly named: ReadonlySet<number>;
}

/** What becomes of the slots with any evidence. */
export interface Visitor {
  /** Undefined where every slot is let through. */
  readonly accepts: ((slot: number) => boolean) | undefined;
  /** Takes a slot and its score, and says which score is the least that is still of use. */
  readonly take: (slot: number, score: number) => number;
}

/** What a slot gets of its neighbours' scores at most, if each were the same. */
const MOST_OF_NEIGHBOURS = SIGNALS.questionBefore - SIGNALS.neighbourBefore +
  (SIGNALS.neighbourBefore + SIGNALS.neighbourAfter) * (2 - 2 ** (1 - SIGNALS.neighbourWindow));
/** Above what rounding may take from a sum, and far below what tells two memories apart. */
const ROUNDING = 1e-9;
/** In place of a word's number: a neighbour, without any. */
const REACHED = -1;

export class Scoring {
  /** Slot -> score for its own words; the number of words it has; the last word it was seen for. */
  #own = new Float64Array(0);
  #matched = new Int32Array(0);
  #lastWord = new Int32Array(0);
  /** The slots with any evidence; only the first `#touchedCount` mean anything. */
  #touched = new Int32Array(0);
  #touchedCount = 0;
  /** Thread -> the score of all its memories as one text, and the best that one of them has. */
  #threadFrequency = new Float64Array(0);
  #threadScore = new Float64Array(0);
  #threadBest = new Float64Array(0);
  #touchedThreads = new Int32Array(0);
  #touchedThreadCount = 0;
  /** The threads that have the term at hand. */
  #having = new Int32Array(0);

  /**
   * Visits every slot with any evidence, in no order: also one that has none of the words and
   * stands beside one that has, as the answer often does. Returns how many were let through; those
   * below the least score of use are counted only.
   */
  run(query: Question, slots: Slots, visitor: Visitor): number {
    this.#grow(slots);
    try {
      let number = 0;
      for (const word of query.words) {
        number++;
        for (const term of word.terms) this.#add(term, number, slots);
      }
      this.#reachNeighbours(slots.threads, this.#applyFactors(query, slots));
      return this.#visit(slots, visitor);
    } finally {
      this.#clear();
    }
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
    let touchedCount = this.#touchedCount;
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
      if (before === 0) touched[touchedCount++] = slot;
      own[slot] = before + weight * frequency / (frequency + norm);
      if (lastWord[slot] === word) continue;
      lastWord[slot] = word;
      matched[slot] = (matched[slot] ?? 0) + 1;
    }
    this.#touchedCount = touchedCount;
    if (threads.size > 0) this.#addToThreads(term, threads);
  }

  /** The same formula over threads, each as one text. */
  #addToThreads(term: QueryTerm, threads: Threads): void {
    const { postings } = term;
    const { entries, from, count } = postings;
    const frequencies = this.#threadFrequency;
    const scores = this.#threadScore;
    const { of, lengths } = threads;
    const having = this.#having;
    let havingCount = 0;
    for (let at = from; at < from + count; at++) {
      const entry = entries[at] ?? 0;
      const thread = of[slotOf(entry)] ?? NONE;
      if (thread === NONE) continue;
      const before = frequencies[thread] ?? 0;
      if (before === 0) having[havingCount++] = thread;
      frequencies[thread] = before + frequencyOf(postings, entry);
    }
    const weight = term.discount * inverseFrequency(havingCount, threads.size);
    const flat = WORD_TENTHS * SIGNALS.k1 * (1 - SIGNALS.b);
    const slope = WORD_TENTHS * SIGNALS.k1 * SIGNALS.b * threads.size / threads.totalLength;
    for (let at = 0; at < havingCount; at++) {
      const thread = having[at] ?? 0;
      const frequency = frequencies[thread] ?? 0;
      const norm = flat + slope * (lengths[thread] ?? 0);
      const before = scores[thread] ?? 0;
      if (before === 0) this.#touchedThreads[this.#touchedThreadCount++] = thread;
      scores[thread] = before + weight * frequency / (frequency + norm);
      frequencies[thread] = 0;
    }
  }

  /** What the whole of a memory says for it. Returns the best score. */
  #applyFactors(query: Question, slots: Slots): number {
    const own = this.#own;
    const touched = this.#touched;
    const factors = this.#factors(query);
    const isAbout = query.dates.length > 0 ? aboutDates(query.dates) : undefined;
    const { of } = slots.threads;
    const threadBest = this.#threadBest;
    let most = 0;
    for (let at = 0; at < this.#touchedCount; at++) {
      const slot = touched[at] ?? 0;
      let factor = factors[this.#matched[slot] ?? 0] ?? 1;
      factor *= query.traitFactors[slots.traits[slot] ?? 0] ?? 1;
      if (query.named.has(slots.speakers[slot] ?? 0)) factor *= SIGNALS.namedSpeaker;
      if (isAbout?.(slots.createdMs[slot] ?? 0)) factor *= SIGNALS.namedDate;
      const score = (own[slot] ?? 0) * factor;
      own[slot] = score;
      if (score > most) most = score;
      const thread = of[slot] ?? NONE;
      if (thread !== NONE && score > (threadBest[thread] ?? 0)) threadBest[thread] = score;
    }
    return most;
  }

  /** By how many of the words a memory has. */
  #factors({ words, wordCount }: PreparedQuery): Float64Array {
    return Float64Array.from({ length: words.length + 1 }, (_, matched) => (
      coordination(matched, wordCount)
    ));
  }

  /** Adds those within the window of a good slot to what was touched. */
  #reachNeighbours({ size, next, previous }: Threads, most: number): void {
    if (size === 0) return;
    const own = this.#own;
    const enough = SIGNALS.neighbourReach * most;
    const withWords = this.#touchedCount;
    for (let at = 0; at < withWords; at++) {
      const slot = this.#touched[at] ?? 0;
      if ((own[slot] ?? 0) < enough) continue;
      let after = next[slot] ?? NONE;
      let before = previous[slot] ?? NONE;
      // A good one reaches for itself as far as there is to go, and further.
      for (let step = 0; step < SIGNALS.neighbourWindow; step++) {
        if (after !== NONE && (own[after] ?? 0) < enough) after = this.#reach(after, next);
        if (before !== NONE && (own[before] ?? 0) < enough) before = this.#reach(before, previous);
      }
    }
  }

  /** Returns the one beyond it. */
  #reach(slot: number, beyond: Int32Array): number {
    if (this.#lastWord[slot] === 0) {
      this.#lastWord[slot] = REACHED;
      this.#touched[this.#touchedCount++] = slot;
    }
    return beyond[slot] ?? NONE;
  }

  #visit({ threads, traits }: Slots, { accepts, take }: Visitor): number {
    const own = this.#own;
    const touched = this.#touched;
    const threadBest = this.#threadBest;
    const { of } = threads;
    let total = 0;
    let least = 0;
    for (let at = 0; at < this.#touchedCount; at++) {
      const slot = touched[at] ?? 0;
      if (accepts !== undefined && !accepts(slot)) continue;
      total++;
      const score = own[slot] ?? 0;
      const thread = of[slot] ?? NONE;
      if (thread === NONE) {
        if (score >= least) least = take(slot, score);
        continue;
      }
      const ofThread = SIGNALS.thread * (this.#threadScore[thread] ?? 0);
      const most = score + MOST_OF_NEIGHBOURS * (threadBest[thread] ?? 0) + ofThread;
      if (most * (1 + ROUNDING) < least) continue;
      const whole = this.#withNeighbours(slot, threads, traits) + ofThread;
      if (whole >= least) least = take(slot, whole);
    }
    return total;
  }

  #withNeighbours(slot: number, { next, previous }: Threads, traits: Uint8Array): number {
    let score = this.#own[slot] ?? 0;
    let before = previous[slot] ?? NONE;
    let after = next[slot] ?? NONE;
    let shareBefore = before !== NONE && endsInQuestion(traits[before] ?? 0)
      ? SIGNALS.questionBefore
      : SIGNALS.neighbourBefore;
    for (let step = 0, share = 1; step < SIGNALS.neighbourWindow; step++, share /= 2) {
      if (before !== NONE) {
        score += shareBefore * (this.#own[before] ?? 0);
        before = previous[before] ?? NONE;
      }
      if (after !== NONE) {
        score += share * SIGNALS.neighbourAfter * (this.#own[after] ?? 0);
        after = next[after] ?? NONE;
      }
      shareBefore = share / 2 * SIGNALS.neighbourBefore;
    }
    return score;
  }

  #clear(): void {
    for (let at = 0; at < this.#touchedCount; at++) {
      const slot = this.#touched[at] ?? 0;
      this.#own[slot] = 0;
      this.#matched[slot] = 0;
      this.#lastWord[slot] = 0;
    }
    this.#touchedCount = 0;
    for (let at = 0; at < this.#touchedThreadCount; at++) {
      const thread = this.#touchedThreads[at] ?? 0;
      this.#threadScore[thread] = 0;
      this.#threadBest[thread] = 0;
    }
    this.#touchedThreadCount = 0;
  }

  #grow({ capacity, threads }: Slots): void {
    if (this.#own.length < capacity) {
      this.#own = new Float64Array(capacity);
      this.#matched = new Int32Array(capacity);
      this.#lastWord = new Int32Array(capacity);
      this.#touched = new Int32Array(capacity);
    }
    const most = threads.lengths.length;
    if (this.#threadScore.length >= most) return;
    this.#threadFrequency = new Float64Array(most);
    this.#threadScore = new Float64Array(most);
    this.#threadBest = new Float64Array(most);
    this.#touchedThreads = new Int32Array(most);
    this.#having = new Int32Array(most);
  }
}

/** What remains of a score where words are missing. The root: a question's words are not all of
 * one weight, and the plain share took more from documents than it gave to conversations. */
function coordination(matched: number, words: number): number {
  const { coordinationFull: full, coordinationGone: gone } = SIGNALS;
  const strength = Math.min(1, Math.max(0, (gone - words) / (gone - full)));
  return 1 - strength * (1 - Math.sqrt(matched / words));
}
