/**
 * The claim in use, made as it is wanted. One who may have had data is never given an empty volume:
 * his claim is made anew with the volume that has it, or not at all.
 */
import { type Cluster, ClusterError } from "./cluster.ts";
import { ManagerError } from "./errors.ts";
import { type KubeObject, refOf } from "./kube_object.ts";
import { claimOver } from "./manifests.ts";
import { looseVolumes } from "./kept_volumes.ts";
import type { UserRecord } from "./record.ts";
import { findClaim, isBound, reserveVolume, type Volume } from "./volumes.ts";

/** What is still waited for; undefined: nothing is. */
export async function claimUp(
  cluster: Cluster,
  record: UserRecord,
  wanted: KubeObject,
): Promise<string | undefined> {
  const { volume } = record;
  const reserved = volume === null ? undefined : await reserveVolume(cluster, record, volume);
  const found = await findClaim(cluster, record, record.claim.number);
  if (found?.metadata.deletionTimestamp !== undefined) return "its former claim to be gone";
  if (found === undefined) {
    if (reserved === undefined || volume === null) return await emptyClaim(cluster, record, wanted);
    // No more than he was given: limits and quota are made for that, and a driver may give more.
    const bytes = Math.min(record.claim.storageBytes, volume.storageBytes);
    await claimWith(cluster, wanted, reserved, bytes);
    return "its volume to be bound";
  }
  if (reserved !== undefined) {
    const isBack = isBound(found) && found.spec.volumeName === reserved.metadata.name;
    if (!isBack) return "its volume to be bound";
  }
  // What is not bound yet cannot grow.
  if (isBound(found)) await cluster.apply(claimOver(wanted, found));
  return undefined;
}

async function claimWith(
  cluster: Cluster,
  wanted: KubeObject,
  { metadata: { name }, spec: { storageClassName = "", accessModes } }: Volume,
  bytes: number,
): Promise<void> {
  const spec = {
    ...specOf(wanted),
    volumeName: name,
    storageClassName,
    accessModes,
    resources: { requests: { storage: String(bytes) } },
  };
  try {
    // Created, not applied: what was applied once would have to be applied ever after.
    await cluster.create({ ...wanted, spec });
  } catch (error) {
    if (!(error instanceof ClusterError && error.fault === "already_exists")) throw error;
  }
}

/** A claim that is filled with what a snapshot holds; one that is there is left as it is. */
export async function createFrom(
  cluster: Cluster,
  claim: KubeObject,
  dataSource: Readonly<Record<string, string>>,
): Promise<void> {
  if (await cluster.get(refOf(claim)) !== undefined) return;
  // Created, not applied: what was applied once would have to be applied ever after.
  await cluster.create({ ...claim, spec: { ...specOf(claim), dataSource } });
}

async function emptyClaim(
  cluster: Cluster,
  record: UserRecord,
  wanted: KubeObject,
): Promise<undefined> {
  if (!isToBeFilled(record)) {
    // The record may have been read before the data was set aside.
    if ((await looseVolumes(cluster, record)).length > 0) {
      throw new ClusterError("unavailable", 0, "Changed", "a volume of this user is set aside");
    }
    requireNewcomer(record);
  }
  await cluster.apply(wanted);
}

/** A restore makes a claim of its own, beside whatever there is. */
function isToBeFilled({ operation, claim }: UserRecord): boolean {
  return operation?.verb === "restore" && operation.args["claim"] === claim.number;
}

/** No brain of his ever ran, as far as anybody knows. */
function requireNewcomer({ operation, lastOperation, lastBackup }: UserRecord): void {
  const neverRan = lastOperation === null ||
    (lastOperation.verb === "create" && lastOperation.outcome === "failed") ||
    // Deleted without a volume or a backup: nothing of him is anywhere.
    operation?.verb === "undelete" ||
    operation?.args["was_empty"] === true;
  if (neverRan && lastBackup === null) return;
  throw new ManagerError(
    "wrong_state",
    "Cannot bring his brain up: his claim is gone, and its volume with it; restore a backup",
  );
}

function specOf(object: KubeObject): Readonly<Record<string, unknown>> {
  const spec = object["spec"];
  return typeof spec === "object" && spec !== null ? { ...spec } : {};
}
