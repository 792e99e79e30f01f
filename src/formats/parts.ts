/**
 * Texts that are longer than one memory may be, in parts: cut where a paragraph ends, else a line,
 * else a word. Nothing is dropped but the white space at a cut.
 */

/** Well below the limit of a memory, which counts in code points. */
const MOST_CHARACTERS = 90_000;
const CUTS = ["\n\n", "\n", " "] as const;

export function partsOf(text: string, most = MOST_CHARACTERS): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > most) {
    const at = cutOf(rest, most);
    parts.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  parts.push(rest);
  return parts.filter((part) => part.trim() !== "");
}

/** In the second half, so that parts are not many. */
function cutOf(text: string, most: number): number {
  for (const cut of CUTS) {
    const at = text.lastIndexOf(cut, most - cut.length);
    if (at >= most / 2) return at + cut.length;
  }
  // Not between the halves of a pair.
  const code = text.charCodeAt(most - 1);
  return code >= 0xd800 && code < 0xdc00 ? most - 1 : most;
}
