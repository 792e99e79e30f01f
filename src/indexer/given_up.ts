/** The memories that are not found by meaning, and why; until what they are made from changes. */
import type { Source } from "../vector_index.ts";

/**
 * - `refused`: the provider will not take this text.
 * - `dimensions`: the memory's own vector has another length than the index's.
 */
export type FailedReason = "refused" | "dimensions";

export class GivenUp {
  readonly #reasons = new Map<string, { source: Source; reason: FailedReason }>();

  get size(): number {
    return this.#reasons.size;
  }

  ids(): Iterable<string> {
    return this.#reasons.keys();
  }

  add(id: string, source: Source, reason: FailedReason): void {
    this.#reasons.set(id, { source, reason });
  }

  /** Whether this very source was given up; another one of the same memory is forgotten. */
  holds(id: string, source: Source): boolean {
    if (this.#reasons.get(id)?.source === source) return true;
    this.#reasons.delete(id);
    return false;
  }

  delete(id: string): void {
    this.#reasons.delete(id);
  }

  reason(id: string): FailedReason | undefined {
    return this.#reasons.get(id)?.reason;
  }

  /** Forgets all, and returns their ids. */
  clear(): readonly string[] {
    const ids = [...this.#reasons.keys()];
    this.#reasons.clear();
    return ids;
  }
}
