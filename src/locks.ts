/**
 * One at a time for each id: what is read before a write still holds when it is written. Work on
 * different ids goes on side by side. A whole set of ids can be held for an import.
 */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #held = new Set<Held>();

  async run<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(id, promise);
    try {
      await before;
      for (const { ids, released } of this.#held) {
        if (ids.has(id)) await released;
      }
      return await work();
    } finally {
      resolve();
      if (this.#tails.get(id) === promise) this.#tails.delete(id);
    }
  }

  /** Waits for work in hand on these ids; from then on new work on them waits for the release. */
  async hold(ids: ReadonlySet<string>): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: Held = { ids, released: promise };
    const running: Promise<void>[] = [];
    for (const [id, tail] of this.#tails) if (ids.has(id)) running.push(tail);
    await Promise.all(running);
    this.#held.add(held);
    return () => {
      this.#held.delete(held);
      resolve();
    };
  }
}

interface Held {
  readonly ids: ReadonlySet<string>;
  readonly released: Promise<void>;
}
