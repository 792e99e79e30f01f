/**
 * A circuit breaker: after five failures in a row nobody waits for the provider any more. Half a
 * minute later one call may try, and its outcome decides.
 */
import type { Clock } from "./clock.ts";

const FAILURES = 5;
const OPEN_MS = 30_000;

export class Breaker {
  readonly #clock: Clock;
  #failures = 0;
  #openedAt: number | undefined;
  #probing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a call may go out now; if so, its outcome must be reported. */
  admit(): boolean {
    if (this.#openedAt === undefined) return true;
    const openMs = this.#clock.now() - this.#openedAt;
    // Below zero the time of day went back: nobody knows how long it was, so try.
    if (this.#probing || (openMs >= 0 && openMs < OPEN_MS)) return false;
    return this.#probing = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#probing = false;
  }

  /** `final` opens it at once: the next call would fail the same way. */
  failed(final = false): void {
    this.#failures++;
    this.#probing = false;
    if (final || this.#failures >= FAILURES) this.#openedAt = this.#clock.now();
  }
}
