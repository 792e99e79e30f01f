/** Does a thing again and again, always the same time after it was done, until it is stopped. */
import type { Clock, Timer } from "../clock.ts";

export class Every {
  readonly #clock: Clock;
  readonly #ms: number;
  /** Deals with its own failures. */
  readonly #work: () => Promise<void>;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(clock: Clock, ms: number, work: () => Promise<void>) {
    this.#clock = clock;
    this.#ms = ms;
    this.#work = work;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(this.#ms, () => {
      this.#running = this.#work().then(() => this.start());
    });
  }

  /** It does not begin again; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
