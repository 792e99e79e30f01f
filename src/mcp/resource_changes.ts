/**
 * Tells clients of the newer era, which listen by `subscriptions/listen`, which resources are
 * others by now. Nothing is followed while nobody listens; each resource is told at most once a
 * second, however often it changes.
 */
import type { ServerEvent, ServerEventBus } from "@modelcontextprotocol/server";
import type { Clock } from "../clock.ts";
import { orAborted } from "../deadline.ts";
import type { BrainEvent, EndReason, EventFeed, Listener, Told } from "../events.ts";
import { Pace } from "../pace.ts";
import { memoryUri, RECENT_URI, STATS_URI } from "./resources.ts";

const EVENTS_AT_ONCE = 1_000;
/** Of more changes than that the first are told before the rest is looked at. */
const RESOURCES_AT_ONCE = 100_000;
const TOLD_EVERY_MS = 1_000;

export interface ResourceChangesOptions {
  readonly events: EventFeed;
  readonly clock: Clock;
  /** Called when nothing will be told any more: the brain is stopping. */
  readonly ended: () => void;
  /** Called when some of it cannot be told: whoever listens must read anew, and may go on then. */
  readonly interrupted: () => void;
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
    this.#run(signal).catch((error) => {
      // Where it was aborted, nobody listens any more.
      if (!signal.aborted) this.#options.failed(error);
    });
    return following;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { ended, failed, interrupted } = this.#options;
    try {
      if (await this.#tell(signal) === "stopping") return ended();
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
    }
    // Whoever begins to listen just now is among them, and nobody is back at once.
    await this.#rest(signal);
    this.#following = undefined;
    interrupted();
  }

  /** Until nothing more can be told. */
  async #tell(signal: AbortSignal): Promise<EndReason> {
    const listener = this.#options.events.listen();
    for (;;) {
      const changed = await this.#changed(listener, signal);
      if (typeof changed === "string") return changed;
      await this.#publishAll(changed);
      await this.#rest(signal);
    }
  }

  /** Which resources are others by now, or why that is not known. */
  async #changed(listener: Listener, signal: AbortSignal): Promise<Set<string> | EndReason> {
    const uris = new Set<string>();
    let told = await listener.next(EVENTS_AT_ONCE, signal);
    while ("events" in told) {
      for (const uri of urisOf(told.events)) uris.add(uri);
      const isAll = told.events.length < EVENTS_AT_ONCE;
      if (isAll || uris.size >= RESOURCES_AT_ONCE) return uris;
      told = await this.#nextSoon(listener, signal);
    }
    return told.end;
  }

  /** What has happened already, and nothing that comes much later. */
  async #nextSoon(listener: Listener, signal: AbortSignal): Promise<Told> {
    const late = new AbortController();
    const timer = this.#options.clock.after(TOLD_EVERY_MS, () => late.abort());
    try {
      return await listener.next(EVENTS_AT_ONCE, AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (signal.aborted || !late.signal.aborted) throw error;
      return { events: [] };
    } finally {
      timer.cancel();
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

function urisOf(events: readonly BrainEvent[]): Set<string> {
  if (events.every(({ type }) => type === "memory.embedded")) return new Set([STATS_URI]);
  const uris = new Set([RECENT_URI, STATS_URI]);
  for (const { memoryId, type } of events) {
    if (memoryId !== null && type !== "memory.embedded") uris.add(memoryUri(memoryId));
  }
  return uris;
}
