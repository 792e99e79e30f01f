/** One listener's place in what is held. Nothing is kept for him but that place. */
import type { Place, Step } from "../history.ts";
import { Pace } from "../pace.ts";
import type { BrainEvent, EndReason, Listener, Told } from "./feed.ts";
import { comparePlaces, idOf, placeOf } from "./place.ts";
import type { Ring } from "./ring.ts";

export interface ListenerOptions {
  readonly ring: Ring;
  /** Resolves as soon as more may be told, the brain is stopped, or the signal is aborted. */
  readonly more: (signal: AbortSignal) => Promise<void>;
  /** Puts what happened before the start in front of what is held, if that is not done. */
  readonly fill: () => Promise<void>;
  readonly isStopping: () => boolean;
  /** False until it is known where history stands. */
  readonly hasBegun: () => boolean;
}

export class RingListener implements Listener {
  readonly #options: ListenerOptions;
  /** Of the last event that was told; undefined while that is to be found. */
  #place: Place | undefined;
  readonly #after: string | undefined;
  #end: EndReason | undefined;

  constructor(options: ListenerOptions, after: string | undefined) {
    this.#options = options;
    this.#after = after;
    if (after === undefined && options.hasBegun()) this.#place = options.ring.end;
  }

  get position(): string | null {
    if (this.#place !== undefined) return idOf(this.#place);
    return this.#after ?? null;
  }

  async next(most: number, signal: AbortSignal): Promise<Told> {
    const { ring, more, isStopping, hasBegun } = this.#options;
    for (;;) {
      const pace = new Pace();
      // After an import all who listen have much to hear, and there may be many.
      if (pace.due) await pace.breathe();
      signal.throwIfAborted();
      if (this.#end !== undefined) return { end: this.#end };
      if (isStopping()) return this.#ended("stopping");
      const place = this.#place;
      if (place !== undefined) {
        if (comparePlaces(place, ring.floor) < 0) return this.#ended("behind");
        const events = this.#take(place, most);
        if (events.length > 0) return { events };
        await more(signal);
      } else if (hasBegun()) this.#place = await this.#find();
      else await more(signal);
    }
  }

  #take(from: Place, most: number): readonly BrainEvent[] {
    const events: BrainEvent[] = [];
    let last = from;
    for (const { step, place } of this.#options.ring.after(from, most)) {
      events.push(eventAt(step, place));
      last = { seq: step.seq, sum: step.sum, place };
    }
    this.#place = last;
    return events;
  }

  #ended(reason: EndReason): Told {
    this.#end = reason;
    return { end: reason };
  }

  /** Where the event stands that was seen last: in what is held, or in the files of earlier runs. */
  async #find(): Promise<Place | undefined> {
    const { ring, fill } = this.#options;
    if (this.#after === undefined) return ring.end;
    const place = placeOf(this.#after);
    if (place !== undefined) {
      if (!ring.has(place) && comparePlaces(place, ring.floor) <= 0) await fill();
      if (ring.has(place)) return place;
    }
    this.#end = "unknown";
    return undefined;
  }
}

function eventAt(step: Step, place: number): BrainEvent {
  const id = idOf({ seq: step.seq, sum: step.sum, place });
  const type = step.types[place - 1], memoryId = step.memoryIds[place - 1] ?? null;
  if (type === undefined) throw new Error("Cannot tell an event: there is none at its place");
  const { counts } = step;
  return { id, type, memoryId, ...(type === "import.finished" && counts && { counts }) };
}
