/**
 * Snapshots of volumes, where the cluster can make them: quick, and as the disk was at that moment,
 * which a brain starts from as after a power cut. They lie where the volume lies, so no tier's plan
 * is made of them; what they hold outlives the namespace (deletion policy `Retain`).
 */
import { z } from "zod";
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import { type KubeObject, kubeObjectSchema, refOf } from "../kube_object.ts";
import type { WaitingFor } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { TIERS } from "../tiers.ts";
import { namespaceOf } from "../user_id.ts";
import { claimRef, findClaim, isBound, LIFE_LABEL, volumeBehind } from "../volumes.ts";
import { outcomeOf, type Preparation, type Step, type StepContext } from "./step.ts";

const GROUP = { apiVersion: "snapshot.storage.k8s.io/v1" } as const;
const SNAPSHOT = { ...GROUP, kind: "VolumeSnapshot" } as const;
const CONTENT = { ...GROUP, kind: "VolumeSnapshotContent" } as const;
const CLASS = { ...GROUP, kind: "VolumeSnapshotClass" } as const;
const PREFIX = "snapshot-";
const PATIENCE_MS = 10 * 60_000;

const classSchema = kubeObjectSchema.extend({ driver: z.string(), deletionPolicy: z.string() });
const snapshotSchema = kubeObjectSchema.extend({
  status: z.looseObject({
    readyToUse: z.boolean().optional(),
    boundVolumeSnapshotContentName: z.string().optional(),
    error: z.looseObject({ message: z.string().optional() }).nullish(),
  }).optional(),
});
const contentSchema = kubeObjectSchema.extend({
  spec: z.looseObject({
    volumeSnapshotRef: z.looseObject({ namespace: z.string(), name: z.string() }),
  }),
});

/** Throws `snapshots_unavailable` where one of this user's volume cannot be made or would not last. */
export async function checkSnapshots(
  { cluster, settings, capabilities, record }: Preparation,
): Promise<void> {
  const refuse = (reason: string): never => {
    throw new ManagerError(
      "snapshots_unavailable",
      `Cannot make a snapshot: ${reason}; a backup by export always works`,
    );
  };
  const { snapshotClass } = settings;
  if (!capabilities.snapshots) refuse("the cluster has no snapshots");
  if (snapshotClass === undefined) return refuse("no class for them is set");
  const found = await cluster.get({ ...CLASS, name: snapshotClass });
  if (found === undefined) return refuse(`there is no class "${snapshotClass}"`);
  const { driver, deletionPolicy } = classSchema.parse(found);
  if (deletionPolicy !== "Retain") refuse(`the class "${snapshotClass}" does not retain them`);
  const claim = await findClaim(cluster, record, record.claim.number);
  const volume = claim === undefined ? undefined : await volumeBehind(cluster, claim);
  if (volume === undefined || claim === undefined || !isBound(claim)) {
    refuse("he has no volume yet");
  }
  if (volume?.spec.csi?.driver !== driver) refuse("the class is of another driver than his volume");
}

export const snapshot: Step = {
  name: "snapshot",
  run: async (context) => {
    const { cluster, record, settings, operation, clock } = context;
    const made = snapshotSchema.parse(
      await cluster.apply(
        snapshotOf(record, PREFIX + operation.id, settings.snapshotClass),
      ),
    );
    if (made.status?.readyToUse === true) {
      await context.event("Snapshot", `The snapshot "${made.metadata.name}" is ready`);
      await thinOut(context);
      return "done";
    }
    if (clock.now() >= Date.parse(operation.startedAt) + PATIENCE_MS) {
      const reason = made.status?.error?.message ?? "it is not ready in time";
      throw new ManagerError("backup_failed", `Cannot make a snapshot: ${reason}`);
    }
    return outcomeOf("the snapshot to be ready");
  },
};

export function isSnapshotId(id: string): boolean {
  return id.startsWith(PREFIX);
}

/** Whether there is one that a volume can be made from. */
export async function isUsable(
  { cluster, capabilities, record }: Preparation,
  name: string,
): Promise<boolean> {
  if (!capabilities.snapshots) return false;
  const namespace = namespaceOf(record.slug);
  const found = await cluster.get({ ...SNAPSHOT, namespace, name });
  return found?.metadata.labels?.[LIFE_LABEL] === record.life &&
    snapshotSchema.parse(found).status?.readyToUse === true;
}

