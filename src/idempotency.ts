/**
 * One effect for one `Idempotency-Key`: the receipt of a request is written in the same line of the
 * journal as its change, so a retry gets the same answer, also after a crash.
 */
import { createHash } from "node:crypto";
import { type Clock, timestamp } from "./clock.ts";
import { AppError } from "./errors.ts";
import { Locks } from "./locks.ts";
import type { Receipt } from "./memory.ts";
import { RECEIPT_HOURS, type State } from "./state.ts";

export type Reply = Receipt["reply"];

/** A request that its client may send again. */
export interface Retriable {
  /** As the client sent it. */
  readonly key: string;
  /** What is asked, once it was read: another request under the same key is refused. */
  readonly request: () => string;
  /** Reads what is left of it; left out where it was read before. */
  readonly readOn?: () => Promise<void>;
}

/** Makes the receipt for a reply; undefined for a request without a key. */
export type Seal = (reply: Reply) => Receipt | undefined;

export class Idempotency {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #locks = new Locks();

  constructor(state: State, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Carries the request out, or gives the reply that it had. Throws `invalid` for a reused key. */
  async once(
    asked: Retriable | undefined,
    carryOut: (seal: Seal) => Promise<Reply>,
  ): Promise<Reply> {
    if (asked === undefined) return await carryOut(() => undefined);
    const key = sha256(asked.key);
    return await this.#locks.run(key, async () => {
      const known = this.#state.receipt(key);
      if (known === undefined || this.#isOld(known)) {
        return await carryOut((reply) => {
          const request = sha256(asked.request());
          return { key, request, at: timestamp(this.#clock), reply };
        });
      }
      await asked.readOn?.();
      if (known.request === sha256(asked.request())) return answerOf(known);
      throw new AppError(
        "invalid",
        "Cannot carry out the request: its Idempotency-Key was used for another one; send a new key",
      );
    });
  }

  #isOld({ at }: Receipt): boolean {
    return Date.parse(at) < this.#clock.now() - RECEIPT_HOURS * 3_600_000;
  }
}

function answerOf({ reply }: Receipt): Reply {
  if (reply === null || !("deleted" in reply)) return reply;
  throw new AppError(
    "conflict",
    `Cannot give the answer again: it was done, and the memory "${reply.deleted}" deleted since`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
