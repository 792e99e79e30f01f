/** Listeners over a store on a simulated disk: what each was told so far, and how to hear the rest. */
import assert from "node:assert/strict";
import { type BrainEvent, type EndReason, Events, type Listener } from "../../src/events.ts";
import type { SimulatedDisk, SimulatedOptions } from "./file_system.ts";
import { drain, type FakeClock } from "./indexing.ts";
import { type Opened, simulated } from "./store_kit.ts";

export interface Life extends Opened {
  readonly events: Events;
}

/** A store, its state, and who tells what happens to it. */
export async function begin(
  disk?: SimulatedDisk,
  clock?: FakeClock,
  { most, ...options }: SimulatedOptions & { readonly most?: number } = {},
): Promise<Life> {
  const opened = simulated(disk, options, clock);
  const log = (event: string, detail: Record<string, string | number>) => {
    opened.log.push({ event, detail });
  };
  const events = new Events({ store: opened.store, log, ...(most !== undefined && { most }) });
  opened.recovery = await opened.store.open(opened.state, events);
  return { ...opened, events };
}

/** All that a listener is told before it would have to wait. */
export async function heard(
  listener: Listener,
  most = 100,
): Promise<{ events: BrainEvent[]; end?: EndReason }> {
  const events: BrainEvent[] = [];
  for (;;) {
    const stop = new AbortController();
    const next = listener.next(most, stop.signal), drained = drain().then(() => undefined);
    const told = await Promise.race([next, drained]);
    await drained;
    if (told === undefined) {
      stop.abort();
      const late = await next.catch(() => undefined);
      if (late === undefined) return { events };
      if ("end" in late) return { events, end: late.end };
      events.push(...late.events);
    } else if ("end" in told) return { events, end: told.end };
    else events.push(...told.events);
  }
}

/** As few words as tell events apart: of memories the last digits of their ids. */
export function inWords({ type, memoryId, counts }: Omit<BrainEvent, "id">): string {
  const whom = memoryId === null ? "" : ` ${Number(memoryId.slice(-12))}`;
  return `${type}${whom}${counts === undefined ? "" : ` ${counts.created}+${counts.updated}`}`;
}

/** The same in words, with the end, if there is one. */
export async function wordsOf(listener: Listener): Promise<string[]> {
  const { events, end } = await heard(listener);
  return [...events.map(inWords), ...end === undefined ? [] : [end]];
}

export function last(events: readonly BrainEvent[]): string {
  return events.at(-1)?.id ?? assert.fail("nothing was told");
}
