/**
 * Port: the durable, ordered history of changes. A change that was accepted is on disk before it
 * is applied to the state, and applied before the caller is told: what can be read is durable.
 */
import type { Place, Position, Step, Stretch } from "./history.ts";
import type { Change, Entry, Receipt } from "./memory.ts";

/** The in-memory truth as the store sees it: fed by replay and by every durable change. */
export interface DurableState {
  apply(change: Change): void;
  /** In the order of insertion. May be walked while changes are applied. */
  entries(): Iterable<Entry>;
  /** Those that are still honoured at the given time (RFC 3339). */
  receipts(at: string): Iterable<Receipt>;
  /** Memories whose `embedded` is yet to come. May be walked while changes are applied. */
  unembedded(): Iterable<string>;
}

/**
 * Is told what happened in the order of history, once it is durable and applied. Nothing that is
 * replayed is told again.
 */
export interface HistoryFollower {
  /** The last that was told before the start, or a place behind it. */
  begun(at: Place): void;
  happened(step: Step): void;
  /** An import is durable and is being applied: what it tells comes with its end, in this place. */
  committed(at: Position): void;
  ended(step: Step): void;
}

/** What opening a store found. */
export interface Recovery {
  /** `degraded`: now or before, some bytes could not be used; everything that could be was loaded. */
  readonly integrity: "ok" | "degraded";
  readonly notes: readonly RecoveryNote[];
}

/** One oddity met while opening; file names are relative to the data folder. */
export interface RecoveryNote {
  readonly kind: "torn_tail" | "damage" | "hand_edited" | "rolled_back_import";
  readonly file: string;
  readonly detail: string;
  /** Where the refused bytes were kept, if any were. */
  readonly quarantine?: string;
}

/** Something that could not be used, which no person has acknowledged yet. */
export interface Damage {
  /** Relative to the data folder, as is `quarantine`. */
  readonly file: string;
  readonly detail: string;
  /** Where the refused bytes are kept; null where there were none, such as for a missing file. */
  readonly quarantine: string | null;
  /** When it was met, RFC 3339. */
  readonly at: string;
}

/**
 * - `slow`: the disk has been at one write for more than five seconds.
 * - `low`: less is free than is wanted: nothing that grows is taken, deletes are.
 * - `full`: the disk refused a write for want of room: the same, until there is room again.
 * - `failed`: it did not do what it was told: read-only until the store has healed itself.
 * - `lost`: the data folder was removed or replaced: read-only until the next start.
 */
export type DiskCondition = "ok" | "slow" | "low" | "full" | "failed" | "lost";

export interface StoreStatus {
  /** `read_only` also after damage, where that is the policy. */
  readonly mode: "ok" | "read_only";
  readonly disk: DiskCondition;
  /** True where healing has failed for so long that only a new start may help. */
  readonly isStuck: boolean;
  readonly integrity: "ok" | "degraded";
  /** Newest first, at most 100; there is some where integrity is `degraded`. */
  readonly damage: readonly Damage[];
  readonly memoriesBytes: number;
  readonly journalBytes: number;
  /** Changes waiting for the disk. */
  readonly queued: number;
}

export interface Store {
  /** Takes the data folder, replays history into the state, and is then ready for `append`. */
  open(state: DurableState, follower?: HistoryFollower): Promise<Recovery>;
  /**
   * What happened before the start, up to where `begun` was told: at least the latest so many events,
   * as far back as files are there and whole. Undefined where nothing is known of it.
   */
  earlier(most: number): Promise<Stretch | undefined>;
  /**
   * Resolves when the change is on disk and applied. Throws `overloaded` or
   * `insufficient_storage`: nothing happened; `storage_failed`: unknown; `read_only`: refused.
   */
  append(change: Change): Promise<void>;
  /** Throws as `append` would now of a change that grows what is kept; for those who must ask first. */
  requireGrowth(): void;
  /** Starts a unit of many changes; only one at a time (`conflict`). */
  beginImport(): Promise<StagedImport>;
  /** Says that a person has seen all damage: it is kept as evidence, and counts no more. */
  acknowledgeDamage(): Promise<void>;
  /** Writes the whole state as a fresh snapshot and lets go of history before the last one. */
  compact(): Promise<void>;
  status(): StoreStatus;
  /** Writes what is queued, then a last snapshot, then lets go of the folder. */
  close(): Promise<void>;
}

/**
 * Many changes, one unit: after a crash, all of them or none. The store does not apply them: the
 * caller does, in its own slices, after `commit` and before `finish`.
 */
export interface StagedImport {
  stage(changes: readonly Change[]): Promise<void>;
  /** From here on the import survives a crash. */
  commit(): Promise<void>;
  /** Ends the unit, committed or not: what was staged without a commit never was. */
  finish(): void;
}

/**
 * Why a store could not be opened; no file of data was changed.
 * - `locked`: another process holds the folder.
 * - `unreadable`: data files exist, and nothing in them can be used, or not all of it and the
 *   policy is to refuse that.
 * - `newer`: a file was written by a later version of this program.
 * - `no_access`: the folder cannot be created, read or written.
 */
export type OpenFault = "locked" | "unreadable" | "newer" | "no_access" | "failed";

export class StoreOpenError extends Error {
  override readonly name = "StoreOpenError";
  readonly fault: OpenFault;

  constructor(fault: OpenFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}
