/**
 * What happened to the memories, told in the order of history to whoever listens.
 *
 * Promises: an event is told only after what it tells of is durable, and can be read; each once to
 * a listener, in one order, the journal's, which is the same for all and the same after a restart.
 * Who comes back with the id of the last event that he saw gets what he missed, or is told that it
 * is not held any more and that he must list anew. A listener pulls, so nothing is kept for the
 * slow: who falls behind what is held is told so.
 */
export const EVENT_TYPES = [
  "memory.created",
  "memory.updated",
  "memory.deleted",
  "memory.embedded",
  "import.finished",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** One step of history. It names the memory; what that is by now, the state says. */
export interface BrainEvent {
  /**
   * Its place in the journal and what stands there, so that another history is not taken for this
   * one: `<sequence number>.<place>.<checksum>`, such as `1184.0.8c736521`.
   */
  readonly id: string;
  readonly type: EventType;
  /** Null for what is of no single memory. */
  readonly memoryId: string | null;
  /** Of an import: how many memories it made, and how many it changed. */
  readonly counts?: { readonly created: number; readonly updated: number };
}

/**
 * Why a listener gets nothing more.
 * - `unknown`: what was seen last is none of this history's, or not held any more.
 * - `behind`: so much happened that what comes next is not held any more.
 * - `stopping`: the brain is stopped.
 */
export type EndReason = "unknown" | "behind" | "stopping";

export type Told =
  | { readonly events: readonly BrainEvent[] }
  | { readonly end: EndReason };

/** One listener's place in history. */
export interface Listener {
  /** The id of the last event before what comes next; null where nothing ever happened. */
  readonly position: string | null;
  /**
   * Resolves with the next events, at most so many, as soon as there is one; after an `end` with
   * that again. Only one call at a time. Rejects with the signal's reason where that comes first.
   */
  next(most: number, signal: AbortSignal): Promise<Told>;
}

export interface EventFeed {
  /** From now on, or from behind the event of this id. */
  listen(after?: string): Listener;
}
