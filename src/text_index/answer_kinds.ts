/**
 * What kind of answer a question asks for, and which memories say something of that kind: a time
 * for "when", an amount for "how many". Also whether a memory asks something itself, as the next one
 * of its thread then answers. English only: any other question asks for no kind.
 */
import { isAscii } from "../scripts.ts";
import { withoutMarks } from "./normalized.ts";
import { ASKS_WHEN, SAYS_TIME, TIME_CLUE } from "./times.ts";

interface AnswerKind {
  readonly asks: RegExp;
  readonly says: RegExp;
  /** One of a text's words has to match it if the text says it; undefined where any text may. */
  readonly clue: string | undefined;
  /** What a memory that says it is worth to a question that asks for it. */
  readonly factor: number;
}

const NUMBER =
  "\\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand";
const FEW = "couple|several|few|once|twice";
const UNIT = "(?:minute|hour|day|week|month|year|decade)s?";
const PLACE = "city|country|state|place|town|village|park|beach";
const BEFORE_PLACE = "in|at|to|from|near|around|into|visit(?:ed|ing)?";
const WORK = "book|novel|movie|film|show|series|song|album|band|game";

/** The kinds by their bit: few enough for all, and the bit of a question, to be in one byte. */
const KINDS: readonly AnswerKind[] = [
  { asks: ASKS_WHEN, says: SAYS_TIME, clue: TIME_CLUE, factor: 1.5 },
  {
    asks: /\bhow (?:many|much|old)\b/i,
    says: new RegExp(`\\b(?:${NUMBER}|${FEW})\\b`, "i"),
    clue: `\\b(?:${NUMBER}|${FEW})\\b|\\d`,
    factor: 1.3,
  },
  {
    asks: /\bhow long\b/i,
    says: new RegExp(`\\b(?:${NUMBER}|an?|few|couple of|several|many) ${UNIT}\\b|\\bsince\\b`, "i"),
    clue: `\\b(?:${UNIT}|since)\\b`,
    factor: 1.3,
  },
  {
    asks: new RegExp(`^\\W*(?:where|(?:what|which) (?:${PLACE}))\\b`, "i"),
    // The capital first, as there are few.
    says: new RegExp(` (?=\\p{Lu}\\p{Ll})(?<=\\b(?:${BEFORE_PLACE}) (?:the )?)`, "u"),
    clue: `\\b(?:${BEFORE_PLACE})\\b`,
    factor: 1.3,
  },
  {
    asks: /^\W*(?:why|what (?:inspired|motivated|made|led|prompted))\b/i,
    says:
      /\b(?:because|since|so that|'?cause|reason|due to|thanks to|in order to|inspired|wanted|that's why|ma[dk]es? me|helps? me)\b/i,
    clue:
      "\\b(?:because|since|so|cause|reason|due|thanks|order|inspired|wanted|why|ma[dk]es?|helps?)\\b",
    factor: 1.3,
  },
  {
    asks: new RegExp(`\\b(?:what|which) (?:\\w+ )?(?:${WORK})s?\\b`, "i"),
    says: /["“«]/,
    clue: undefined,
    factor: 1.3,
  },
];

const CLUES = KINDS.map(({ clue = "" }) => new RegExp(clue, "i"));
/** A word that has lost its marks has perhaps lost the ends of a word in it, too. */
const CLUES_ANYWHERE = KINDS.map(({ clue = "" }) => new RegExp(clue.replaceAll("\\b", ""), "i"));
const ANY_CLUE = new RegExp(KINDS.flatMap(({ clue }) => clue ?? []).join("|"), "i");
const WITHOUT_CLUE = bitsWhere(({ clue }) => clue === undefined);
const EVERY_CLUE = bitsWhere(() => true);

/** The bit of a text that ends in a question. */
const ENDS_IN_QUESTION = 1 << KINDS.length;
export const QUESTION_END = /[?？]["'”’)\]]{0,4}$/u;
const QUESTION_END_CHARACTERS = 5;
/** Of a longer text the beginning and the end: one that says everything is no better an answer. */
const READ_CHARACTERS = 2_000;

/** For which kinds a word of a text is a clue, as bits: a text says none but those that one of its
 * words is a clue for. Words are read once, and a text's patterns take microseconds each. */
export function cluesOf(word: string): number {
  if (!isAscii(word)) {
    const plain = withoutMarks(word);
    return bitsWhere((_, at) => CLUES_ANYWHERE[at]?.test(plain) === true);
  }
  return ANY_CLUE.test(word) ? bitsWhere((_, at) => CLUES[at]?.test(word) === true) : 0;
}

/** The kinds that a memory's text says, and whether it ends in a question, as bits. */
export function traitsOf(text: string, clues = EVERY_CLUE): number {
  const beginning = text.slice(0, READ_CHARACTERS);
  const possible = clues | WITHOUT_CLUE;
  let traits = 0;
  for (let at = 0, bit = 1; at < KINDS.length; at++, bit *= 2) {
    if ((possible & bit) !== 0 && KINDS[at]?.says.test(beginning) === true) traits |= bit;
  }
  const end = text.slice(-READ_CHARACTERS).trimEnd().slice(-QUESTION_END_CHARACTERS);
  return QUESTION_END.test(end) ? traits | ENDS_IN_QUESTION : traits;
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

function bitsWhere(isSo: (kind: AnswerKind, at: number) => boolean): number {
  return KINDS.reduce((bits, kind, at) => isSo(kind, at) ? bits | 1 << at : bits, 0);
}
