/**
 * Wrong keys, slowed: so many are answered at once, the rest one after the other at a steady pace,
 * and what would have to wait too long is refused. The right key never comes here, so nobody can
 * lock out the one who has it.
 */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

/** The pace: ten a second. */
const GAP_MS = 100;
const AT_ONCE = 20;
const MOST_WAITING = 50;
/** Each holds a connection: far fewer than there may be, so that some are left for the owner. */
const CONNECTIONS_EACH = 5;

export class FailedAttempts {
  readonly #clock: Clock;
  /** When the last one so far would be answered, at a steady pace from the first on. */
  #last = -Infinity;
  #mostWaiting = MOST_WAITING;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** There may be so many connections, of all kinds. */
  leaveRoom(connections: number): void {
    this.#mostWaiting = Math.min(MOST_WAITING, Math.floor(connections / CONNECTIONS_EACH));
  }

  /** Takes its time. Throws `rate_limited` where too many are waiting already. */
  async slow(): Promise<void> {
    const now = this.#clock.now();
    // A clock that was set back must not make anybody wait for the time to come again.
    this.#last = Math.min(this.#last, now + (AT_ONCE + this.#mostWaiting) * GAP_MS);
    const next = Math.max(this.#last, now) + GAP_MS;
    const waitMs = next - now - AT_ONCE * GAP_MS;
    if (waitMs > this.#mostWaiting * GAP_MS) {
      throw new AppError("rate_limited", "Cannot answer now: too many wrong keys were sent", {
        retryAfterS: waitMs / 1000,
      });
    }
    this.#last = next;
    if (waitMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(waitMs, resolve);
    await promise;
  }
}
