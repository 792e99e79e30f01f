/**
 * What a memory's vectors are made from: the vector that a client sent with it, or else its text,
 * which is the state's own string and not a copy.
 */
import type { Memory } from "../memory.ts";

export type Source = string | Float32Array;

/** What one generation of vectors makes a memory's from. */
export type SourceOf = (memory: Memory) => Source;

/** At most `characters` UTF-16 units, and never half a surrogate pair. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const last = text.charCodeAt(characters - 1);
  const halved = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, halved ? characters - 1 : characters);
}
