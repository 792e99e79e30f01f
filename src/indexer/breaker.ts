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
  #openUntil: number | undefined;
  #probing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get open(): boolean {
    return this.#openUntil !== undefined;
  }

  /** Whether a call may go out now; if so, its outcome must be reported. */
  admit(): boolean {
    if (this.#openUntil === undefined) return true;
    if (this.#probing || this.#clock.now() < this.#openUntil) return false;
    return this.#probing = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntil = undefined;
    this.#probing = false;
  }

  /** `final` opens it at once: the next call would fail the same way. */
  failed(final = false): void {
    this.#failures++;
    this.#probing = false;
    if (final || this.#failures >= FAILURES) this.#openUntil = this.#clock.now() + OPEN_MS;
  }
}