export interface Snapshot {
  readonly id: string;
  /** RFC 3339, as the cluster has it. */
  readonly at: string;
  /** Whether a volume can be made from it by now. */
  readonly ready: boolean;
}

type Looking = Pick<Preparation, "cluster" | "capabilities" | "record">;

/** Newest first. */
export async function listSnapshots(looking: Looking): Promise<Snapshot[]> {
  return (await snapshotsOf(looking)).map((item) => ({
    id: item.metadata.name,
    at: new Date(madeAt(item)).toISOString(),
    ready: snapshotSchema.parse(item).status?.readyToUse === true,
  }));
}

/** False where there is none of this id. */
export async function deleteSnapshot(looking: Looking, id: string): Promise<boolean> {
  const found = (await snapshotsOf(looking)).find(({ metadata }) => metadata.name === id);
  if (found !== undefined) await destroy(looking.cluster, found);
  return found !== undefined;
}

/** For the claim that is to be made from it. */
export function dataSource(name: string) {
  return { apiGroup: "snapshot.storage.k8s.io", kind: SNAPSHOT.kind, name };
}

function snapshotOf(record: UserRecord, name: string, className: string | undefined): KubeObject {
  return {
    ...SNAPSHOT,
    metadata: {
      name,
      namespace: namespaceOf(record.slug),
      labels: {
        "app.kubernetes.io/managed-by": "brain-manager",
        "second-brain/user": record.slug,
        [LIFE_LABEL]: record.life,
      },
    },
    spec: {
      volumeSnapshotClassName: className,
      source: { persistentVolumeClaimName: claimRef(record, record.claim.number).name },
    },
  };
}

/** As many stay as backups do in his tier. */
async function thinOut(context: StepContext): Promise<void> {
  const { backups } = TIERS[context.record.tier];
  for (const old of (await snapshotsOf(context)).slice(backups.keep)) {
    await destroy(context.cluster, old);
  }
}

/** Newest first; in a namespace that is gone, or was made only now, there are none to be seen. */
async function snapshotsOf({ cluster, capabilities, record }: Looking): Promise<KubeObject[]> {
  if (!capabilities.snapshots) return [];
  try {
    const { items } = await cluster.list(SNAPSHOT, {
      namespace: namespaceOf(record.slug),
      labels: { [LIFE_LABEL]: record.life },
    });
    return items.toSorted((a, b) => madeAt(b) - madeAt(a));
  } catch (error) {
    if (error instanceof ClusterError && error.fault === "forbidden") return [];
    throw error;
  }
}

function madeAt({ metadata }: KubeObject): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}

/** What it holds as well, which would stay without it. */
async function destroy(cluster: Preparation["cluster"], one: KubeObject): Promise<void> {
  const content = snapshotSchema.parse(one).status?.boundVolumeSnapshotContentName;
  if (content !== undefined) await letGo(cluster, content);
  await cluster.delete(refOf(one), { uid: one.metadata.uid });
}

/** What was snapshot in this namespace, also where the namespace is gone: nobody else ever had it. */
export async function destroySnapshots(
  { cluster, capabilities, record }: StepContext,
): Promise<WaitingFor> {
  if (!capabilities.snapshots) return undefined;
  const namespace = namespaceOf(record.slug);
  let awaited: WaitingFor;
  for (const item of (await cluster.list(CONTENT)).items) {
    const content = contentSchema.safeParse(item);
    const of = content.data?.spec.volumeSnapshotRef;
    if (of?.namespace !== namespace || !of.name.startsWith(PREFIX)) continue;
    await letGo(cluster, item.metadata.name);
    await cluster.delete(refOf(item), { uid: item.metadata.uid });
    awaited = "his snapshots to be gone";
  }
  return awaited;
}

async function letGo(cluster: Preparation["cluster"], name: string): Promise<void> {
  if (await cluster.get({ ...CONTENT, name }) === undefined) return;
  await cluster.patch({ ...CONTENT, name }, { spec: { deletionPolicy: "Delete" } });
}
