/** What a listener is told, and how he asks for it. */
import type { EventType, ImportCounts } from "../history.ts";

/** One step of history. It names the memory; what that is by now, the state says. */
export interface BrainEvent {
  /**
   * Its place in the journal, and what tells this history from another's, such as that of a backup
   * that was put in its place: `<sequence number>.<place>.<checksum>`, such as `1184.1.8c736521`. To
   * others it is a name.
   */
  readonly id: string;
  readonly type: EventType;
  /** Null for what is of no single memory. */
  readonly memoryId: string | null;
  /** Of an import: how many memories it made, and how many it changed. */
  readonly counts?: ImportCounts;
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
  /**
   * The id of the last event before what comes next, or of a place where there is none: to listen
   * behind it brings what comes next. Null only before anything is loaded.
   */
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
