/**
 * One at a time for each id: what is read before a write still holds when it is written. Work on
 * different ids goes on side by side. A whole set of ids can be held for an import.
 */
export class Locks {
  /** By id, the end of the line of those who wait. */
  readonly #tails = new Map<string, Promise<void>>();
  /** By id, the end of the work that has begun. */
  readonly #begun = new Map<string, Promise<void>>();
  readonly #held = new Set<Held>();

  async run<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(id, promise);
    try {
      await before;
      for (let held = this.#holder(id); held !== undefined; held = this.#holder(id)) {
        await held.released;
      }
      this.#begun.set(id, promise);
      return await work();
    } finally {
      resolve();
      if (this.#begun.get(id) === promise) this.#begun.delete(id);
      if (this.#tails.get(id) === promise) this.#tails.delete(id);
    }
  }

  #holder(id: string): Held | undefined {
    for (const held of this.#held) if (held.ids.has(id)) return held;
    return undefined;
  }

  /** No work on these ids begins from now on until the release; waits for what has begun. */
  async hold(ids: Held["ids"]): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: Held = { ids, released: promise };
    this.#held.add(held);
    // Not for those who wait in line: they wait for the release.
    await Promise.all([...this.#begun].filter(([id]) => ids.has(id)).map(([, end]) => end));
    return () => {
      this.#held.delete(held);
      resolve();
    };
  }
}

interface Held {
  readonly ids: Pick<ReadonlySet<string>, "has">;
  readonly released: Promise<void>;
}
