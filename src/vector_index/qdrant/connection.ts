/**
 * Whether Qdrant can be asked now. It is there once it was compared with the state; three failures
 * in a row, or one that the next call would meet as well, end that. Then it is tried again in the
 * background, with jitter and never by what a user asks for, until it is there again.
 */
import { Backoff } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import type { Say } from "../../log.ts";
import { QdrantError } from "./points.ts";
import type { WriteQueue } from "./write_queue.ts";

const FAILURES = 3;
/** So long does what asks what it holds from before wait for that. */
const FIRST_ATTEMPT_MS = 8_000;
const WAITS = { firstMs: 500, lastMs: 30_000 } as const;
/** What ends sooner than that was not well yet: the waits go on growing. */
const STEADY_MS = 60_000;

export interface ConnectionOptions {
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly queue: WriteQueue;
  /** What must be done before it is there. */
  readonly connect: (signal: AbortSignal) => Promise<void>;
  /** It is there, or is not any more. */
  readonly changed: () => void;
  readonly log: Say;
}

export class Connection {
  /** The first attempt has an outcome. */
  readonly settled: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #state: "connecting" | "ok" | "unavailable" = "connecting";
  #detail: string | null = "Cannot search: what Qdrant holds is being compared with the memories";
  #failures = 0;
  #okSince = 0;
  #attempt: Promise<void> | undefined;
  /** Aborts when it is not there any more. */
  #use = new AbortController();

  /** Begins at once. */
  constructor(options: ConnectionOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#backoff = new Backoff(clock, random, () => void this.tryNow(), WAITS);
    this.settled = this.#try(FIRST_ATTEMPT_MS);
  }

  get state(): "connecting" | "ok" | "unavailable" {
    return this.#state;
  }

  /** Why it is not there; null where it is. */
  get detail(): string | null {
    return this.#detail;
  }

  /** Ends what is under way when it is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends what is under way also when it is not there any more: nobody waits for that. */
  get inUse(): AbortSignal {
    return AbortSignal.any([this.closing, this.#use.signal]);
  }

  /** To be told after every call. */
  succeeded(): void {
    this.#failures = 0;
  }

  failed(error: unknown): void {
    if (this.#state === "ok" && (++this.#failures >= FAILURES || isFinal(error))) this.#end(error);
  }

  /** With a full disk it can be searched all the same. */
  writeFailed(error: unknown): void {
    if (this.#state === "ok" && isFinal(error)) this.#end(error);
  }

  /** Resolves when there is an outcome. */
  tryNow(): Promise<void> {
    this.#backoff.stop();
    return this.#try();
  }

  close(): void {
    this.#closing.abort();
    this.#backoff.stop();
    this.#state = "unavailable";
    this.#detail = "Cannot search: the service is stopping";
  }

  #try(limitMs?: number): Promise<void> {
    return this.#attempt ??= this.#options.queue.inTurn(() => this.#connect(limitMs));
  }

  /** The state changes within its turn: what waits behind it must not see the former one. */
  async #connect(limitMs: number | undefined): Promise<void> {
    if (this.closing.aborted || this.#state === "ok") return void (this.#attempt = undefined);
    const { clock, connect, changed, log } = this.#options;
    const limit = new AbortController();
    const timer = limitMs === undefined ? undefined : clock.after(limitMs, () => limit.abort());
    try {
      await connect(AbortSignal.any([this.closing, limit.signal]));
      if (this.closing.aborted) return;
      this.#state = "ok";
      this.#use = new AbortController();
      this.#detail = null;
      this.#failures = 0;
      this.#okSince = clock.now();
      log("Qdrant is in use", "info");
      changed();
    } catch (error) {
      if (this.closing.aborted) return;
      this.#end(limit.signal.aborted ? tooSlow() : error);
    } finally {
      timer?.cancel();
      // At once: who tries again from now on must not be given this attempt.
      this.#attempt = undefined;
    }
  }

  #end(error: unknown): void {
    const { clock, changed, log } = this.#options;
    const detail = error instanceof QdrantError
      ? error.message
      : "Cannot use Qdrant: an unexpected error, to be tried again";
    if (detail !== this.#detail) log(`${detail}; it is tried again by itself`);
    if (this.#state === "ok" && clock.now() - this.#okSince > STEADY_MS) this.#backoff.reset();
    this.#state = "unavailable";
    this.#use.abort();
    this.#detail = detail;
    this.#failures = 0;
    this.#backoff.failed(error instanceof QdrantError ? error.retryAfterMs : undefined);
    changed();
  }
}

/** Whether the next call would fail as well, whatever it is. */
function isFinal(error: unknown): boolean {
  return error instanceof QdrantError && error.isFinal && error.fault !== "rejected";
}

function tooSlow(): QdrantError {
  return new QdrantError("busy", "Cannot use Qdrant: it does not say in time what it holds");
}
