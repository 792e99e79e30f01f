/**
 * What a memory's vector is made from: the vector that a client sent with it, or else its text.
 */
import type { Memory } from "../memory.ts";

export type Source = string | Float32Array;

/**
 * The longest text that is embedded, in UTF-16 units: some 6,000 tokens of English, which the
 * common models take. What lies behind is found by keyword only.
 */
const EMBEDDED_CHARACTERS = 24_000;

/** The text that stands for a memory's meaning: its content, its beginning if it is very long. */
export function embeddingText(memory: Memory): string {
  return cutText(memory.content, EMBEDDED_CHARACTERS);
}

/** At most `characters` UTF-16 units, and never half a surrogate pair. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const last = text.charCodeAt(characters - 1);
  const halved = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, halved ? characters - 1 : characters);
}

export function sourceOf(memory: Memory): Source {
  return memory.embedding ?? embeddingText(memory);
}
