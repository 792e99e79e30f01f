/** What is kept of a user beside his volume: looked at, and taken away. */
import type { Backup, Backups } from "../backups.ts";
import type { Cluster } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import {
  deleteSnapshot,
  isSnapshotId,
  listSnapshots,
  type Operations,
  type Snapshot,
} from "../operations.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";

export interface KeptMeans {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly operations: Pick<Operations, "capabilities">;
  readonly backups: Backups;
}

export interface BackupList {
  /** Newest first. */
  readonly backups: readonly Backup[];
  readonly snapshots: readonly Snapshot[];
  /** How many cannot be read. */
  readonly damaged: number;
  /** The last one that was made, where it is not among them: the sink has lost it, or its right. */
  readonly missing: string | null;
}

export async function listBackups(
  means: KeptMeans,
  record: UserRecord,
  signal: AbortSignal,
): Promise<BackupList> {
  const { cluster, operations } = means;
  const { backups, damaged } = await means.backups.list(record, signal);
  const last = record.lastBackup?.id;
  const isMissing = last !== undefined && backups.every(({ id }) => id !== last);
  const capabilities = await operations.capabilities();
  return {
    backups,
    snapshots: await listSnapshots({ cluster, capabilities, record }),
    damaged,
    missing: isMissing ? last : null,
  };
}

/** Throws `no_such_backup`, and `operation_under_way` for one that is being restored. */
export async function deleteBackup(
  means: KeptMeans,
  record: UserRecord,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { operation } = record;
  if (operation?.verb === "restore" && operation.args["backup"] === id) {
    throw new ManagerError(
      "operation_under_way",
      "Cannot delete the backup: it is being restored",
      { retryAfterS: 10 },
    );
  }
  const isGone = isSnapshotId(id)
    ? await withoutSnapshot(means, record, id)
    : await withoutExport(means, record, id, signal);
  if (isGone) return;
  throw new ManagerError(
    "no_such_backup",
    "Cannot delete the backup: the user has none of this id",
  );
}

async function withoutSnapshot(
  { cluster, operations }: KeptMeans,
  record: UserRecord,
  id: string,
): Promise<boolean> {
  return await deleteSnapshot(
    { cluster, capabilities: await operations.capabilities(), record },
    id,
  );
}

/** The last one is then the newest that is left: what is due is told by it. */
async function withoutExport(
  means: KeptMeans,
  record: UserRecord,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const wasThere = await means.backups.delete(record, id, signal);
  if (record.lastBackup?.id !== id) return wasThere;
  const [newest = null] = (await means.backups.list(record, signal)).backups;
  await means.register.change(
    record,
    (now) => now.lastBackup?.id === id ? { ...now, lastBackup: newest } : now,
  );
  return true;
}
