/**
 * The chunks of long texts that were cut lately: a search asks for the same few again and again.
 * What is held are slices of the state's own strings; of those that were edited or deleted since,
 * no more than `MOST_CHARACTERS`.
 */
import { chunksOf } from "./chunks.ts";

const MOST_CHARACTERS = 4_000_000;

export class RecentChunks {
  /** By text, least recently used first. */
  readonly #chunks = new Map<string, readonly string[]>();
  #characters = 0;

  of(text: string): readonly string[] {
    const known = this.#chunks.get(text);
    const chunks = known ?? chunksOf(text);
    if (chunks.length === 1) return chunks;
    if (known === undefined) this.#characters += text.length;
    else this.#chunks.delete(text);
    this.#chunks.set(text, chunks);
    for (const oldest of this.#chunks.keys()) {
      if (this.#characters <= MOST_CHARACTERS) break;
      this.#chunks.delete(oldest);
      this.#characters -= oldest.length;
    }
    return chunks;
  }
}
