/**
 * Volumes of a user that carry his label, whatever the record knows of them: they were set aside
 * once, and may have lost their claim in another way since.
 */
import type { Cluster } from "./cluster.ts";
import type { UserRecord } from "./record.ts";
import { namespaceOf } from "./user_id.ts";
import {
  claimRef,
  destroyVolume,
  findClaim,
  keepVolume,
  keptOf,
  type KeptVolume,
  listVolumes,
  releaseClaim,
} from "./volumes.ts";

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

/**
 * The claims that a restore replaced go before their time; what is on them stays until then. `change`
 * writes into the record, which names each volume before its claim goes.
 */
export async function setFormerAside(
  cluster: Cluster,
  record: UserRecord,
  change: (wanted: (record: UserRecord) => UserRecord) => Promise<unknown>,
): Promise<string | undefined> {
  let awaited: string | undefined;
  for (const { number, dropAt } of record.keptClaims) {
    const claim = await findClaim(cluster, record, number);
    const volume = claim === undefined ? undefined : await keepVolume(cluster, record, claim);
    if (volume !== undefined) await change((now) => keeping(now, { ...volume, dropAt }));
    if (claim !== undefined && !await releaseClaim(cluster, claim)) {
      awaited = "a former claim to be gone";
      continue;
    }
    await change((now) => ({
      ...now,
      keptClaims: now.keptClaims.filter((kept) => kept.number !== number),
    }));
  }
  return awaited;
}

function keeping(record: UserRecord, volume: UserRecord["keptVolumes"][number]): UserRecord {
  const others = record.keptVolumes.filter(({ uid }) => uid !== volume.uid);
  return { ...record, keptVolumes: [...others, volume] };
}
