/**
 * Words that some languages write as one: "Kellerschlüssel" is a Keller's Schlüssel. There is no
 * dictionary here but what the memories hold, so a word of a question that none of them has is taken
 * apart where some memory has each of its two parts.
 */
import type { Language } from "./languages.ts";

const COMPOUNDING = new Set(["de", "nl", "sv", "da", "no", "fi", "hu"]);
const MIN_PART_CHARACTERS = 3;
const MAX_CHARACTERS = 40;
/** What may stand between the parts. */
const LINKS = ["", "s", "es", "n", "en"];

export function isCompounding({ code }: Language): boolean {
  return COMPOUNDING.has(code);
}

/** The terms of both parts, the first as long as may be; undefined where there are no such parts. */
export function partsOf(
  word: string,
  knownTermsOf: (part: string) => readonly string[],
): readonly (readonly string[])[] | undefined {
  if (word.length > MAX_CHARACTERS) return undefined;
  for (let at = word.length - MIN_PART_CHARACTERS; at >= MIN_PART_CHARACTERS; at--) {
    const last = knownTermsOf(word.slice(at));
    if (last.length === 0) continue;
    for (const link of LINKS) {
      const head = word.slice(0, at - link.length);
      if (head.length < MIN_PART_CHARACTERS || !word.startsWith(link, head.length)) continue;
      const first = knownTermsOf(head);
      if (first.length > 0) return [first, last];
    }
  }
  return undefined;
}
