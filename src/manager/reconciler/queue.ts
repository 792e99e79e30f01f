/**
 * Users that are to be looked at: each at most once in it, so many at the same time, and none while
 * it is looked at already. One whose look fails waits longer and longer, and holds up nobody else.
 */
import type { Clock, Timer } from "../../clock.ts";

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** False: not as it should be yet; look again, after a wait. Never throws. */
  readonly look: (slug: string) => Promise<boolean>;
  /** At the same time. */
  readonly most: number;
}

/** More than any installation has users; what is dropped comes with the next pass. */
const MOST_WAITING = 200_000;
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 10 * 60_000;

interface Later {
  readonly at: number;
  readonly timer: Timer;
}

export class Queue {
  readonly #options: QueueOptions;
  /** In the order in which they came. */
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  /** Came while they were looked at. */
  readonly #again = new Set<string>();
  readonly #later = new Map<string, Later>();
  /** In a row. */
  readonly #failures = new Map<string, number>();
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#ready.size + this.#again.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** To be looked at, the sooner of this and what it waits for; one that fails keeps its wait. */
  add(slug: string, afterMs = 0): void {
    if (this.#stopped) return;
    if (this.#failures.has(slug) && this.#later.has(slug)) return;
    if (afterMs > 0) return this.#addLater(slug, afterMs);
    this.#forgetLater(slug);
    if (this.#running.has(slug)) this.#again.add(slug);
    else if (this.#ready.size < MOST_WAITING) this.#ready.add(slug);
    this.#next();
  }

  /** Over once nothing is ready or looked at; what waits for its time is not waited for. */
  async idle(): Promise<void> {
    if (this.#ready.size + this.#running.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Begins nothing more; over once nothing is looked at. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
    this.#ready.clear();
    this.#again.clear();
    await this.idle();
  }

  #addLater(slug: string, ms: number): void {
    const at = this.#options.clock.now() + ms;
    const known = this.#later.get(slug);
    if (known !== undefined && known.at <= at) return;
    if (known === undefined && this.#later.size >= MOST_WAITING) return;
    known?.timer.cancel();
    const timer = this.#options.clock.after(ms, () => {
      this.#later.delete(slug);
      this.add(slug);
    });
    this.#later.set(slug, { at, timer });
  }

  #forgetLater(slug: string): void {
    this.#later.get(slug)?.timer.cancel();
    this.#later.delete(slug);
  }

  #next(): void {
    for (const slug of this.#ready) {
      if (this.#running.size >= this.#options.most) return;
      this.#ready.delete(slug);
      this.#running.add(slug);
      void this.#run(slug);
    }
  }

  async #run(slug: string): Promise<void> {
    const isGood = await this.#options.look(slug);
    this.#running.delete(slug);
    const isAgain = this.#again.delete(slug);
    if (isGood) {
      this.#failures.delete(slug);
      if (isAgain) this.add(slug);
    } else this.#wait(slug);
    this.#next();
    if (this.#ready.size + this.#running.size > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  /** With some chance, so that those who failed together do not come back together. */
  #wait(slug: string): void {
    if (this.#stopped) return;
    const failures = this.#failures.get(slug) ?? 0;
    const most = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
    this.#failures.set(slug, Math.min(failures + 1, 20));
    this.#addLater(slug, most * (0.5 + this.#options.random() / 2));
  }
}
