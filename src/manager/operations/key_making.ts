/** Gives a brain its first key. */
import type { Cluster } from "../cluster.ts";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import { isKeySecret, keySecretRef, keysIn, newKey, withKeys } from "./keys.ts";

export interface KeyMaking {
  readonly record: UserRecord;
  readonly cluster: Cluster;
  readonly randomBytes: (bytes: number) => Uint8Array;
  objectsWith(record: UserRecord, key: string): readonly KubeObject[];
}

/** True where he had none, or none any more. */
export async function ensureKey(making: KeyMaking, madeBy: string): Promise<boolean> {
  const { cluster, record, randomBytes } = making;
  const found = await cluster.get(keySecretRef(record));
  if (found !== undefined && keysIn(found) !== undefined) return false;
  const current = newKey(randomBytes);
  const secret = making.objectsWith(record, current).find(isKeySecret);
  if (secret === undefined) throw new Error("The manifests have no Secret for the key");
  const filled = withKeys(secret, { current, previous: undefined }, madeBy);
  const resourceVersion = found?.metadata.resourceVersion;
  // Of two that make one, one comes too late, and takes what is there when it looks again.
  if (resourceVersion === undefined) await cluster.create(filled);
  else await cluster.replace({ ...filled, metadata: { ...filled.metadata, resourceVersion } });
  return true;
}
