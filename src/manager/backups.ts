/**
 * Backups of brains, kept in a sink that nobody has to trust: what lies there says how large it is,
 * and nothing else. One counts only after it was read back, decrypted and compared, so that what is
 * listed can be restored; and it is bound to its user, his life and its id, so that none can be put
 * in place of another.
 *
 * Throws `ManagerError` (`no_such_backup`, `backup_failed`) where trying again is of no use; the
 * ports' own errors where it may be of use (`SinkError` `unavailable`, `BrainAccessError` `away` and
 * `broken`), or the reason of `signal`.
 */
import type { BackupSink } from "./backup_sink.ts";
import type { BrainAccess, BrainAddress } from "./brain_access.ts";
import type { Clock } from "../clock.ts";
import type { UserRecord } from "./record.ts";

/** Whose backups. Those of a former user of the same name are another's. */
export type BackupOwner = Pick<UserRecord, "slug" | "life">;

export interface Backup {
  readonly id: string;
  /** RFC 3339: not earlier than what is in it. */
  readonly at: string;
  /** In the sink. */
  readonly bytes: number;
  readonly memories: number;
}

export interface BackupsOptions {
  readonly sink: BackupSink;
  readonly brains: Pick<BrainAccess, "export" | "stats">;
  /** 32 bytes each; the first is for new backups, the others for what they were used for. */
  readonly keys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly newId: () => string;
  readonly randomBytes: (bytes: number) => Uint8Array;
}

export class Backups {
  constructor(_options: BackupsOptions) {}

  /** With the `id` of one that is there already, that one: so a step can be run again. */
  create(
    _owner: BackupOwner,
    _address: BrainAddress,
    _signal: AbortSignal,
    _id?: string,
  ): Promise<Backup> {
    throw new Error("not yet");
  }

  /** Newest first. One whose manifest is damaged is left out, and `damaged` counts it. */
  list(
    _owner: BackupOwner,
    _signal: AbortSignal,
  ): Promise<{ readonly backups: readonly Backup[]; readonly damaged: number }> {
    throw new Error("not yet");
  }

  /**
   * The memories as NDJSON, for `BrainAccess.import`. Only what ends without an error was whole:
   * who takes it must not keep a part.
   */
  read(_owner: BackupOwner, _id: string, _signal: AbortSignal): AsyncIterable<Uint8Array> {
    throw new Error("not yet");
  }

  /** Reads and compares all of it. */
  verify(_owner: BackupOwner, _id: string, _signal: AbortSignal): Promise<Backup> {
    throw new Error("not yet");
  }

  /** What is gone already is fine. */
  delete(_owner: BackupOwner, _id: string, _signal: AbortSignal): Promise<void> {
    throw new Error("not yet");
  }

  /** Keeps the newest `keep` (at least one), and removes what never became a backup. */
  prune(_owner: BackupOwner, _keep: number, _signal: AbortSignal): Promise<{ removed: number }> {
    throw new Error("not yet");
  }

  /** Also what cannot be read: nothing of this life stays. */
  deleteAll(_owner: BackupOwner, _signal: AbortSignal): Promise<void> {
    throw new Error("not yet");
  }
}
