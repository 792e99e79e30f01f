/**
 * What holds a user's data: his claims, and the volumes behind them. Everything here can be run
 * again, and touches nothing that has not the label of this life of his, or the uid in his record.
 *
 * The order is the argument: a volume is kept (`Retain`) before anything that leads to it goes, and
 * the record names it before its claim goes.
 */
import { z } from "zod";
import { type Cluster, ClusterError } from "./cluster.ts";
import { type KubeObject, kubeObjectSchema, type KubeRef, refOf } from "./kube_object.ts";
import { bytesOf, claimName } from "./manifests.ts";
import { ManagerError } from "./errors.ts";
import type { UserRecord } from "./record.ts";
import { namespaceOf } from "./user_id.ts";

export const LIFE_LABEL = "second-brain/life";
const KEEP_FINALIZER = "second-brain/keep-volume";
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
/** Somebody else writes the same object now and then, the cluster's controllers above all. */
const MOST_CONFLICTS = 5;

const claimSchema = kubeObjectSchema.extend({
  spec: z.looseObject({
    volumeName: z.string().optional(),
  }),
  status: z.looseObject({ phase: z.string().optional() }).optional(),
});
export type Claim = z.infer<typeof claimSchema>;

const volumeSchema = kubeObjectSchema.extend({
  spec: z.looseObject({
    persistentVolumeReclaimPolicy: z.string().optional(),
    storageClassName: z.string().optional(),
    accessModes: z.array(z.string()).optional(),
    capacity: z.looseObject({ storage: z.string() }),
    claimRef: z.looseObject({
      namespace: z.string(),
      name: z.string(),
      uid: z.string().optional(),
    }).nullish(),
    csi: z.looseObject({ driver: z.string() }).optional(),
  }),
  status: z.looseObject({ phase: z.string().optional() }).optional(),
});
export type Volume = z.infer<typeof volumeSchema>;
export type KeptVolume = NonNullable<UserRecord["volume"]>;

export function isOf(object: KubeObject, { life }: Pick<UserRecord, "life">): boolean {
  return object.metadata.labels?.[LIFE_LABEL] === life;
}

export function claimRef({ slug }: Pick<UserRecord, "slug">, number: number): KubeRef {
  return { ...CLAIM, namespace: namespaceOf(slug), name: claimName(number) };
}

export function isBound(claim: Claim): boolean {
  return claim.spec.volumeName !== undefined && claim.status?.phase === "Bound";
}

/** Undefined also where it is another life's. */
export async function findClaim(
  cluster: Cluster,
  record: UserRecord,
  number: number,
): Promise<Claim | undefined> {
  const found = await cluster.get(claimRef(record, number));
  return found === undefined || !isOf(found, record) ? undefined : claimSchema.parse(found);
}

export async function listClaims(cluster: Cluster, record: UserRecord): Promise<Claim[]> {
  const labels = { [LIFE_LABEL]: record.life };
  const { items } = await cluster.list(CLAIM, { namespace: namespaceOf(record.slug), labels });
  return items.map((item) => claimSchema.parse(item));
}

/** The volume that the claim is bound to; undefined where it never was, or the volume is gone. */
export async function volumeBehind(cluster: Cluster, claim: Claim): Promise<Volume | undefined> {
  if (claim.spec.volumeName === undefined) return undefined;
  const volume = await getVolume(cluster, claim.spec.volumeName);
  const { namespace, name, uid } = volume?.spec.claimRef ?? {};
  // Set aside for it, and bound by it only: what is on it is his all the same.
  const isReserved = uid === undefined && namespace === claim.metadata.namespace &&
    name === claim.metadata.name;
  return uid === claim.metadata.uid || isReserved ? volume : undefined;
}

/** Only the very one that the record knows: names come back, uids do not. */
export async function findKept(cluster: Cluster, kept: KeptVolume): Promise<Volume | undefined> {
  const volume = await getVolume(cluster, kept.name);
  return volume?.metadata.uid === kept.uid ? volume : undefined;
}

/** All that were ever set aside and are still there; of his other claims, too. */
export async function listVolumes(cluster: Cluster, record: UserRecord): Promise<Volume[]> {
  const { items } = await cluster.list(VOLUME, { labels: { [LIFE_LABEL]: record.life } });
  return items.map((item) => volumeSchema.parse(item));
}

export function keptOf({ metadata: { name, uid }, spec: { capacity } }: Volume): KeptVolume {
  if (uid === undefined) throw new Error("The server gave a volume without a uid");
  return { name, uid, storageBytes: Math.floor(bytesOf(capacity.storage)) };
}

/**
 * From now on the volume stays whatever becomes of its claim, and says whose it is. Undefined where
 * there is none behind the claim: then there is no data.
 */
export async function keepVolume(
  cluster: Cluster,
  record: UserRecord,
  claim: Claim,
): Promise<KeptVolume | undefined> {
  const volume = await volumeBehind(cluster, claim);
  if (volume === undefined) return undefined;
  const labels = {
    "app.kubernetes.io/managed-by": "brain-manager",
    "second-brain/user": record.slug,
    [LIFE_LABEL]: record.life,
  };
  await patchVolume(cluster, volume, {
    metadata: { labels },
    spec: { persistentVolumeReclaimPolicy: "Retain" },
  });
  return keptOf(volume);
}

