/**
 * Volumes of a user that carry his label, whatever the record knows of them: they were set aside
 * once, and may have lost their claim in another way since.
 */
import type { Cluster } from "./cluster.ts";
import type { UserRecord } from "./record.ts";
import { namespaceOf } from "./user_id.ts";
import { claimRef, destroyVolume, keptOf, type KeptVolume, listVolumes } from "./volumes.ts";

/**
 * Volumes that were set aside from the claim in use, while there is no such claim. More than one:
 * nobody can tell which has his data.
 */
export async function looseVolumes(cluster: Cluster, record: UserRecord): Promise<KeptVolume[]> {
  const { namespace, name } = claimRef(record, record.claim.number);
  const loose = (await listVolumes(cluster, record)).filter(({ metadata, spec }) =>
    metadata.deletionTimestamp === undefined && spec.persistentVolumeReclaimPolicy === "Retain" &&
    spec.claimRef?.namespace === namespace && spec.claimRef?.name === name
  );
  return loose.map(keptOf);
}

/** True once no volume of this life is left. Only once no claim of his is. */
export async function destroyVolumes(cluster: Cluster, record: UserRecord): Promise<boolean> {
  let areGone = true;
  const namespace = namespaceOf(record.slug);
  for (const volume of await listVolumes(cluster, record)) {
    // The label says whose it is; that nobody else has it since, what it is bound to.
    if ((volume.spec.claimRef?.namespace ?? namespace) !== namespace) continue;
    areGone = await destroyVolume(cluster, record, keptOf(volume)) && areGone;
  }
  return areGone;
}
