/**
 * What kind of answer a question asks for, and which memories say something of that kind: a time
 * for "when", an amount for "how many". Also whether a memory asks something itself, as the next one
 * of its thread then answers. English only: any other question asks for no kind.
 */
import { ASKS_WHEN, SAYS_TIME } from "./times.ts";

interface AnswerKind {
  readonly asks: RegExp;
  readonly says: RegExp;
  /** What a memory that says it is worth to a question that asks for it. */
  readonly factor: number;
}

const NUMBER =
  "\\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand";
const UNIT = "(?:minute|hour|day|week|month|year|decade)s?";
const PLACE = "city|country|state|place|town|village|park|beach";
const WORK = "book|novel|movie|film|show|series|song|album|band|game";

/** The kinds by their bit: few enough for all, and the bit of a question, to be in one byte. */
const KINDS: readonly AnswerKind[] = [
  { asks: ASKS_WHEN, says: SAYS_TIME, factor: 1.5 },
  {
    asks: /\bhow (?:many|much|old)\b/i,
    says: new RegExp(`\\b(?:${NUMBER}|couple|several|few|once|twice)\\b`, "i"),
    factor: 1.3,
  },
  {
    asks: /\bhow long\b/i,
    says: new RegExp(`\\b(?:${NUMBER}|an?|few|couple of|several|many) ${UNIT}\\b|\\bsince\\b`, "i"),
    factor: 1.3,
  },
  {
    asks: new RegExp(`^\\W*(?:where|(?:what|which) (?:${PLACE}))\\b`, "i"),
    says: /\b(?:in|at|to|from|near|around|into|visit(?:ed|ing)?) (?:the )?\p{Lu}\p{Ll}/u,
    factor: 1.3,
  },
  {
    asks: /^\W*(?:why|what (?:inspired|motivated|made|led|prompted))\b/i,
    says:
      /\b(?:because|since|so that|'?cause|reason|due to|thanks to|in order to|inspired|wanted|that's why|ma[dk]es? me|helps? me)\b/i,
    factor: 1.3,
  },
  {
    asks: new RegExp(`\\b(?:what|which) (?:\\w+ )?(?:${WORK})s?\\b`, "i"),
    says: /["“«]/,
    factor: 1.3,
  },
];

/** The bit of a text that ends in a question. */
const ENDS_IN_QUESTION = 1 << KINDS.length;
const QUESTION_END = /[?？]["'”’)\]]{0,4}\s*$/;
/** Of a longer text the beginning and the end: one that says everything is no better an answer. */
const READ_CHARACTERS = 2_000;

/** The kinds that a memory's text says, and whether it ends in a question, as bits. */
export function traitsOf(text: string): number {
  const beginning = text.slice(0, READ_CHARACTERS);
  const says = KINDS.reduce(
    (bits, { says }, at) => says.test(beginning) ? bits | 1 << at : bits,
    0,
  );
  return QUESTION_END.test(text.slice(-READ_CHARACTERS)) ? says | ENDS_IN_QUESTION : says;
}

export function endsInQuestion(traits: number): boolean {
  return (traits & ENDS_IN_QUESTION) !== 0;
}

/** What each combination of traits is worth to a question, by its bits. */
export function traitFactors(question: string): Float64Array {
  const asked = KINDS.map(({ asks, factor }) => asks.test(question) ? factor : 1);
  return Float64Array.from({ length: 2 * ENDS_IN_QUESTION }, (_, traits) => (
    asked.reduce((product, factor, at) => traits & 1 << at ? product * factor : product, 1)
  ));
}
