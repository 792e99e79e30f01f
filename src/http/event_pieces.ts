/**
 * What is sent of a stream of events, piece by piece (Server-Sent Events, as the HTML standard has
 * them). Asked for the next one when the one before it is on its way: who does not ask for long is
 * slow, and is told so when he asks again.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Batch, EventBatches, Said } from "./event_batches.ts";
import { ADVICE, type Ending, HEARTBEAT_MS, type LeaveReason, SLOW_MS } from "./listeners.ts";

/** How soon a client comes back that lost its connection. */
const RETRY_MS = 2_000;

export interface PiecesOptions {
  readonly clock: Clock;
  /** What the client says it saw last. */
  readonly known: string | undefined;
  /** Whether who listens may still do so. */
  readonly isLetIn: () => boolean;
  /** To be told once, why nothing more is sent. */
  readonly leave: (reason: LeaveReason) => void;
}

export class EventPieces {
  readonly #batches: EventBatches;
  readonly #options: PiecesOptions;
  readonly #stopping = new AbortController();
  /** Under way since a piece before: history is asked by one call at a time. */
  #pending: Promise<Batch> | undefined;
  /** Behind the last batch that was taken: the next one may be under way. */
  #position: string | null;
  /** What the client knows as the last event that it saw; it is not said twice. */
  #known: string | null;
  #isGreeted = false;
  #isSlow = false;
  #slowTimer: Timer | undefined;
  isOver = false;

  constructor(batches: EventBatches, options: PiecesOptions) {
    this.#batches = batches;
    this.#options = options;
    this.#position = batches.position;
    this.#known = options.known ?? null;
  }

  /** To be sent; undefined where the client is gone. */
  async next(): Promise<string | undefined> {
    this.#slowTimer?.cancel();
    const piece = await this.#make().catch((error) => {
      if (this.#stopping.signal.aborted) return undefined;
      this.isOver = true;
      this.#options.leave("failed");
      throw error;
    });
    if (this.isOver) return piece;
    this.#slowTimer = this.#options.clock.after(SLOW_MS, () => {
      this.#isSlow = true;
      this.#options.leave("slow");
    });
    return piece;
  }

  async #make(): Promise<string | undefined> {
    if (this.#isSlow) return this.#end("slow");
    // So that a client that comes back before anything happened misses nothing either.
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      return `retry: ${RETRY_MS}\n${this.#idLine()}\n`;
    }
    const { promise: quiet, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.after(HEARTBEAT_MS, () => resolve(undefined));
    try {
      return await this.#tell(quiet);
    } finally {
      timer.cancel();
    }
  }

  /** What is not asked for is no sign of life: `quiet` is one for all that may pass meanwhile. */
  async #tell(quiet: Promise<undefined>): Promise<string | undefined> {
    while (!this.#stopping.signal.aborted) {
      const batch = await this.#nextUnless(quiet);
      if (batch !== undefined && !("end" in batch) && batch.said.length === 0) {
        this.#position = batch.position;
        continue;
      }
      if (!this.#options.isLetIn()) return this.#end("unauthorized");
      if (batch === undefined) return `:\n${this.#idLine()}\n`;
      this.#position = batch.position;
      if ("end" in batch) return this.#end(batch.end);
      this.#known = batch.said.at(-1)?.id ?? null;
      return batch.said.map(eventPiece).join("");
    }
    this.isOver = true;
    return undefined;
  }

  /** Undefined where it is time for a sign of life, also where there is always more to look at. */
  async #nextUnless(quiet: Promise<undefined>): Promise<Batch | undefined> {
    if (this.#pending === undefined) {
      this.#pending = this.#batches.next(this.#stopping.signal);
      // Where the client is gone, nobody waits for it.
      this.#pending.catch(() => {});
    }
    const first = await Promise.race([quiet, this.#pending]);
    if (first !== undefined) this.#pending = undefined;
    return first;
  }

  /** The last line of a piece that moves on in history, if it does. */
  #idLine(): string {
    const position = this.#position;
    if (position === null || position === this.#known) return "";
    this.#known = position;
    return `id: ${position}\n`;
  }

  #end(reason: Ending): string {
    this.isOver = true;
    this.#options.leave(reason);
    this.#stopping.abort();
    const data = JSON.stringify({ reason, detail: ADVICE[reason], position: this.#position });
    return `event: end\n${this.#idLine()}data: ${data}\n\n`;
  }

  /** The client is gone. */
  stop(): void {
    this.isOver = true;
    this.#slowTimer?.cancel();
    this.#stopping.abort();
    this.#options.leave("left");
  }
}

function eventPiece({ id, type, json }: Said): string {
  return `event: ${type}\nid: ${id}\ndata: ${json}\n\n`;
}
