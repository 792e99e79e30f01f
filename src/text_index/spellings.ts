/**
 * Other spellings of what is the same to its readers: a date however its parts are ordered, a number
 * or a telephone number however its digits are grouped, an amount with its unit and a name with its
 * number with and without a space.
 */

const ISO_DATE = /^(\d{4})[./-](\d{1,2})[./-](\d{1,2})$/;
const DATE = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})$/;
/** 1.250.000 and 1'250'000; with a comma it is no joined word in the first place. */
const GROUPED = /^\d{1,3}(?:[.']\d{3})+$/;
const DIGITS_AND_SIGNS = /^\d+(?:[-./]\d+)+$/;
/** Fewer digits might be a range, a score, a fraction. */
const MIN_NUMBER_DIGITS = 7;
const SIGNS = /[^\d]/g;
const AMOUNT =
  /^(\d+)([kmµ]?g|[kmcdµ]?m|[mcd]?l|[kmgt]b|h|min|[mµn]?s|k?wh?|k?v|m?ah|[kmg]?hz|px|eur|usd|gbp|chf)$/;
/** A product, a room, an illness. */
const NUMBERED = /^(\p{L}{3,})(\d{1,4})$/u;

/** Of parts that are joined by signs, in small letters: what else they are found by as a whole. */
export function spellingsOf(whole: string): string[] {
  const iso = ISO_DATE.exec(whole);
  if (iso) return dates(iso[1], iso[2], iso[3]);
  const date = DATE.exec(whole);
  if (date) {
    const [, one, sign, other, year] = date;
    const dayFirst = dates(year, other, one);
    // 3/4/2026 is in March or in April.
    return sign === "/" || dayFirst.length === 0
      ? [...dayFirst, ...dates(year, one, other)]
      : dayFirst;
  }
  const digits = whole.replace(SIGNS, "");
  const isNumber = DIGITS_AND_SIGNS.test(whole) && digits.length >= MIN_NUMBER_DIGITS;
  return isNumber || isGrouped(whole) ? [digits] : [];
}

/** Whether the parts are digits of one number: then none of them is a number by itself. */
export function isGrouped(whole: string): boolean {
  return GROUPED.test(whole);
}

/** Where a word without signs, in small letters, has a number at one end: how long its first part is. */
export function seamOf(word: string): number | undefined {
  return (AMOUNT.exec(word) ?? NUMBERED.exec(word))?.[1]?.length;
}

function dates(year = "", month = "", day = ""): string[] {
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return [];
  return [`${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`];
}
