/**
 * Who listens to events just now, over either protocol: there is room for so many, and each is told
 * why he hears nothing more. Counted for the metrics.
 */
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { EndReason } from "../events.ts";
import type { Log, LogLevel } from "../log.ts";
import { Turns } from "./turns.ts";

/** One user's programs and pages: far more than they need. */
const MOST = 1_000;
const RETRY_S = 10;

/**
 * A sign of life goes out so often: through proxies that cut what is silent for a minute, and for
 * clients to see that the connection still holds.
 */
export const HEARTBEAT_MS = 15_000;

/** Who takes nothing of what is sent to him for so long is told nothing more. */
export const SLOW_MS = 30_000;

/**
 * Why a listener hears nothing more. Beside what history says: he left by himself, took nothing for
 * too long, gave no sign of life, broke the protocol, his key is not let in any more, or we failed.
 */
export const LEAVE_REASONS = [
  "unknown",
  "behind",
  "stopping",
  "left",
  "slow",
  "silent",
  "protocol",
  "unauthorized",
  "failed",
] as const;

export type LeaveReason = (typeof LEAVE_REASONS)[number];

/** Of what is worth a look. */
const LEVELS: Readonly<Partial<Record<LeaveReason, LogLevel>>> = {
  slow: "warn",
  silent: "info",
  protocol: "warn",
  unauthorized: "info",
  failed: "error",
};

export const PROTOCOLS = ["sse", "websocket"] as const;

type Protocol = (typeof PROTOCOLS)[number];

/** Those of which a listener is told. */
export type Ending = EndReason | "slow" | "unauthorized";

/** What is said to him then, and what he can do. */
export const ADVICE: Readonly<Record<Ending, string>> = {
  unknown: "The event that was seen last is not held any more, or is of another history: list " +
    "the memories anew, then listen from `position`",
  behind: "So much happened meanwhile that what comes next is not held any more: list the " +
    "memories anew, then listen from `position`",
  stopping: "The service is stopping: come back soon, with the event that was seen last",
  slow:
    "What was sent last was not taken for 30 seconds: come back with the event that was seen last",
  unauthorized: "The key is not let in any more: come back with one that is",
};

export class Listeners {
  readonly clock: Clock;
  /** A thousand of them are told of one event. */
  readonly turns = new Turns();
  readonly #log: Log;
  readonly #now: Readonly<Record<Protocol, Set<symbol>>> = { sse: new Set(), websocket: new Set() };
  readonly #left = new Map<LeaveReason, number>();
  #most = MOST;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.#log = log;
  }

  /** There may be fewer, where the system has no room for so many connections. */
  leaveRoom(most: number): void {
    this.#most = Math.min(MOST, most);
  }

  count(protocol: Protocol): number {
    return this.#now[protocol].size;
  }

  /** How many have left for this reason. */
  left(reason: LeaveReason): number {
    return this.#left.get(reason) ?? 0;
  }

  /** Returns what is to be called once he leaves; more calls change nothing. Throws `overloaded`. */
  join(protocol: Protocol): (reason: LeaveReason) => void {
    if (this.count("sse") + this.count("websocket") >= this.#most) {
      throw new AppError("overloaded", `Cannot listen: ${this.#most} others do already`, {
        retryAfterS: RETRY_S,
      });
    }
    const name = Symbol();
    this.#now[protocol].add(name);
    return (reason) => {
      if (!this.#now[protocol].delete(name)) return;
      this.#left.set(reason, this.left(reason) + 1);
      const level = LEVELS[reason] ?? "debug";
      this.#log(level, "listener_left", { protocol, reason });
    };
  }
}
