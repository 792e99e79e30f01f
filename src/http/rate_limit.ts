/** So many requests a minute, evenly: a bucket that fills steadily and holds a minute's worth. */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";

export class RateLimit {
  readonly #limit: () => number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  /** Asked for each request, for it may change; 0 is no limit. */
  constructor(limit: () => number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#tokens = limit();
    this.#filledAt = clock.now();
  }

  /** All of them or none. Throws `rate_limited` with the seconds after which there is room again. */
  admit(requests = 1): void {
    const perMinute = this.#limit();
    if (perMinute === 0) return;
    const now = this.#clock.now();
    const perMs = perMinute / 60_000;
    // A clock that was set back must not empty the bucket.
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(perMinute, this.#tokens + elapsed * perMs);
    this.#filledAt = now;
    if (this.#tokens < requests) {
      throw new AppError(
        "rate_limited",
        `Cannot answer now: more than ${perMinute} requests in a minute`,
        { retryAfterS: (requests - this.#tokens) / perMs / 1000 },
      );
    }
    this.#tokens -= requests;
  }
}