/** Takes our hand off the claim and deletes it. True once it is gone. */
export async function releaseClaim(
  cluster: Cluster,
  claim: Claim,
): Promise<boolean> {
  const { uid, finalizers = [], deletionTimestamp } = claim.metadata;
  // Deleted first: whatever puts finalizers on, it cannot on what is being deleted.
  if (deletionTimestamp === undefined) await deleteVeryOne(cluster, claim, uid);
  if (finalizers.includes(KEEP_FINALIZER)) await takeFinalizerOff(cluster, refOf(claim), uid);
  const now = await cluster.get(refOf(claim));
  return now?.metadata.uid !== uid;
}

/** Claim and volume go for good. True once the claim is gone. */
export async function dropClaim(
  cluster: Cluster,
  record: UserRecord,
  claim: Claim,
): Promise<boolean> {
  const volume = await volumeBehind(cluster, claim);
  if (volume !== undefined && volume.metadata.uid !== record.volume?.uid) {
    await patchVolume(cluster, volume, { spec: { persistentVolumeReclaimPolicy: "Delete" } });
  }
  return await releaseClaim(cluster, claim);
}

/**
 * Sets a kept volume aside for one claim. It is never just let go: a volume without a claim of its
 * own is given to whoever next wants one of its size.
 */
export async function reserveVolume(
  cluster: Cluster,
  record: UserRecord,
  kept: KeptVolume,
): Promise<Volume> {
  const volume = await findKept(cluster, kept);
  if (volume === undefined) {
    throw new ManagerError(
      "wrong_state",
      "Cannot bring the data back: the volume that the record names is gone; restore a backup",
    );
  }
  const { namespace, name } = claimRef(record, record.claim.number);
  // Decided by what is written over: another one may have bound it since it was looked at.
  return await patchVolume(cluster, volume, async ({ spec: { claimRef: held } }) => {
    const claim = await findClaim(cluster, record, record.claim.number);
    const isFor = held?.namespace === namespace && held?.name === name &&
      (held.uid === undefined || held.uid === claim?.metadata.uid);
    if (isFor) return undefined;
    return { spec: { claimRef: { ...CLAIM, namespace, name, uid: null, resourceVersion: null } } };
  });
}

/**
 * True once the volume that was kept is gone, with what is on it. That is its driver's to do: one
 * that finds the object deleted already lets go of the name, and leaves the data where it is.
 */
export async function destroyVolume(
  cluster: Cluster,
  record: UserRecord,
  kept: KeptVolume,
): Promise<boolean> {
  const volume = await findKept(cluster, kept);
  if (volume === undefined) return true;
  const { claimRef: held, persistentVolumeReclaimPolicy: policy } = volume.spec;
  // Reserved for a claim that never came, it would wait for ever: with a uid that no claim has, it
  // counts as let go by one.
  const isWaiting = held?.uid === undefined;
  if (policy !== "Delete" || isWaiting) {
    const { namespace, name } = claimRef(record, record.claim.number);
    await patchVolume(cluster, volume, {
      spec: {
        persistentVolumeReclaimPolicy: "Delete",
        ...(isWaiting && { claimRef: { ...CLAIM, namespace, name, uid: kept.uid } }),
      },
    });
  }
  return await findKept(cluster, kept) === undefined;
}

async function getVolume(cluster: Cluster, name: string): Promise<Volume | undefined> {
  const found = await cluster.get({ ...VOLUME, name });
  return found === undefined ? undefined : volumeSchema.parse(found);
}

interface VolumeChange {
  readonly metadata?: Record<string, unknown>;
  readonly spec: Record<string, unknown>;
}

/** Only while it is the very volume that was looked at. `wanted` may say of it as it is: nothing. */
async function patchVolume(
  cluster: Cluster,
  volume: Volume,
  wanted: VolumeChange | ((now: Volume) => Promise<VolumeChange | undefined>),
): Promise<Volume> {
  const { name, uid } = volume.metadata;
  const patched = await writing(async () => {
    const now = await getVolume(cluster, name);
    if (now === undefined || now.metadata.uid !== uid) {
      throw new ClusterError("unavailable", 0, "Changed", "the volume is another by now");
    }
    const change = typeof wanted === "function" ? await wanted(now) : wanted;
    if (change === undefined) return now;
    const { resourceVersion } = now.metadata;
    return await cluster.patch({ ...VOLUME, name }, {
      ...change,
      metadata: { ...change.metadata, resourceVersion },
    });
  });
  return volumeSchema.parse(patched);
}

async function deleteVeryOne(
  cluster: Cluster,
  object: KubeObject,
  uid: string | undefined,
): Promise<void> {
  await cluster.delete(refOf(object), uid === undefined ? {} : { uid });
}

async function takeFinalizerOff(
  cluster: Cluster,
  ref: KubeRef,
  uid: string | undefined,
): Promise<void> {
  await writing(async () => {
    const now = await cluster.get(ref);
    if (now === undefined || now.metadata.uid !== uid) return;
    const { finalizers = [], resourceVersion } = now.metadata;
    const others = finalizers.filter((name) => name !== KEEP_FINALIZER);
    if (others.length === finalizers.length) return;
    try {
      await cluster.patch(ref, { metadata: { finalizers: others, resourceVersion } });
    } catch (error) {
      if (!(error instanceof ClusterError && error.fault === "not_found")) throw error;
    }
  });
}

/** Reads and writes again where somebody wrote in between. */
async function writing<T>(work: () => Promise<T>): Promise<T> {
  for (let conflicts = 1;; conflicts++) {
    try {
      return await work();
    } catch (error) {
      const isConflict = error instanceof ClusterError && error.fault === "conflict";
      if (!isConflict || conflicts >= MOST_CONFLICTS) throw error;
    }
  }
}
