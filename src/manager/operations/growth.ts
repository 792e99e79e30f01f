/** A volume that grows: it never shrinks, cannot everywhere, and takes its time. */
import { z } from "zod";
import type { KubeObject } from "../kube_object.ts";
import { ManagerError } from "../errors.ts";
import { bytesOf, claimOver } from "../manifests.ts";
import { stopBrain } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { type TierName, TIERS } from "../tiers.ts";
import { type Claim, claimRef, findClaim, isBound, releaseClaim } from "../volumes.ts";
import { outcomeOf, type Preparation, type StepContext, type StepOutcome } from "./step.ts";

const claimSchema = z.looseObject({
  spec: z.looseObject({
    resources: z.looseObject({ requests: z.record(z.string(), z.string()).optional() }).optional(),
  }),
  status: z.looseObject({
    capacity: z.record(z.string(), z.string()).optional(),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).nullish(),
  }).optional(),
});

function requestedBytes(claim: KubeObject): number {
  return bytesOf(claimSchema.parse(claim).spec.resources?.requests?.["storage"] ?? "0");
}

function capacityBytes(claim: KubeObject): number {
  return bytesOf(claimSchema.parse(claim).status?.capacity?.["storage"] ?? "0");
}

/** Its volume has grown, and its file system will once a pod mounts it. */
function waitsForPod(claim: KubeObject): boolean {
  return claimSchema.parse(claim).status?.conditions?.some(({ type, status }) =>
    type === "FileSystemResizePending" && status === "True"
  ) ?? false;
}

/** The claim that a record with this tier wants. */
function wantedClaim(context: Pick<Preparation, "wantedObjects">, record: UserRecord): KubeObject {
  const { kind, name } = claimRef(record, record.claim.number);
  const found = context.wantedObjects(record)
    .find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error("The manifests have no claim");
  return found;
}

function largerFor(record: UserRecord, tier: TierName): UserRecord {
  const storageBytes = Math.max(record.claim.storageBytes, TIERS[tier].storageBytes);
  return { ...record, tier, claim: { ...record.claim, storageBytes } };
}

export async function growVolume(context: StepContext, tier: TierName): Promise<StepOutcome> {
  const { cluster, record } = context;
  const larger = largerFor(record, tier);
  const wanted = wantedClaim(context, larger);
  const claim = await findClaim(cluster, record, record.claim.number);
  // Made in its new size with all the rest, where it is not there.
  const isSmall = claim !== undefined && requestedBytes(claim) < requestedBytes(wanted);
  if (isSmall && !isBound(claim)) return await unbound(context, claim);
  if (isSmall) await cluster.apply(claimOver(wanted, claim));
  await context.update((changed) => ({
    ...changed,
    claim: { ...changed.claim, storageBytes: larger.claim.storageBytes },
  }));
  return "done";
}

/** One that names a volume has data: what is not bound there is only just being bound, or lost. */
async function unbound(context: StepContext, claim: Claim): Promise<StepOutcome> {
  if (claim.spec.volumeName === undefined) return await removeEmpty(context, claim);
  if (claim.status?.phase !== "Lost") return outcomeOf("its volume to be bound");
  throw new ManagerError(
    "wrong_state",
    "Cannot grow the volume: it is gone, and his claim is left; restore a backup",
  );
}

/**
 * A claim that was never bound cannot grow, and holds nothing: it is made anew. Only once no pod is
 * there that could have it bound meanwhile and write.
 */
async function removeEmpty(context: StepContext, claim: Claim): Promise<StepOutcome> {
  const { cluster, record } = context;
  const awaited = await stopBrain(cluster, record);
  if (awaited !== undefined) return outcomeOf(awaited);
  const now = await findClaim(cluster, record, record.claim.number);
  const isSame = now?.metadata.uid === claim.metadata.uid;
  if (now === undefined || !isSame || now.spec.volumeName !== undefined) {
    return outcomeOf("its claim to come to rest");
  }
  await context.remember({ was_empty: true });
  await releaseClaim(cluster, now);
  return outcomeOf("its empty claim to be gone");
}

/**
 * What the volume still waits for; undefined: it has the room that the tier promises. More may have
 * been asked of it for another tier, and may never come.
 */
export async function growthAwaited({ cluster, record }: StepContext): Promise<string | undefined> {
  const claim = await findClaim(cluster, record, record.claim.number);
  if (claim === undefined) return "its claim to be made";
  if (capacityBytes(claim) >= TIERS[record.tier].storageBytes) return undefined;
  if (record.state !== "active" && (waitsForPod(claim) || !isBound(claim))) return undefined;
  return "its volume to grow";
}
