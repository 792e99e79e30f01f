/** What is to happen, by the clock: in order of time, and of being asked for at the same time. */
import type { Clock, Timer } from "../../src/clock.ts";

interface Item {
  readonly at: number;
  readonly turn: number;
  readonly key: string;
  readonly run: () => void;
}

/** The same work is planned once, however often it is asked for; one timer waits for the first. */
export class Agenda {
  readonly #clock: Clock;
  /** A binary heap. */
  readonly #items: Item[] = [];
  readonly #keys = new Set<string>();
  #turns = 0;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock.now();
  }

  later(ms: number, key: string, run: () => void): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.#push({ at: this.now + ms, turn: this.#turns++, key, run });
    this.#arm();
  }

  /** Runs what is due. */
  tick(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let first = this.#items[0]; first !== undefined; first = this.#items[0]) {
        if (first.at > this.now) break;
        this.#shift();
        this.#keys.delete(first.key);
        first.run();
      }
    } finally {
      this.#isRunning = false;
      this.#arm();
    }
  }

  #arm(): void {
    const first = this.#items[0];
    if (this.#isRunning || first === undefined) return;
    if (this.#timer !== undefined && this.#timer.at <= first.at) return;
    this.#timer?.timer.cancel();
    const timer = this.#clock.after(Math.max(0, first.at - this.now), () => {
      this.#timer = undefined;
      this.tick();
    });
    this.#timer = { at: first.at, timer };
  }

  #push(item: Item): void {
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[place] = parent;
      place = above;
    }
    items[place] = item;
  }

  #shift(): void {
    const items = this.#items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return;
    let place = 0;
    while (true) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      const [a, b] = [items[left], items[right]];
      const least = b !== undefined && a !== undefined && isBefore(b, a) ? right : left;
      const child = items[least];
      if (child === undefined || !isBefore(child, last)) break;
      items[place] = child;
      place = least;
    }
    items[place] = last;
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at === b.at ? a.turn < b.turn : a.at < b.at;
}
