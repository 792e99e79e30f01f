/**
 * What a user's data lay on before a restore, and what one did not come to fill: gone once its time
 * is over. What somebody uses again stays, and is his to look after.
 */
import { claimName } from "../manifests.ts";
import type { WaitingFor } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";
import { destroyVolume, dropClaim, findClaim, findKept, listClaims } from "../volumes.ts";
import { dueClaims, dueVolumes } from "./due.ts";
import { isTimeSure, type TimeMeans } from "./server_clock.ts";

export interface FormerMeans extends TimeMeans {
  readonly register: Register;
}

export async function withoutFormer(means: FormerMeans, record: UserRecord): Promise<WaitingFor> {
  const now = means.clock.now();
  const isNone = dueClaims(record, now).length === 0 && dueVolumes(record, now).length === 0;
  const isSure = isNone || await isTimeSure(means);
  const awaited = isSure
    ? await withoutDueClaims(means, record, now) ?? await withoutDueVolumes(means, record, now)
    : undefined;
  return awaited ?? await withoutStrayClaims(means, record);
}

async function withoutDueClaims(
  means: FormerMeans,
  record: UserRecord,
  now: number,
): Promise<WaitingFor> {
  for (const number of dueClaims(record, now)) {
    const claim = await findClaim(means.cluster, record, number);
    if (claim !== undefined && !await dropClaim(means.cluster, record, claim)) {
      return "a former claim to be gone";
    }
    await means.register.change(record, (changed) => ({
      ...changed,
      keptClaims: changed.keptClaims.filter((kept) => kept.number !== number),
    }));
    means.log("info", "former_claim_dropped", { slug: record.slug, number });
  }
  return undefined;
}

async function withoutDueVolumes(
  means: FormerMeans,
  record: UserRecord,
  now: number,
): Promise<WaitingFor> {
  const { cluster, log } = means;
  for (const due of dueVolumes(record, now)) {
    const isUsed = (await findKept(cluster, due))?.status?.phase === "Bound";
    if (!isUsed && !await destroyVolume(cluster, record, due)) return "a former volume to be gone";
    await means.register.change(record, (changed) => ({
      ...changed,
      keptVolumes: changed.keptVolumes.filter(({ uid }) => uid !== due.uid),
    }));
    const event = isUsed ? "former_volume_left" : "former_volume_destroyed";
    log("info", event, { slug: record.slug, volume: due.name });
  }
  return undefined;
}

/**
 * Of a restore that failed, and could not put back everything. The record is read after the claims
 * were: a restore that is begun since takes a number above all of them.
 */
async function withoutStrayClaims(
  { cluster, register, log }: FormerMeans,
  { slug, life, lastOperation, ...record }: UserRecord,
): Promise<WaitingFor> {
  if (lastOperation?.verb !== "restore" || lastOperation.outcome !== "failed") return undefined;
  const claims = await listClaims(cluster, { ...record, slug, life, lastOperation });
  const now = (await register.get(slug))?.record;
  if (now?.life !== life || now.operation !== null || now.state === "deleted") return undefined;
  const named = new Set([now.claim, ...now.keptClaims].map(({ number }) => claimName(number)));
  for (const claim of claims) {
    const { name } = claim.metadata;
    if (!/^data-\d+$/.test(name) || named.has(name)) continue;
    if (!await dropClaim(cluster, now, claim)) return "a claim of a failed restore to be gone";
    log("info", "stray_claim_dropped", { slug, claim: name });
  }
  return undefined;
}
