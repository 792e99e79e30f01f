/**
 * The text of a file in the content of a memory. A memory must say something, and a file need not:
 * of an empty one the content says so, and its text, if only blanks, stands in the metadata.
 */
import { type Memory, WRITABLE } from "../../memory.ts";
import { Refusal } from "./refusal.ts";

const BLANK = "(empty file)";
const MOST_BLANKS = 1_000;

export interface FileContent {
  readonly content: string;
  /** Null where the content is the text. */
  readonly blank_text: string | null;
}

export function textOf({ content, metadata }: Memory): string {
  const blank = metadata["blank_text"];
  // Where a person wrote something since, that is the text.
  return content === BLANK && typeof blank === "string" ? blank : content;
}

/** Throws `Refusal` where a memory cannot hold it. */
export function contentOf(path: string, text: string): FileContent {
  const isBlank = !/\S/.test(text);
  if (isBlank ? text.length > MOST_BLANKS : !WRITABLE.content.safeParse(text).success) {
    const most = isBlank ? "1,000 blanks" : "100,000 characters";
    throw new Refusal(
      `Error: File ${path} would hold more than ${most}; split it into several files`,
    );
  }
  return isBlank ? { content: BLANK, blank_text: text } : { content: text, blank_text: null };
}
