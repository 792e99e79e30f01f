/**
 * Port: finds memories by their words. Derived from the state and held in memory only; it is fed
 * by the same changes, before a write is answered, so that what was saved is found at once.
 */
import type { Memory } from "./memory.ts";

export interface TextHit {
  readonly id: string;
  /** Above 0 and below 1, strictly rising with the underlying score; comparable between queries. */
  readonly score: number;
}

export interface TextQuery {
  readonly text: string;
  /** At most this many hits come back. */
  readonly limit: number;
  /** Applied before the best are chosen, so that a filter never empties a page. */
  readonly accept?: ((memory: Memory) => boolean) | undefined;
}

export interface TextResult {
  /** Best first; equal scores newest `created_at` first, then by `id`. */
  readonly hits: readonly TextHit[];
  /** How many memories matched in all, also beyond `limit`. */
  readonly total: number;
}

/** A piece of a text, in UTF-16 code units as JavaScript counts them; `end` is behind it. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** What of a memory's content to show: an excerpt of about 240 characters, or all where it is short. */
export interface Highlight extends TextRange {
  /** Within the excerpt, ordered and apart, never inside a character; none where no word matches. */
  readonly ranges: readonly TextRange[];
}

export interface TextIndex {
  /** Adds the memory, or replaces what is indexed under its id. */
  put(memory: Memory): void;
  /** Forgets the id; an unknown one is no error. */
  delete(id: string): void;
  search(query: TextQuery): TextResult;
  /**
   * Shows where memories say what is asked for: the question is read once, then each memory in
   * time of its length, a few milliseconds at most.
   */
  highlighter(text: string): (memory: Memory) => Highlight;
  readonly size: number;
}
