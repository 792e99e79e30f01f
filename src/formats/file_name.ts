/**
 * Names of files for memories, that people can read and every file system takes: the first words of
 * the text, and the end of the id, so that a memory keeps its name from one export to the next.
 */
import type { Memory } from "../memory.ts";

/** Refused by Windows, or with a meaning in links, or not to be seen. */
const UNFIT = /[\\/:*?"<>|#^`[\]\p{C}\p{Zl}\p{Zp}]+/gu;
/** Marks before a heading, an item or a quote. */
const MARKS = /^[\s#>*+-]+(?=\S)/;
/** Devices, for Windows: with any ending, too. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$) *(?:\.|$)/i;
const MONTH = /^\d{4}-\d\d$/;
const MOST_BYTES = 120;
const ID_CHARACTERS = 8;

/** Hands out names, none of them twice, also where capitals do not count. */
export class FileNames {
  readonly #taken = new Set<string>();

  /** Such as `2026-01/The fence gets cedar posts 6bdb40d0.md`. */
  of(memory: Memory): string {
    const month = memory.created_at.slice(0, 7);
    // A brain that somebody edited by hand, or another's, may say anything there.
    const folder = MONTH.test(month) ? month : "undated";
    const whole = memory.id.replace(UNFIT, "_");
    const title = titleOf(memory);
    for (const id of [whole.slice(-ID_CHARACTERS), whole]) {
      const path = `${folder}/${title} ${id}.md`;
      const name = path.toLowerCase();
      if (this.#taken.has(name)) continue;
      this.#taken.add(name);
      return path;
    }
    throw new Error("Cannot name the file: its id is there twice");
  }
}

export function titleOf({ content, memory_type }: Memory): string {
  // Far fewer characters are wanted than a text may have blanks before its first word.
  const line = content.trimStart().slice(0, 4 * MOST_BYTES).split(/[\r\n]/, 1)[0] ?? "";
  const words = line.toWellFormed().normalize("NFC").replace(MARKS, "").replace(UNFIT, " ");
  const title = cut(words.replaceAll(/\s+/g, " ").trim()).replace(/^[.\s]+|[.\s]+$/g, "");
  if (title === "") return memory_type;
  return DEVICE.test(title) ? `_${title}` : title;
}

/** At the end of a word, where there is one. */
function cut(text: string): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= MOST_BYTES) return text;
  const room = new Uint8Array(MOST_BYTES);
  const { read } = encoder.encodeInto(text, room);
  const head = text.slice(0, read);
  const end = head.lastIndexOf(" ");
  return end > head.length / 2 ? head.slice(0, end) : head;
}
