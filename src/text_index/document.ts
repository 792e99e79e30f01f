/**
 * What of a memory is searched: its content, its tags, and what its metadata call it. Terms
 * are counted in tenths, as one inside a question counts for less: integers, so that sums do not
 * depend on the order in which memories came.
 */
import { type Memory, threadOf } from "../memory.ts";
import { QUESTION_END } from "./answer_kinds.ts";
import { SIGNALS, WORD_TENTHS } from "./signals.ts";
import { speakerOf } from "./speakers.ts";

/** A piece of a memory, and what each of its words counts for. */
export interface Passage {
  readonly text: string;
  readonly tenths: number;
}

/**
 * Metadata that a person would expect to find a memory by: who, what it is called, what it is about
 * and where it is from. A text, or a list of texts. Left out are ids and dates, and what sorts
 * memories into a few kinds (`source`, `type`, `status`): filters are for those, and as words they
 * would be in every memory.
 */
const SEARCHED_METADATA = [
  "author",
  "speaker",
  "people",
  "participants",
  "name",
  "title",
  "subject",
  "project",
  "company",
  "location",
  "url",
  "filename",
];
/** What one of these adds at most: more than a list of people or an address needs. */
const MAX_TEXTS = 50;
const MAX_CHARACTERS = 1_000;
/** White space behind a sentence. What is looked for stands before what has to be behind it: text is
 * then passed over in a tenth of the time. */
const SENTENCE_END = /\s(?<=[.!?]["'”’)\]]{0,4}\s)\s*|(?<=[。！？])|\n+/u;

/** The key of a stopword, apart from every term: no term has a space in it. */
export function stopwordKey(word: string): string {
  return " " + word;
}

export function passages(memory: Memory): Passage[] {
  const found = sentences(memory.content);
  for (const text of memory.tags) found.push({ text, tenths: WORD_TENTHS });
  for (const text of searchedMetadata(memory)) found.push({ text, tenths: WORD_TENTHS });
  return found;
}

/** The text as a whole where it asks nothing: no word lies across the end of a sentence. */
function sentences(text: string): Passage[] {
  if (!text.includes("?") && !text.includes("？")) return [{ text, tenths: WORD_TENTHS }];
  return text.split(SENTENCE_END).map((text) => ({
    text,
    tenths: QUESTION_END.test(text) ? SIGNALS.questionTenths : WORD_TENTHS,
  }));
}

/** Whether the index would hold the same for both: most updates change something else. */
export function isSearchedAlike(a: Memory, b: Memory): boolean {
  return a.content === b.content && a.created_at === b.created_at &&
    threadOf(a) === threadOf(b) && isEqual(a.tags, b.tags) &&
    isEqual(searchedMetadata(a), searchedMetadata(b)) && speakerOf(a) === speakerOf(b);
}

function searchedMetadata(memory: Memory): string[] {
  const found: string[] = [];
  for (const key of SEARCHED_METADATA) {
    const value = memory.metadata[key];
    if (value === undefined) continue;
    for (const text of Array.isArray(value) ? value.slice(0, MAX_TEXTS) : [value]) {
      if (typeof text === "string") found.push(text.slice(0, MAX_CHARACTERS));
    }
  }
  return found;
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at]);
}
