/**
 * A user's namespace and the brain in it: brought up as it is wanted, brought to rest, and deleted.
 * Everything here can be run again, and says what it still waits for. A namespace without the label
 * of this life of the user is somebody else's, and is never touched.
 */
import { z } from "zod";
import { claimUp } from "./claims.ts";
import { type Cluster, ClusterError } from "./cluster.ts";
import { ManagerError } from "./errors.ts";
import type { KubeObject, KubeRef } from "./kube_object.ts";
import type { UserRecord } from "./record.ts";
import { namespaceOf } from "./user_id.ts";
import { claimRef, dropClaim, isOf, listClaims } from "./volumes.ts";

const podSchema = z.looseObject({
  spec: z.looseObject({
    volumes: z.array(z.looseObject({
      persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
    })).default([]),
  }),
});

/** What is still to come, in words; undefined: nothing is. */
export type WaitingFor = string | undefined;

const RIGHTS_FINALIZER = "second-brain/keep-rights";
const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const RIGHTS = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "RoleBinding",
  name: "brain-manager",
} as const;
const BRAIN = "brain";
const POD = "brain-0";

function statefulSetRef(record: UserRecord): KubeRef {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    namespace: namespaceOf(record.slug),
    name: BRAIN,
  };
}

export function podRef(record: UserRecord): KubeRef {
  return { apiVersion: "v1", kind: "Pod", namespace: namespaceOf(record.slug), name: POD };
}

/** Undefined also where it is another life's, or nobody's. */
export async function findNamespace(
  cluster: Cluster,
  record: UserRecord,
): Promise<KubeObject | undefined> {
  const found = await cluster.get({ ...NAMESPACE, name: namespaceOf(record.slug) });
  return found !== undefined && isOf(found, record) ? found : undefined;
}

/** No pod is begun any more, and the one that runs ends by itself: it is never forced. */
export async function stopBrain(cluster: Cluster, record: UserRecord): Promise<WaitingFor> {
  const set = await cluster.get(statefulSetRef(record));
  if (set !== undefined && isOf(set, record)) {
    await unlessGone(cluster.patch(statefulSetRef(record), { spec: { replicas: 0 } }));
  }
  const pod = await cluster.get(podRef(record));
  return pod === undefined || !isOf(pod, record) ? undefined : "its pod to end";
}

/** The pod that runs is to be on the claim in use; one on another ends. */
export async function movePod(cluster: Cluster, record: UserRecord): Promise<WaitingFor> {
  const pod = await cluster.get(podRef(record));
  if (pod === undefined || !isOf(pod, record) || isOnClaim(pod, record)) return undefined;
  const { uid, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp === undefined && uid !== undefined) {
    await cluster.delete(podRef(record), { uid });
  }
  return "the pod on the other claim to end";
}

/** Whether a pod of his is on the claim in use, and is to stay. */
export async function isInPlace(cluster: Cluster, record: UserRecord): Promise<boolean> {
  const pod = await cluster.get(podRef(record));
  return pod !== undefined && isOf(pod, record) && isOnClaim(pod, record) &&
    pod.metadata.deletionTimestamp === undefined;
}

function isOnClaim(pod: KubeObject, record: UserRecord): boolean {
  const { name } = claimRef(record, record.claim.number);
  return podSchema.parse(pod).spec.volumes
    .some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === name);
}

/** All in it goes, but for volumes that are kept. Only once no claim holds what is not to be lost. */
export async function deleteNamespace(cluster: Cluster, record: UserRecord): Promise<WaitingFor> {
  const found = await findNamespace(cluster, record);
  if (found === undefined) return undefined;
  await releaseRights(cluster, record);
  const { name, uid, deletionTimestamp } = found.metadata;
  if (deletionTimestamp === undefined) {
    await cluster.delete({ ...NAMESPACE, name }, uid === undefined ? {} : { uid });
  }
  const isThere = await findNamespace(cluster, record) !== undefined;
  return isThere ? "its namespace to be gone" : undefined;
}

/**
 * The last thing in a namespace that is deleted: with its binding the manager's rights in it go. One
 * that somebody deleted alone is as good as any until then, and is let be.
 */
