/**
 * Time in words: what says when something was, what asks for it, and which dates a question
 * names. English and ISO 8601 only; anything else is simply not a time.
 */

const DAY_MS = 24 * 60 * 60 * 1000;
const MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
/** "may" and "march" are words too: as months they count only beside a number or a preposition. */
const CLEAR_MONTH =
  "january|february|april|june|july|august|september|october|november|december|jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec";
const MONTH = `${CLEAR_MONTH}|march|mar|may`;
const WEEKDAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
const PERIOD =
  `night|morning|afternoon|evening|day|week|weekend|month|year|spring|summer|fall|autumn|winter|${WEEKDAY}|${MONTH}`;

export const SAYS_TIME = new RegExp(
  `\\b(?:yesterday|today|tonight|tomorrow|ago|recently|${WEEKDAY}|${CLEAR_MONTH}|(?:last|next|this|past|previous|coming) (?:few )?(?:${PERIOD})s?|(?:in|since|until|by) (?:${MONTH})|(?:march|may) \\d|\\d(?:st|nd|rd|th)? (?:of )?(?:march|may)|(?:19|20)\\d\\d|\\d{1,2}(?::\\d\\d)? ?[ap]\\.?m)\\b`,
  "i",
);

/** What one of the words has to match of a text that says when. */
export const TIME_CLUE =
  `\\b(?:yesterday|today|tonight|tomorrow|ago|recently|(?:${PERIOD})s?)\\b|\\d`;

export const ASKS_WHEN =
  /^\W*(?:since |until |and )?(?:when\b|(?:(?:in|on|at|during|by) )?(?:what|which) (?:date|day|month|year|time|week)\b|how long ago\b)/i;

/** A date as far as it was named; what is undefined may be anything. */
export interface NamedDate {
  readonly year: number | undefined;
  readonly month: number | undefined;
  readonly day: number | undefined;
}

const DAY = "(\\d{1,2})(?:st|nd|rd|th)?";
const ISO = /\b(\d{4})-(\d{2})(?:-(\d{2}))?\b/g;
const DAY_MONTH = new RegExp(`\\b${DAY} (?:of )?(${MONTH})\\b\\.?(?:,? (\\d{4})\\b)?`, "gi");
const MONTH_DAY = new RegExp(`\\b(${MONTH})\\b\\.? ${DAY}\\b(?:,? (\\d{4})\\b)?`, "gi");
const MONTH_YEAR = new RegExp(`\\b(${MONTH})\\b\\.?,? (?:of )?(\\d{4})\\b`, "gi");
const MONTH_ALONE = new RegExp(
  `\\b(?:(?:in|since|during|last|of|early|late|mid) (${MONTH})|(${CLEAR_MONTH}))\\b`,
  "gi",
);

/** The dates a query names, the most exact reading only: "7 May 2023" is not also "May". */
export function namedDates(text: string): NamedDate[] {
  const dates: NamedDate[] = [];
  let rest = text;
  const take = (pattern: RegExp, read: (groups: readonly (string | undefined)[]) => NamedDate) => {
    rest = rest.replace(pattern, (...groups: (string | undefined)[]) => {
      dates.push(read(groups));
      return " ; ";
    });
  };
  take(ISO, ([, year, month, day]) => named(year, Number(month), day));
  take(DAY_MONTH, ([, day, month, year]) => named(year, monthNumber(month), day));
  take(MONTH_DAY, ([, month, day, year]) => named(year, monthNumber(month), day));
  take(MONTH_YEAR, ([, month, year]) => named(year, monthNumber(month), undefined));
  take(MONTH_ALONE, ([, a, b]) => named(undefined, monthNumber(a ?? b), undefined));
  return dates;
}

/** Whether what was noted at a time may be about one of the dates; most memories share their day
 * with others, which is looked at once. */
export function aboutDates(dates: readonly NamedDate[]): (timeMs: number) => boolean {
  const known = new Map<number, boolean>();
  return (timeMs) => {
    const day = Math.floor(timeMs / DAY_MS);
    let isAbout = known.get(day);
    if (isAbout === undefined) {
      isAbout = dates.some((date) => mayTell(timeMs, date));
      known.set(day, isAbout);
    }
    return isAbout;
  };
}

/** Whether what was noted at a time (milliseconds, read as UTC) may be about the date: noted on it,
 * or the day after, as much is, and as the writer's day is not quite that of UTC. */
function mayTell(timeMs: number, date: NamedDate): boolean {
  return fallsOn(timeMs, date) || (date.day !== undefined && fallsOn(timeMs - DAY_MS, date));
}

function fallsOn(timeMs: number, { year, month, day }: NamedDate): boolean {
  const time = new Date(timeMs);
  return (year === undefined || time.getUTCFullYear() === year) &&
    (month === undefined || time.getUTCMonth() + 1 === month) &&
    (day === undefined || time.getUTCDate() === day);
}

function named(year: string | undefined, month: number, day: string | undefined): NamedDate {
  return {
    year: year === undefined ? undefined : Number(year),
    month,
    day: day === undefined ? undefined : Number(day),
  };
}

function monthNumber(name: string | undefined): number {
  const start = (name ?? "").slice(0, 3).toLowerCase();
  return MONTHS.findIndex((month) => month.startsWith(start)) + 1;
}
