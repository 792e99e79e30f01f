/** Whether what is there is what is wanted, as far as anything is wanted of it. */
import type { Cluster } from "../cluster.ts";
import { type KubeObject, refOf } from "../kube_object.ts";
import { claimOver } from "../manifests.ts";
import { isPassedOver } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { isOf } from "../volumes.ts";

const CLAIM = "PersistentVolumeClaim";

/** Those that are missing, being deleted, or different, in their order. */
export async function drifted(
  cluster: Cluster,
  record: UserRecord,
  wanted: readonly KubeObject[],
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const object of wanted) {
    const present = await seen(cluster, object);
    if (present === undefined || !isAsWanted(record, object, present)) found.push(object);
  }
  return found;
}

/** What the cluster has no kind for, and can be done without, is taken for there. */
async function seen(cluster: Cluster, wanted: KubeObject): Promise<KubeObject | undefined> {
  try {
    return await cluster.get(refOf(wanted));
  } catch (error) {
    if (isPassedOver(wanted, error)) return wanted;
    throw error;
  }
}

/**
 * To apply ours leaves alone what others put into a list beside it; and beside what they made of it,
 * ours may not even be allowed. So such lists are written as a whole.
 */
export async function straightened(
  cluster: Cluster,
  record: UserRecord,
  wanted: readonly KubeObject[],
): Promise<void> {
  for (const object of wanted) {
    const { apiVersion: _, kind, metadata: __, ...content } = object;
    if (kind === CLAIM) continue;
    const present = await cluster.get(refOf(object));
    if (present === undefined || !isOf(present, record)) continue;
    const { deletionTimestamp, resourceVersion } = present.metadata;
    if (deletionTimestamp !== undefined || !hasOtherLists(present, content)) continue;
    await cluster.patch(refOf(object), { ...content, metadata: { resourceVersion } });
  }
}

function hasOtherLists(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return !covers(present, wanted);
  return isObject(wanted) && isObject(present) &&
    Object.entries(wanted).some(([name, value]) => hasOtherLists(present[name], value));
}

function isAsWanted(record: UserRecord, wanted: KubeObject, present: KubeObject): boolean {
  // A binding is held for as long as its namespace, and binds until then.
  const isGoing = present.metadata.deletionTimestamp !== undefined && wanted.kind !== "RoleBinding";
  if (isGoing || !isOf(present, record)) return false;
  const isClaim = wanted.kind === CLAIM;
  return covers(present, isClaim ? claimOver(wanted, present) : wanted);
}

/** Fields that nobody wants anything of may be anything; lists are wanted as a whole. */
export function covers(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (present === undefined) return wanted.length === 0;
    return Array.isArray(present) && present.length === wanted.length &&
      wanted.every((item, index) => covers(present[index], item));
  }
  if (isObject(wanted)) {
    if (!isObject(present)) return Object.keys(wanted).length === 0 && present === undefined;
    return Object.entries(wanted).every(([name, value]) => {
      const there = Object.hasOwn(present, name) ? present[name] : undefined;
      // The cluster's own controllers hold objects as well, by names beside ours.
      if (name === "finalizers" && Array.isArray(there) && Array.isArray(value)) {
        return value.every((finalizer) => there.includes(finalizer));
      }
      return value === undefined || covers(there, value);
    });
  }
  // The server leaves out what is empty.
  return present === wanted || (present === undefined && (wanted === "" || wanted === null));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
