/**
 * One look at one user: an operation that is under way is carried on, and else what is there is
 * made what is wanted, and what has become due is done. It can be cut off anywhere.
 */
import { type Clock, timestamp } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { BrainManager } from "../brain_manager.ts";
import { type Cluster, ClusterError } from "../cluster.ts";
import { bringUp, findNamespace, movePod, type WaitingFor } from "../namespaces.ts";
import type { Operations } from "../operations.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";
import type { Settings } from "../settings.ts";
import type { KeptVolume } from "../volumes.ts";
import { drifted, straightened } from "./drift.ts";
import { isBackupDue, isPreviousKeyOver, isPurgeDue } from "./due.ts";
import type { BackupGate } from "./backup_gate.ts";
import { withoutFormer } from "./former.ts";
import { rescue } from "./rescue.ts";
import { isTimeSure } from "./server_clock.ts";

export interface LookMeans {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly operations: Operations;
  readonly manager: Pick<BrainManager, "backupUser" | "purgeUser">;
  readonly settings: Pick<Settings, "managerNamespace">;
  readonly clock: Clock;
  readonly log: Log;
  readonly backups: BackupGate;
  readonly seen: (slug: string, record: UserRecord | undefined) => void;
  readonly repaired: () => void;
  /** Look again after so long, whatever this look says. */
  readonly again: (slug: string, afterMs: number) => void;
}

const AFTER_LEASE_MS = 1_000;

/** Gives what is still waited for; throws what went wrong. */
export async function look(means: LookMeans, slug: string): Promise<WaitingFor> {
  const record = (await means.register.get(slug))?.record;
  means.seen(slug, record);
  if (record === undefined) return undefined;
  if (record.operation !== null) return await underWay(means, record);
  if (record.state === "deleted") {
    if (isPurgeDue(record, means.clock.now())) await purge(means, record);
    return undefined;
  }
  const awaited = await saved(means, record);
  if (awaited !== undefined) return awaited;
  try {
    return await repaired(means, record) ?? await withoutFormer(means, record);
  } finally {
    // What cannot be put right holds up no backup, and keeps no former key alive.
    await due(means, record);
  }
}

/**
 * Nobody asked for it at this moment, so it needs more than a record: that may be an old one, put back
 * since he was undeleted. A purge that somebody began before is gone on with.
 */
async function purge(means: LookMeans, record: UserRecord): Promise<void> {
  const { cluster, manager, log } = means;
  const isBegun = record.lastOperation?.verb === "purge";
  if (!isBegun && await findNamespace(cluster, record) !== undefined) {
    log("warn", "purge_held_back", { slug: record.slug, reason: "he has a namespace" });
    return;
  }
  if (await isTimeSure(means)) await manager.purgeUser(record.userId);
}

async function underWay(means: LookMeans, record: UserRecord): Promise<WaitingFor> {
  const { operation, slug } = record;
  const isEnding = operation !== null && means.operations.takesApart(operation);
  const awaited = isEnding ? undefined : await saved(means, record);
  // Over when the operation is: nobody waits for that here.
  void means.operations.run(slug);
  const heldMs = means.operations.heldMs(record);
  if (heldMs > 0) means.again(slug, heldMs + AFTER_LEASE_MS);
  return awaited;
}

async function saved(means: LookMeans, record: UserRecord): Promise<WaitingFor> {
  const note = async (volume: KeptVolume) => {
    await means.register.change(record, (now) => {
      if (now.claim.number === record.claim.number) return { ...now, volume };
      throw new ClusterError("unavailable", 0, "Changed", "another claim is in use by now");
    });
    means.log("warn", "volume_set_aside", { slug: record.slug, volume: volume.name });
  };
  try {
    return await rescue(
      means.cluster,
      record,
      note,
      (wanted) => means.register.change(record, wanted),
    );
  } catch (error) {
    if (!(error instanceof ClusterError && error.fault === "forbidden")) throw error;
    const awaited = await readmission(means, record);
    if (awaited === undefined) throw error;
    return awaited;
  }
}

/** Where the manager has no rights, and so could do nothing, it gives them to itself once more. */
async function readmission(means: LookMeans, record: UserRecord): Promise<WaitingFor> {
  const { cluster, operations } = means;
  const namespace = await findNamespace(cluster, record);
  // In one that is not his there are none to be given.
  if (namespace === undefined) return undefined;
  if (namespace.metadata.deletionTimestamp !== undefined) return "the deleted namespace to be gone";
  const wanted = operations.wantedObjects(record, await operations.capabilities());
  for (const object of wanted) if (object.kind === "RoleBinding") await cluster.apply(object);
  return "the manager's rights to be in force";
}

async function repaired(means: LookMeans, record: UserRecord): Promise<WaitingFor> {
  const { cluster, operations, register, log } = means;
  const wanted = operations.wantedObjects(record, await operations.capabilities());
  const different = await drifted(cluster, record, wanted);
  if (different.length > 0) {
    const now = (await register.get(record.slug))?.record;
    // Something was begun since: what was wanted then may not be wanted any more.
    if (now === undefined || now.operation !== null || now.generation !== record.generation) {
      return "what is wanted to stand still";
    }
    const makeKey = async () => {
      await ensureKey(means, record);
    };
    await straightened(cluster, record, different);
    const awaited = await bringUp(cluster, record, different, makeKey);
    if (awaited !== undefined) return awaited;
    means.repaired();
    const kinds = different.map(({ kind }) => kind).join(" ");
    log("warn", "drift_repaired", { slug: record.slug, kinds });
  }
  await ensureKey(means, record);
  if (record.volume !== null) {
    await means.register.change(record, (now) => ({ ...now, volume: null }));
  }
  return await movePod(cluster, record);
}

async function ensureKey({ operations, log }: LookMeans, record: UserRecord): Promise<void> {
  const isNew = await operations.ensureKey(record, `reconciler-${record.generation}`);
  if (isNew) log("warn", "key_made_anew", { slug: record.slug });
}

async function due(means: LookMeans, record: UserRecord): Promise<void> {
  const now = means.clock.now();
  if (isPreviousKeyOver(record, now)) await withoutPreviousKey(means, record);
  if (isBackupDue(record, now)) await means.backups.begin(record);
}

/** The key first: while the record still names a time, it is looked at again. */
async function withoutPreviousKey(means: LookMeans, record: UserRecord): Promise<void> {
  await means.operations.dropPreviousKey(record);
  await means.register.change(
    record,
    (now) =>
      now.previousKeyUntil === record.previousKeyUntil ? { ...now, previousKeyUntil: null } : now,
  );
  means.log("info", "previous_key_dropped", { slug: record.slug, at: timestamp(means.clock) });
}
