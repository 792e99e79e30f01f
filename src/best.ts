/** The best few of many, kept in a heap with the worst on top, so that nothing else is sorted. */

/** Below 0 where `a` comes first. */
export type Order<T> = (a: T, b: T) => number;

export class Best<T> {
  readonly #heap: T[] = [];
  readonly #limit: number;
  readonly #order: Order<T>;

  constructor(limit: number, order: Order<T>) {
    this.#limit = limit;
    this.#order = order;
  }

  /** The first that would have to go, once there are as many as wanted. */
  get worst(): T | undefined {
    return this.#heap.length < this.#limit ? undefined : this.#heap[0];
  }

  offer(candidate: T): void {
    const heap = this.#heap;
    if (heap.length < this.#limit) {
      heap.push(candidate);
      this.#rise(heap.length - 1);
    } else if (heap[0] !== undefined && this.#order(candidate, heap[0]) < 0) {
      heap[0] = candidate;
      this.#sink();
    }
  }

  /** Best first. */
  sorted(): T[] {
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
