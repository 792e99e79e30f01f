/** Tries again and again, at growing distances, until it succeeds or is stopped. */
import type { Clock, Timer } from "../clock.ts";

export const HEAL_FIRST_MS = 5_000;
const HEAL_MOST_MS = 300_000;
/** After so long in vain, a new start may find what we cannot: another mount, another machine. */
const STUCK_MS = 600_000;

export class Healing {
  readonly #clock: Clock;
  /** Returns what is to happen next: nothing, a try after the same wait, or after a longer one. */
  readonly #attempt: () => Promise<"ended" | "not_yet" | "failed">;
  /** When it began; undefined where nothing is to be healed. */
  #since: number | undefined;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(clock: Clock, attempt: () => Promise<"ended" | "not_yet" | "failed">) {
    this.#clock = clock;
    this.#attempt = attempt;
  }

  get isStuck(): boolean {
    return this.#since !== undefined && this.#clock.now() - this.#since >= STUCK_MS;
  }

  start(waitMs = HEAL_FIRST_MS): void {
    if (this.#stopped) return;
    this.#since ??= this.#clock.now();
    this.#timer = this.#clock.after(waitMs, () => {
      this.#running = this.#run(waitMs);
    });
  }

  async #run(waitMs: number): Promise<void> {
    const outcome = await this.#attempt();
    if (outcome === "ended") this.#since = undefined;
    if (outcome === "not_yet") this.start(waitMs);
    if (outcome === "failed") this.start(Math.min(2 * waitMs, HEAL_MOST_MS));
  }

  /** No further try begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
