/**
 * The manager's door: a key of the file, checked before anything else of a request is read, and so
 * many requests a minute for each key, so that one caller cannot take the service from the others.
 */
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { givenKey } from "../../http/auth.ts";
import type { FailedAttempts } from "../../http/failed_attempts.ts";
import { RateLimit } from "../../http/rate_limit.ts";
import type { AccessKey, AccessKeys } from "./access_keys.ts";

export interface DoorOptions {
  readonly keys: AccessKeys;
  readonly attempts: FailedAttempts;
  /** Of each key; 0 is no limit. */
  readonly requestsPerMinute: number;
  readonly clock: Clock;
}

export class Door {
  readonly #options: DoorOptions;
  /** Let go of with the key. */
  readonly #rates = new WeakMap<AccessKey, RateLimit>();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** May take its time with a wrong key. Throws `unauthorized`, `rate_limited`. */
  async letIn({ headers }: Request): Promise<AccessKey> {
    const { keys, attempts } = this.#options;
    const given = givenKey(headers);
    const key = given === undefined ? undefined : await keys.find(given);
    if (key !== undefined) {
      this.#rateOf(key).admit();
      return key;
    }
    // Who sends no key at all has guessed nothing.
    if (headers.has("authorization") || headers.has("x-api-key")) await attempts.slow();
    throw new AppError(
      "unauthorized",
      "Cannot let this request in: send a key of the management service as " +
        '"Authorization: Bearer KEY" or "X-API-Key: KEY"',
    );
  }

  #rateOf(key: AccessKey): RateLimit {
    const { requestsPerMinute, clock } = this.#options;
    const rate = this.#rates.get(key) ?? new RateLimit(() => requestsPerMinute, clock);
    this.#rates.set(key, rate);
    return rate;
  }
}
