/**
 * A question made ready: the postings to walk, what each is worth, and what a perfect answer
 * would score.
 */
import { traitFactors } from "./answer_kinds.ts";
import { stopwordKey } from "./document.ts";
import type { Postings } from "./postings.ts";
import { SIGNALS } from "./signals.ts";
import { oneSlipAway } from "./spelling.ts";
import { type NamedDate, namedDates } from "./times.ts";
import { isCompounding, partsOf } from "./compounds.ts";
import { type Language, stemsOf } from "./languages.ts";
import { readingOf } from "./language_evidence.ts";
import { type Reading, tokenize } from "./tokenizer.ts";

/** Words of one query that are taken apart: each takes tens of looks in each language. */
const MAX_TAKEN_APART = 16;
/** Words of one query that are looked for under another spelling, and how many spellings each. */
const MAX_GUESSED_WORDS = 4;
const MAX_GUESSES = 8;
/** What one search may walk: a few milliseconds, however long and common the query's words. */
const MAX_POSTINGS = 150_000;

export interface QueryTerm {
  readonly postings: Postings;
  /** Inverse document frequency times what the term counts for. */
  readonly weight: number;
  /** Below 1 for a guess. */
  readonly discount: number;
}

/** One word of the question: a memory that has any of its terms has the word. */
export interface QueryWord {
  readonly terms: readonly QueryTerm[];
}

export interface PreparedQuery {
  readonly words: readonly QueryWord[];
  /** Also those that cost too much to look for. */
  readonly asked: readonly QueryWord[];
  /** Also those that no memory has. */
  readonly wordCount: number;
  /** What a memory would get that says each word without end: the scale of a score. */
  readonly ideal: number;
  /** What each combination of a memory's traits is worth. */
  readonly traitFactors: Float64Array;
  readonly dates: readonly NamedDate[];
}

/** What the memories hold: the postings of a term that any has, and how many memories there are. */
export interface Collection {
  readonly find: (term: string) => Postings | undefined;
  readonly has: (term: string) => boolean;
  /** The terms that are one slip away from one. */
  readonly near: (term: string) => readonly string[];
  /** Those beside English that memories are in, those of the most memories first. */
  readonly languages: readonly Language[];
  readonly documents: number;
}

interface WrittenWord {
  /** Each with its variants: those of one form are what languages make of the same letters. */
  readonly forms: (readonly string[])[];
  /** Set where the word is a plain one, and may be misspelt. */
  readonly plain: string | undefined;
}

export function prepareQuery(text: string, collection: Collection): PreparedQuery {
  const reading = readingOf(text, collection.languages);
  const written = writtenWords(text, reading);
  const words: QueryWord[] = [];
  let ideal = 0;
  let toTakeApart = MAX_TAKEN_APART;
  let guesses = collection.documents === 0 ? 0 : MAX_GUESSED_WORDS;
  for (const word of written) {
    let terms = termsOf(word, collection);
    if (terms.length === 0 && word.plain !== undefined && toTakeApart-- > 0) {
      terms = termsOf(takenApart(word.plain, reading, collection), collection);
    }
    if (terms.length === 0 && word.plain !== undefined && guesses-- > 0) {
      terms = guessedTerms(word.plain, reading, collection);
    }
    if (terms.length > 0) words.push({ terms });
    ideal += idealOf(terms, collection);
  }
  return {
    words: affordable(words),
    asked: words,
    wordCount: written.length,
    ideal,
    traitFactors: traitFactors(text),
    dates: namedDates(text),
  };
}

/**
 * Inverse document frequency as in Robertson & Zaragoza, "The Probabilistic Relevance Framework:
 * BM25 and Beyond" (2009), with 1 added inside the logarithm so that it never falls below 0.
 */
export function inverseFrequency(count: number, documents: number): number {
  return Math.log(1 + (documents - count + 0.5) / (count + 0.5));
}

