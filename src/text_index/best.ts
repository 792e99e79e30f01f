/** The best few of many, kept in a heap with the worst on top, so that nothing else is sorted. */

export interface Candidate {
  readonly slot: number;
  readonly score: number;
}

/** Below 0 where `a` comes first. */
export type Order = (a: Candidate, b: Candidate) => number;

export class Best {
  readonly #heap: Candidate[] = [];
  readonly #limit: number;
  readonly #order: Order;

  constructor(limit: number, order: Order) {
    this.#limit = limit;
    this.#order = order;
  }

  offer(slot: number, score: number): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push({ slot, score });
      this.#rise(heap.length - 1);
      return;
    }
    const worst = heap[0];
    if (worst === undefined || score < worst.score) return;
    const candidate = { slot, score };
    if (this.#order(candidate, worst) >= 0) return;
    heap[0] = candidate;
    this.#sink();
  }

  /** Best first. */
  sorted(): Candidate[] {
    return [...this.#heap].sort(this.#order);
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfWorse(at, parent)) return;
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const worse = this.#isWorse(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfWorse(worse, at)) return;
      at = worse;
    }
  }

  #isWorse(at: number, than: number): boolean {
    const a = this.#heap[at];
    const b = this.#heap[than];
    return a !== undefined && b !== undefined && this.#order(a, b) > 0;
  }

  #swapIfWorse(at: number, than: number): boolean {
    const a = this.#heap[at];
    const b = this.#heap[than];
    if (a === undefined || b === undefined || this.#order(a, b) <= 0) return false;
    this.#heap[at] = b;
    this.#heap[than] = a;
    return true;
  }
}
