/** Memories of which Qdrant may not hold what it should, and what must be done for each. */

/** `entry`: its points are to be written anew, or removed where it is not held; `fields`: only what
 * filters look at. */
export type Need = "entry" | "fields";

export class Pending {
  readonly #needs = new Map<string, Need>();

  get size(): number {
    return this.#needs.size;
  }

  get(id: string): Need | undefined {
    return this.#needs.get(id);
  }

  /** Behind the others; of two needs the larger one stands. */
  add(id: string, need: Need): void {
    const both = this.get(id) === "entry" ? "entry" : need;
    this.#needs.delete(id);
    this.#needs.set(id, both);
  }

  delete(id: string): void {
    this.#needs.delete(id);
  }

  /** Those that wait longest. */
  first(count: number): string[] {
    return [...this.#needs.keys().take(count)];
  }

  ids(): Iterable<string> {
    return this.#needs.keys();
  }
}
