/**
 * Conversations: the memories of one thread in the order they were made (created_at, then id),
 * as a linked list over slots, so that a search steps to the neighbours of a hit at once.
 */
import { resized } from "../typed_arrays.ts";

/** Stands for "none" in the links. */
export const NONE = -1;

interface Thread {
  readonly number: number;
  /** Ordered; only the first `count` mean anything. */
  slots: Int32Array<ArrayBuffer>;
  count: number;
}

/** Whether slot `a` comes before slot `b` in a thread. */
export type Before = (a: number, b: number) => boolean;

export class Threads {
  readonly #byKey = new Map<string, Thread>();
  readonly #freeNumbers: number[] = [];
  readonly #before: Before;
  /** Slot -> number of its thread, slot before and slot after, or NONE. */
  of = new Int32Array(0);
  previous = new Int32Array(0);
  next = new Int32Array(0);
  /** Thread number -> sum of its memories' lengths. */
  lengths = new Float64Array(16);
  totalLength = 0;

  constructor(before: Before) {
    this.#before = before;
  }

  /** How many threads there are. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Room for this many slots. */
  grow(capacity: number): void {
    this.of = resized(this.of, new Int32Array(capacity));
    this.previous = resized(this.previous, new Int32Array(capacity));
    this.next = resized(this.next, new Int32Array(capacity));
  }

  leaveOut(slot: number): void {
    this.of[slot] = this.previous[slot] = this.next[slot] = NONE;
  }

  add(key: string, slot: number, length: number): void {
    const thread = this.#byKey.get(key) ?? this.#open(key);
    if (thread.count === thread.slots.length) {
      thread.slots = resized(thread.slots, new Int32Array(2 * thread.count));
    }
    const at = this.#find(thread, slot);
    const before = at > 0 ? thread.slots[at - 1] ?? NONE : NONE;
    const after = at < thread.count ? thread.slots[at] ?? NONE : NONE;
    thread.slots.copyWithin(at + 1, at, thread.count++);
    thread.slots[at] = slot;
    this.of[slot] = thread.number;
    this.#link(before, slot);
    this.#link(slot, after);
    this.#measure(thread, length);
  }

  remove(key: string, slot: number, length: number): void {
    const thread = this.#byKey.get(key);
    if (thread === undefined) return;
    const at = this.#find(thread, slot);
    thread.slots.copyWithin(at, at + 1, thread.count--);
    this.#link(this.previous[slot] ?? NONE, this.next[slot] ?? NONE);
    this.leaveOut(slot);
    this.#measure(thread, -length);
    if (thread.count > 0) return;
    this.#byKey.delete(key);
    this.#freeNumbers.push(thread.number);
  }

  #open(key: string): Thread {
    const number = this.#freeNumbers.pop() ?? this.#byKey.size;
    if (number >= this.lengths.length) {
      this.lengths = resized(this.lengths, new Float64Array(2 * this.lengths.length));
    }
    this.lengths[number] = 0;
    const thread = { number, slots: new Int32Array(4), count: 0 };
    this.#byKey.set(key, thread);
    return thread;
  }

  #measure(thread: Thread, length: number): void {
    this.lengths[thread.number] = (this.lengths[thread.number] ?? 0) + length;
    this.totalLength += length;
  }

  #link(before: number, after: number): void {
    if (before !== NONE) this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
  }

  /** Where the slot stands or would stand. */
  #find(thread: Thread, slot: number): number {
    let low = 0;
    let high = thread.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#before(thread.slots[middle] ?? 0, slot)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
