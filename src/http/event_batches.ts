/**
 * What happened, as one listener is told of it: a batch after the other, each small enough to be
 * held while the one before is on its way. What is not asked for is not kept.
 */
import type { BrainEvent, EndReason, EventFeed, Listener } from "../events.ts";
import { type Find, type View, viewer, type Wanted } from "./event_view.ts";
import type { Turns } from "./turns.ts";

/** Asked of history at once. */
const MOST_EVENTS = 100;
/** Said at once: a batch ends with the event that makes it as long as this. */
const LONG_ENOUGH = 64 * 1024;

/** An event, ready to be sent. */
export interface Said {
  readonly id: string;
  readonly type: string;
  readonly json: string;
}

/** Nothing was said where nothing of it was asked for; the position is behind it all the same. */
export type Batch =
  | { readonly said: readonly Said[]; readonly position: string | null }
  | { readonly end: EndReason; readonly position: string | null };

export interface BatchesOptions {
  readonly feed: EventFeed;
  readonly find: Find;
  /** Those who listen take turns: a thousand of them are told of one event. */
  readonly turns: Turns;
  readonly wanted: Wanted;
  /** The event that was seen last; left out: what comes from now on. */
  readonly after: string | undefined;
}

export class EventBatches {
  readonly #feed: EventFeed;
  readonly #listener: Listener;
  readonly #turns: Turns;
  readonly #view: View;
  /** Heard, and not said yet. */
  #heard: readonly BrainEvent[] = [];
  #position: string | null;

  constructor({ feed, find, turns, wanted, after }: BatchesOptions) {
    this.#feed = feed;
    this.#listener = feed.listen(after);
    this.#turns = turns;
    this.#view = viewer(wanted, find);
    this.#position = this.#listener.position;
  }

  /** Where it begins; each batch says how far it goes. */
  get position(): string | null {
    return this.#position;
  }

  /** Only one call at a time. Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<Batch> {
    if (this.#heard.length === 0) {
      const told = await this.#listener.next(MOST_EVENTS, signal);
      if ("end" in told) return this.#end(told.end);
      this.#heard = told.events;
    }
    const batch = await this.#turns.take(() => this.#say());
    signal.throwIfAborted();
    return batch;
  }

  /** Who has to list anew goes on from now: what happens while he lists, he is told after it. */
  #end(end: EndReason): Batch {
    if (end !== "stopping") this.#position = this.#feed.listen().position;
    return { end, position: this.#position };
  }

  #say(): Batch {
    const said: Said[] = [];
    let length = 0, count = 0;
    for (const event of this.#heard) {
      count++;
      this.#position = event.id;
      const view = this.#view(event);
      if (view === undefined) continue;
      const json = JSON.stringify(view);
      said.push({ id: view.id, type: view.type, json });
      if ((length += json.length) >= LONG_ENOUGH) break;
    }
    this.#heard = this.#heard.slice(count);
    return { said, position: this.#position };
  }
}
