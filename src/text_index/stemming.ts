/**
 * Words to what their forms have in common. Pure, but for a cache of the stemmer's results.
 */
import porter2 from "wink-porter2-stemmer";
import { BRITISH_SPELLINGS, IRREGULAR_FORMS } from "./irregular_forms.ts";

/** Porter2 (Snowball English, https://snowballstem.org/algorithms/english/stemmer.html). */
const porter: (word: string) => string = porter2;

/** Longer words are cut: nobody types them, and a blob must not fill the vocabulary. */
export const MAX_TERM_CHARACTERS = 64;
/** No word with a suffix is longer, and the stemmer is not linear in the length. */
export const MAX_STEM_CHARACTERS = 32;
const MAX_CACHED_STEMS = 50_000;
const PLAIN_WORD = /^[a-z]+$/;

/** How a word ends that Porter2 may change: nothing is done to any other, in no step. */
const SUFFIX = /(?:[sey]|ed|ing|[lct]i|gi|al|ful|ll|ism|er|ator|ion|[ae]nt|ic)$/;

/** The stem of a lower-case word; a word that is not plain English letters is its own. */
export function stem(word: string): string {
  if (word.length > MAX_STEM_CHARACTERS || !PLAIN_WORD.test(word)) {
    return word.slice(0, MAX_TERM_CHARACTERS);
  }
  if (!SUFFIX.test(word) && !unlikeStems.has(word)) return word;
  const known = stems.get(word);
  if (known !== undefined) return known;
  const regular = porter(IRREGULAR_FORMS.get(word) ?? word);
  const found = americanStems.get(regular) ?? regular;
  if (stems.size >= MAX_CACHED_STEMS) stems.clear();
  stems.set(word, found);
  return found;
}

/** Porter2 takes microseconds, most words come again. Holds nothing but a pure function's results. */
const stems = new Map<string, string>();

/** British stems to American ones. */
const americanStems: ReadonlyMap<string, string> = new Map(
  Array.from(BRITISH_SPELLINGS, ([british, american]) => [porter(british), porter(american)]),
);

/** What is not its own stem whatever it ends in. */
const unlikeStems: ReadonlySet<string> = new Set([
  ...IRREGULAR_FORMS.keys(),
  ...americanStems.keys(),
]);
