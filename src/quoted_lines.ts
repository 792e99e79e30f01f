/**
 * Stored text as it is shown to a model: each of its lines stands behind a mark, so that none passes
 * for one of ours.
 */

/** Whatever a reader may take for the end of a line, as Unicode and Python do. */
// deno-lint-ignore no-control-regex -- They are what is looked for.
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\u0085\u2028\u2029]/u;

export function quotedLines(text: string): readonly string[] {
  return text.split(LINE_END).map((line) => line === "" ? ">" : `> ${line}`);
}
