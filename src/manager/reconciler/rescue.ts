/**
 * Somebody deleted a user's namespace, or his claim. Our finalizer on the claim holds the data; here
 * it is taken to safety: the volume is kept, the record names it, and only then the claim is let go.
 * So are those that a restore replaced.
 */
import type { Cluster } from "../cluster.ts";
import { looseVolumes, setFormerAside } from "../kept_volumes.ts";
import {
  dropClaims,
  findNamespace,
  releaseRights,
  stopBrain,
  type WaitingFor,
} from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { findClaim, keepVolume, type KeptVolume, releaseClaim } from "../volumes.ts";

/**
 * Undefined: nothing of the kind happened. `note` writes the volume of the claim in use into the
 * record, `change` whatever else.
 */
export async function rescue(
  cluster: Cluster,
  record: UserRecord,
  note: (volume: KeptVolume) => Promise<void>,
  change: (wanted: (record: UserRecord) => UserRecord) => Promise<unknown>,
): Promise<WaitingFor> {
  const namespace = await findNamespace(cluster, record);
  const isGoing = namespace?.metadata.deletionTimestamp !== undefined;
  const claim = await findClaim(cluster, record, record.claim.number);
  const isClaimGoing = claim?.metadata.deletionTimestamp !== undefined;
  if (!isGoing && !isClaimGoing) {
    if (claim === undefined) await noteLoose(cluster, record, note);
    return undefined;
  }
  if (claim !== undefined) {
    const volume = await keepVolume(cluster, record, claim);
    if (volume !== undefined) await note(volume);
    // As long as a pod is on it, the claim stays; in a namespace that goes, they end by themselves.
    const awaited = isGoing ? undefined : await stopBrain(cluster, record);
    if (awaited !== undefined) return awaited;
    await releaseClaim(cluster, claim);
  }
  if (!isGoing) return "the deleted claim to be gone";
  const kept = [record.claim, ...record.keptClaims].map(({ number }) => number);
  const left = await setFormerAside(cluster, record, change) ??
    await dropClaims(cluster, record, kept) ??
    await findClaim(cluster, record, record.claim.number);
  if (left === undefined) await releaseRights(cluster, record);
  return "the deleted namespace to be gone";
}

/**
 * The claim went without us, and its volume was kept before: the record names it again. Not while
 * he is restored from a backup: that was asked for because it was lost.
 */
async function noteLoose(
  cluster: Cluster,
  record: UserRecord,
  note: (volume: KeptVolume) => Promise<void>,
): Promise<void> {
  if (record.volume !== null || record.operation?.verb === "restore") return;
  const [volume, ...others] = await looseVolumes(cluster, record);
  if (volume !== undefined && others.length === 0) await note(volume);
}
