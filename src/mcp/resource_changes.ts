/**
 * Tells clients of the newer era, which listen by `subscriptions/listen`, which resources are
 * others by now. Nothing is followed while nobody listens; each resource is told at most once a
 * second, however often it changes.
 */
import type { ServerEvent, ServerEventBus } from "@modelcontextprotocol/server";
import type { Clock } from "../clock.ts";
import { orAborted } from "../deadline.ts";
import type { EventFeed, Told } from "../events.ts";
import { Pace } from "../pace.ts";
import { memoryUri, RECENT_URI, STATS_URI } from "./resources.ts";

const EVENTS_AT_ONCE = 1_000;
const TOLD_EVERY_MS = 1_000;

export interface ResourceChangesOptions {
  readonly events: EventFeed;
  readonly clock: Clock;
  /** Called when nothing will be told any more: the brain is stopping. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
}

export class ResourceChanges implements ServerEventBus {
  readonly #options: ResourceChangesOptions;
  readonly #listeners = new Set<(event: ServerEvent) => void>();
  #following: AbortController | undefined;

  constructor(options: ResourceChangesOptions) {
    this.#options = options;
  }

  publish(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  subscribe(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    this.#following ??= this.#follow();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#following?.abort();
      this.#following = undefined;
    };
  }

  #follow(): AbortController {
    const following = new AbortController();
    const { signal } = following;
    this.#tell(signal).catch((error) => {
      if (!signal.aborted) this.#options.failed(error);
    });
    return following;
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const { events, ended } = this.#options;
    let listener = events.listen();
    while (!signal.aborted) {
      const told = await listener.next(EVENTS_AT_ONCE, signal);
      if ("end" in told && told.end === "stopping") return ended();
      // What was missed is not known one by one: the lists are told, and it goes on from now.
      if ("end" in told) listener = events.listen();
      await this.#publishAll(urisOf(told));
      await this.#rest(signal);
    }
  }

  async #publishAll(uris: Iterable<string>): Promise<void> {
    const pace = new Pace();
    for (const uri of uris) {
      this.publish({ kind: "resource_updated", uri });
      if (pace.due) await pace.breathe();
    }
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const rested = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(TOLD_EVERY_MS, rested.resolve);
    try {
      await orAborted(signal, () => rested.promise);
    } finally {
      timer.cancel();
    }
  }
}

function urisOf(told: Told): Set<string> {
  const uris = new Set([RECENT_URI, STATS_URI]);
  if ("end" in told) return uris;
  if (told.events.every(({ type }) => type === "memory.embedded")) return new Set([STATS_URI]);
  for (const { memoryId, type } of told.events) {
    if (memoryId !== null && type !== "memory.embedded") uris.add(memoryUri(memoryId));
  }
  return uris;
}
