/** All that is written to a collection, and every comparison with it, one after the other: nothing
 * overtakes, and what a comparison sees stands still. Its callers wait, so it stays short. */
export class WriteQueue {
  #last: Promise<unknown> = Promise.resolve();

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves once all that was asked for so far is over. */
  async drained(): Promise<void> {
    await this.#last;
  }
}
