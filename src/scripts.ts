/** In which scripts a text is written, as far as its words depend on it. */

/** For character classes: scripts without spaces whose characters say a syllable or a word. */
export const IDEOGRAPHIC = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}";
/** For character classes: scripts without spaces that have letters. */
export const UNSPACED_LETTERS =
  "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

export function isAscii(text: string): boolean {
  return ASCII.test(text);
}
