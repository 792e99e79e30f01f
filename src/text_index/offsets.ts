/**
 * Where the characters of a normalized text stood in the text as it was written: normalizing joins
 * letters and accents, opens ligatures and drops the comma of 1,000.
 */
import { compatible, THOUSANDS_COMMA } from "./normalized.ts";

export interface TracedText {
  /** Normalized. */
  readonly text: string;
  /** Where, as written, what stands from `from` to `to` in the normalized text begins and ends. */
  readonly rangeOf: (from: number, to: number) => { readonly start: number; readonly end: number };
}

/** What normalizing changes together: runs of Hangul letters, half-width kana and its voice mark,
 * a character and its marks. ASCII stays as it is. */
const UNIT =
  // deno-lint-ignore no-control-regex
  /[\x00-\x7f]+(?!\p{M})|[\uac00-\ud7a3]?[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\ud7b0-\ud7fb\uffa0-\uffdc]+|[\uff66-\uff9d][\uff9e\uff9f]?|\P{M}\p{M}*|\p{M}+/gu;

export function traced(content: string): TracedText {
  const whole = compatible(content);
  const isSame = content.normalize("NFKC") === content;
  const offsets = isSame ? undefined : offsetsOf(content, whole);
  // Characters that change together in a way unknown here: no word is then looked for under its
  // normalized form, which may lose a range and never shows a wrong one.
  const text = isSame || offsets !== undefined ? whole : content;
  return withoutCommas(text, offsets);
}

/** The start of what each character came from, and, after all of them, their ends. */
interface Offsets {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

function offsetsOf(content: string, whole: string): Offsets | undefined {
  const starts = new Int32Array(whole.length);
  const ends = new Int32Array(whole.length);
  let at = 0;
  for (const { 0: unit, index } of content.matchAll(UNIT)) {
    if (at >= whole.length) break;
    const normal = compatible(unit);
    if (!whole.startsWith(normal.slice(0, whole.length - at), at)) return undefined;
    const isSame = normal.length === unit.length && unit.charCodeAt(0) < 0x80;
    for (let each = 0; each < normal.length; each++, at++) {
      starts[at] = isSame ? index + each : index;
      ends[at] = isSame ? index + each + 1 : index + unit.length;
    }
  }
  return at >= whole.length ? { starts, ends } : undefined;
}

function withoutCommas(text: string, offsets: Offsets | undefined): TracedText {
  const commas = Array.from(text.matchAll(THOUSANDS_COMMA), ({ index }) => index);
  const pieces: string[] = [];
  /** For each comma where it stood in the text that is left. */
  const gaps: number[] = [];
  let from = 0;
  for (const comma of commas) {
    pieces.push(text.slice(from, comma));
    gaps.push(comma - gaps.length);
    from = comma + 1;
  }
  pieces.push(text.slice(from));
  const before = (at: number) => at + countUpTo(gaps, at);
  const rangeOf = (from: number, to: number) => {
    const [first, last] = gaps.length === 0 ? [from, to - 1] : [before(from), before(to - 1)];
    return { start: offsets?.starts[first] ?? first, end: offsets?.ends[last] ?? last + 1 };
  };
  return { text: pieces.join(""), rangeOf };
}

/** How many of the numbers, which rise, are no larger than `most`. */
function countUpTo(numbers: readonly number[], most: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}
