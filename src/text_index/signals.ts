/**
 * What the ranking goes by: every number with its reason. They were measured on judged
 * conversations and on scientific abstracts, and none of them is fitted to a single question.
 */
export const SIGNALS = {
  /** BM25's saturation of repeated words and its correction for length. */
  k1: 1.2,
  b: 0.75,
  /** Below this many words a text is not "short": a note of three words must not beat a note of
   * fifteen for saying less. Documents are longer and do not notice. */
  lengthFloor: 20,
  /** A word inside a memory's own question, in tenths: who asks does not know. */
  questionTenths: 3,
  /** A memory with more of the question's words is worth more than one with the rarest word
   * often. Long questions hold words by the way: full up to so many words, gone from so many. */
  coordinationFull: 5,
  coordinationGone: 9,
  /** What a memory gets of the score of the one before and after it in its thread, halved with
   * each step: an answer follows the words that were asked about. */
  neighbourBefore: 0.25,
  neighbourAfter: 0.15,
  /** And of the one before where that ends in a question: what follows answers it, often in none
   * of its words. */
  questionBefore: 0.8,
  neighbourWindow: 2,
  /** A memory without any of the words is a hit, too, beside one that has this share of the best
   * score. Beside lesser ones it never came to the front, and there are many. */
  neighbourReach: 0.4,
  /** What it gets of the thread's score as one long text. */
  thread: 0.3,
  /** A question that names a date is about what was noted on it. */
  namedDate: 2,
  /** A question that names somebody is about what they said of themselves. */
  namedSpeaker: 1.2,
  /** A word one slip away from one that no memory has. */
  spelling: 0.9,
} as const;

/** What each word of a memory counts for outside its questions: see `questionTenths`. */
export const WORD_TENTHS = 10;
