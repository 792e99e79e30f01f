/**
 * Which memories hold a term, and how often: pairs of slot and frequency in one growable
 * Int32Array, ordered by slot, so that a memory is taken out by binary search and nothing is left
 * behind for a later sweep.
 */

const INITIAL_PAIRS = 2;
/** Longer arrays grow by a quarter and not to twice their length: they hold most of the memory. */
const LONG_ARRAY = 4096;
/** An array this many times too large is cut to size. */
const SLACK = 4;

export class Postings {
  readonly term: string;
  #pairs = new Int32Array(2 * INITIAL_PAIRS);
  #count = 0;

  constructor(term: string) {
    this.term = term;
  }

  /** In how many memories the term stands. */
  get count(): number {
    return this.#count;
  }

  /** Slot and frequency by turns; only the first `2 * count` numbers mean anything. */
  get pairs(): Int32Array {
    return this.#pairs;
  }

  get bytes(): number {
    return this.#pairs.byteLength;
  }

  /** Adds a slot that is not in the list. */
  add(slot: number, frequency: number): void {
    const used = 2 * this.#count;
    if (used === this.#pairs.length) this.#resize(longer(used));
    const at = this.#find(slot);
    if (at < used) this.#pairs.copyWithin(at + 2, at, used);
    this.#pairs[at] = slot;
    this.#pairs[at + 1] = frequency;
    this.#count++;
  }

  /** Takes a slot out; one that is not in the list is no error. */
  remove(slot: number): void {
    const at = this.#find(slot);
    const used = 2 * this.#count;
    if (at === used || this.#pairs[at] !== slot) return;
    this.#pairs.copyWithin(at, at + 2, used);
    this.#count--;
    const enough = Math.max(2 * INITIAL_PAIRS, 4 * this.#count);
    if (this.#pairs.length > SLACK * enough / 2) this.#resize(enough);
  }

  /** Where the slot stands or would stand. Looks at the end first: a bulk load appends. */
  #find(slot: number): number {
    const pairs = this.#pairs;
    let low = 0;
    let high = this.#count;
    if (high > 0 && (pairs[2 * high - 2] ?? 0) < slot) return 2 * high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pairs[2 * middle] ?? 0) < slot) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }

  #resize(length: number): void {
    const pairs = this.#pairs;
    this.#pairs = new Int32Array(length);
    this.#pairs.set(length < pairs.length ? pairs.subarray(0, length) : pairs);
  }
}

/** The next length of a full array; even, as both are of pairs. */
function longer(length: number): number {
  return length < LONG_ARRAY ? 2 * length : length + 2 * (length >>> 3);
}
