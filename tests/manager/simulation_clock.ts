/**
 * A clock turned by hand that thousands of users can have timers on: those that fall due within the
 * same tenth of a second run together.
 */
import type { Clock, Timer } from "../../src/clock.ts";

/** A cell of the clock's time. */
const CELL_MS = 100;

export class SimulationClock implements Clock {
  readonly #drain: () => Promise<void>;
  readonly #cells = new Map<number, Set<() => void>>();
  /** When the cells are due: a binary heap. */
  readonly #due: number[] = [];
  #now: number;

  /** `drain` lets everything that waits for no timer of the clock run to its end. */
  constructor(startMs: number, drain: () => Promise<void>) {
    this.#now = startMs;
    this.#drain = drain;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): Timer {
    const at = Math.ceil((this.#now + Math.max(0, ms)) / CELL_MS) * CELL_MS;
    const timer = () => call();
    const cell = this.#cells.get(at) ?? this.#newCell(at);
    cell.add(timer);
    return { cancel: () => void cell.delete(timer) };
  }

  #newCell(at: number): Set<() => void> {
    const cell = new Set<() => void>();
    this.#cells.set(at, cell);
    this.#push(at);
    return cell;
  }

  /** Runs every timer that falls due, and all that follows from it, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#drain();
    for (let at = this.#due[0]; at !== undefined && at <= end; at = this.#due[0]) {
      this.#shift();
      const cell = this.#cells.get(at) ?? new Set();
      this.#cells.delete(at);
      if (cell.size === 0) continue;
      this.#now = Math.max(this.#now, at);
      for (const timer of cell) timer();
      await this.#drain();
    }
    this.#now = end;
  }

  /** Moves on at one go, as for a machine that slept: what fell due runs once, at the end. */
  async leap(ms: number): Promise<void> {
    await this.#drain();
    this.#now += ms;
    await this.advance(0);
  }

  /** Moves on, cell by cell, until the promise is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    promise.finally(() => isSettled = true).catch(() => {});
    await this.#drain();
    while (!isSettled) {
      const next = this.#due[0];
      // What is under way may wait for the machine, and for no timer.
      await this.advance(next === undefined ? 0 : Math.max(0, next - this.#now));
    }
    return await promise;
  }

  #push(at: number): void {
    const due = this.#due;
    let place = due.push(at) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = due[above];
      if (parent === undefined || at >= parent) break;
      due[place] = parent;
      place = above;
    }
    due[place] = at;
  }

  #shift(): void {
    const due = this.#due;
    const last = due.pop();
    if (last === undefined || due.length === 0) return;
    let place = 0;
    while (true) {
      const left = 2 * place + 1;
      const [a, b] = [due[left], due[left + 1]];
      const least = a !== undefined && b !== undefined && b < a ? left + 1 : left;
      const child = due[least];
      if (child === undefined || child >= last) break;
      due[place] = child;
      place = least;
    }
    due[place] = last;
  }
}

/** Who gives way when it has worked for long does not: how long that is would be the machine's. */
export function stillMachine(): Disposable {
  const { now } = performance;
  const at = now.call(performance);
  performance.now = () => at;
  return { [Symbol.dispose]: () => void (performance.now = now) };
}