/** A compound is one word of several terms; a run without spaces is as many words as pairs. */
function writtenWords(text: string, reading: Reading): WrittenWord[] {
  const compounds = new Map<number, WrittenWord>();
  const words: WrittenWord[] = [];
  const stopwords: WrittenWord[] = [];
  const seen = new Set<string>();
  let form: string[] | undefined;
  tokenize(text, (term, kind, number, plain) => {
    if (kind === "single") return;
    if (kind === "variant") {
      form?.push(term);
      return;
    }
    const key = kind === "stopword" ? stopwordKey(term) : term;
    form = undefined;
    if (seen.has(key)) return;
    seen.add(key);
    form = [key];
    const compound = compounds.get(number);
    if (kind === "stopword") stopwords.push({ forms: [form], plain: undefined });
    else if (compound !== undefined) compound.forms.push(form);
    else {
      const word = { forms: [form], plain: kind === "term" ? plain : undefined };
      words.push(word);
      if (kind === "whole") compounds.set(number, word);
    }
  }, reading);
  return words.length > 0 ? words : stopwords;
}

/** The word as one of two parts, where the memories have both in a language that writes so. */
function takenApart(plain: string, reading: Reading, { has }: Collection): WrittenWord {
  const languages = [reading.language, ...reading.others].filter(isCompounding);
  const knownTermsOf = (part: string) =>
    languages.flatMap((language) => stemsOf(part, part, language)).filter(has);
  const parts = languages.length === 0 ? [] : partsOf(plain, knownTermsOf) ?? [];
  return { forms: [...parts], plain: undefined };
}

function termsOf(word: WrittenWord, { find, documents }: Collection): QueryTerm[] {
  return word.forms.flatMap((form) => {
    const found = form.flatMap((term) => find(term) ?? []);
    const together = found.reduce((sum, postings) => sum + postings.count, 0);
    const weight = inverseFrequency(Math.min(together, documents), documents);
    return found.map((postings) => ({ postings, weight, discount: 1 }));
  });
}

/** The words a misspelt one may stand for, weighed as if they were one word: a slip that turns
 * into something rare is no better evidence than one that turns into something common. */
function guessedTerms(
  plain: string,
  { language, others }: Reading,
  { find, has, near, documents }: Collection,
): QueryTerm[] {
  const slips = (each: Language) =>
    oneSlipAway(
      plain,
      (word) => stemsOf(word, word, each),
      { has, near },
    );
  // Hundreds of candidates are stemmed: in one more language at most, to be done in time.
  const terms = slips(language);
  const more = terms.length === 0 && others[0] !== undefined ? slips(others[0]) : terms;
  const found = more
    .flatMap((term) => find(term) ?? [])
    .sort((a, b) => b.count - a.count)
    .slice(0, MAX_GUESSES);
  const together = found.reduce((sum, postings) => sum + postings.count, 0);
  const weight = SIGNALS.spelling * inverseFrequency(Math.min(together, documents), documents);
  return found.map((postings) => ({ postings, weight, discount: SIGNALS.spelling }));
}

/** The rarest words first until the walk would get long; in the order of the question again. */
function affordable(words: readonly QueryWord[]): readonly QueryWord[] {
  const cost = (word: QueryWord) => word.terms.reduce((sum, term) => sum + term.postings.count, 0);
  if (words.reduce((sum, word) => sum + cost(word), 0) <= MAX_POSTINGS) return words;
  const kept = new Set<QueryWord>();
  let spent = 0;
  for (const word of [...words].sort((a, b) => cost(a) - cost(b))) {
    spent += cost(word);
    if (kept.size > 0 && spent > MAX_POSTINGS) break;
    kept.add(word);
  }
  return words.filter((word) => kept.has(word));
}

function idealOf(terms: readonly QueryTerm[], { documents }: Collection): number {
  if (terms.length === 0) return inverseFrequency(0, documents);
  return terms.reduce((best, term) => Math.max(best, term.weight), 0);
}