export async function releaseRights(cluster: Cluster, record: UserRecord): Promise<void> {
  const ref = { ...RIGHTS, namespace: namespaceOf(record.slug) };
  const binding = await cluster.get(ref);
  if (binding === undefined || !isOf(binding, record)) return;
  const { finalizers = [], resourceVersion } = binding.metadata;
  const others = finalizers.filter((name) => name !== RIGHTS_FINALIZER);
  if (others.length === finalizers.length) return;
  await unlessGone(cluster.patch(ref, { metadata: { finalizers: others, resourceVersion } }));
}

/** Every claim for his data but these goes, with what is on it. */
export async function dropClaims(
  cluster: Cluster,
  record: UserRecord,
  except: readonly number[],
): Promise<WaitingFor> {
  const kept = new Set(except.map((number) => claimRef(record, number).name));
  let awaited: WaitingFor;
  for (const claim of await listClaims(cluster, record)) {
    const isData = /^data-\d+$/.test(claim.metadata.name);
    if (!isData || kept.has(claim.metadata.name)) continue;
    if (!await dropClaim(cluster, record, claim)) awaited = "a former claim to be gone";
  }
  return awaited;
}

/**
 * Applies all that he should have, in its order, and has his key made before what needs it. Throws
 * `name_collision` where the namespace is somebody else's, and `wrong_state` where his data is lost.
 */
export async function bringUp(
  cluster: Cluster,
  record: UserRecord,
  objects: readonly KubeObject[],
  makeKey: () => Promise<void>,
): Promise<WaitingFor> {
  const claim = claimRef(record, record.claim.number);
  for (const object of objects) {
    const isData = object.kind === claim.kind && object.metadata.name === claim.name;
    if (isData) await makeKey();
    const awaited = isData
      ? await claimUp(cluster, record, object)
      : await applied(cluster, record, object);
    if (awaited !== undefined) return awaited;
  }
  return undefined;
}

async function applied(
  cluster: Cluster,
  record: UserRecord,
  object: KubeObject,
): Promise<WaitingFor> {
  if (object.kind === NAMESPACE.kind) {
    const awaited = await namespaceFree(cluster, record, object);
    if (awaited !== undefined) return awaited;
  }
  try {
    const { metadata: { deletionTimestamp } } = await cluster.apply(object);
    const isHeld = object.kind === RIGHTS.kind;
    return deletionTimestamp === undefined || isHeld
      ? undefined
      : `the former ${object.kind} to be gone`;
  } catch (error) {
    if (isPassedOver(object, error)) return undefined;
    // So it is while all of the namespace is being deleted.
    if (!(error instanceof ClusterError) || error.fault !== "forbidden") throw error;
    const awaited = await namespaceFree(cluster, record);
    if (awaited === undefined) throw error;
    return awaited;
  }
}

/** Who measures is the operator's business: without his kind a brain is as good. */
export function isPassedOver({ kind }: KubeObject, error: unknown): boolean {
  return kind === "ServiceMonitor" && error instanceof ClusterError &&
    error.fault === "unsupported";
}

/** `wanted` is made where there is none: one that somebody else makes at that moment stays his. */
async function namespaceFree(
  cluster: Cluster,
  record: UserRecord,
  wanted?: KubeObject,
): Promise<WaitingFor> {
  const name = namespaceOf(record.slug);
  const there = await cluster.get({ ...NAMESPACE, name });
  if (there === undefined && wanted !== undefined) await unlessThere(cluster.create(wanted));
  const found = there ?? await cluster.get({ ...NAMESPACE, name });
  if (found !== undefined && !isOf(found, record)) {
    throw new ManagerError(
      "name_collision",
      `Cannot use the namespace "${name}": it is not this user's; delete it or choose another id`,
    );
  }
  const isGoing = found?.metadata.deletionTimestamp !== undefined;
  return isGoing ? "its former namespace to be gone" : undefined;
}

async function unlessGone(write: Promise<unknown>): Promise<void> {
  await unless("not_found", write);
}

async function unlessThere(write: Promise<unknown>): Promise<void> {
  await unless("already_exists", write);
}

async function unless(fault: ClusterError["fault"], write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ClusterError && error.fault === fault)) throw error;
  }
}
