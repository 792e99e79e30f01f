/**
 * What happened to the memories, told in the order of history to whoever listens.
 *
 * Promises: an event is told only after what it tells of is durable, and can be read; each once to
 * a listener, in one order, the journal's, which is the same for all and the same after a restart.
 * Who comes back with the id of the last event that he saw gets what he missed, or is told that it
 * is not held any more and that he must list anew. A listener pulls, so nothing is kept for the
 * slow: who falls behind what is held is told so.
 *
 * The latest events are held in memory, by the names of the memories only. What happened before the
 * start is read from the journal's files when the first listener asks for it.
 */
import type { EventFeed, Listener } from "./events/feed.ts";
import { RingListener } from "./events/listener.ts";
import { Ring } from "./events/ring.ts";
import type { Place, Position, Step } from "./history.ts";
import type { HistoryFollower, Store } from "./store.ts";

export type { BrainEvent, EndReason, EventFeed, Listener, Told } from "./events/feed.ts";
export { EVENT_TYPES, type EventType } from "./history.ts";

const MOST_EVENTS = 100_000;

export interface EventsOptions {
  readonly store: Pick<Store, "earlier">;
  readonly log: (event: string, detail: Record<string, string | number>) => void;
  /** How many events are held at least. */
  readonly most?: number;
}

export class Events implements EventFeed, HistoryFollower {
  readonly #options: EventsOptions;
  readonly #most: number;
  readonly #ring: Ring;
  readonly #waiting = new Set<() => void>();
  #hasBegun = false;
  #filling: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#most = options.most ?? MOST_EVENTS;
    this.#ring = new Ring(this.#most);
  }

  listen(after?: string): Listener {
    return new RingListener({
      ring: this.#ring,
      more: (signal) => this.#more(signal),
      fill: () => this.#filling ??= this.#fill(),
      isStopping: () => this.#isStopping,
      hasBegun: () => this.#hasBegun,
    }, after);
  }

  begun(at: Place): void {
    this.#hasBegun = true;
    this.#ring.begin(at);
    this.#wake();
  }

  happened(step: Step): void {
    this.#ring.push(step);
    this.#wake();
  }

  committed(at: Position): void {
    this.#ring.hold(at);
  }

  ended(step: Step): void {
    this.#ring.release(step);
    this.#wake();
  }

  /** Tells all who listen that nothing more comes. */
  stop(): void {
    this.#isStopping = true;
    this.#wake();
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      // It may have come while something else was waited for.
      if (this.#isStopping || signal.aborted) return resolve();
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #fill(): Promise<void> {
    try {
      const earlier = await this.#options.store.earlier(this.#most);
      if (earlier !== undefined) this.#ring.prepend(earlier);
    } catch (error) {
      this.#filling = undefined; // The disk may hand it out next time.
      const word = error instanceof Error ? error.name : "unknown";
      this.#options.log("history_unreadable", { error: word });
    }
  }
}
