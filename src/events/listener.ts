/** One listener's place in what is held. Nothing is kept for him but that place. */
import type { Place, Step } from "../history.ts";
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
    const { ring, more, isStopping } = this.#options;
    signal.throwIfAborted();
    if (this.#end === undefined && this.#place === undefined) await this.#find();
    for (;;) {
      signal.throwIfAborted();
      if (this.#end !== undefined) return { end: this.#end };
      if (isStopping()) return this.#ended("stopping");
      const place = this.#place ??= ring.end;
      if (comparePlaces(place, ring.floor) < 0) return this.#ended("behind");
      const events: BrainEvent[] = [];
      for (const { step, place: at } of ring.after(place, most)) {
        events.push(eventAt(step, at));
        this.#place = { seq: step.seq, sum: step.sum, place: at };
      }
      if (events.length > 0) return { events };
      await more(signal);
    }
  }

  #ended(reason: EndReason): Told {
    this.#end = reason;
    return { end: reason };
  }

  /** Where the event stands that was seen last: in what is held, or in the files of earlier runs. */
  async #find(): Promise<void> {
    if (this.#after === undefined) return;
    const { ring, fill } = this.#options;
    const place = placeOf(this.#after);
    if (place === undefined) this.#end = "unknown";
    else {
      if (!ring.has(place) && comparePlaces(place, ring.floor) <= 0) await fill();
      if (ring.has(place)) this.#place = place;
      else this.#end = "unknown";
    }
  }
}

function eventAt(step: Step, place: number): BrainEvent {
  const id = idOf({ seq: step.seq, sum: step.sum, place });
  const type = step.types[place - 1], memoryId = step.memoryIds[place - 1] ?? null;
  if (type === undefined) throw new Error("Cannot tell an event: there is none at its place");
  const { counts } = step;
  return { id, type, memoryId, ...(type === "import.finished" && counts && { counts }) };
}
