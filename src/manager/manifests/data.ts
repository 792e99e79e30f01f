/** What a brain keeps and what it is told: its volume, its keys and its limits. */
import type { ConfigMap, PersistentVolumeClaim, Secret } from "kubernetes-types/core/v1";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import type { Tier } from "../tiers.ts";
import { LIMITS_MAP, metadataOf, QDRANT_CLAIM } from "./names.ts";
import { bytesText } from "./quantities.ts";
import { qdrantStorageBytes, storageBytesOf } from "./shares.ts";

/**
 * A claim of its own and no template of the StatefulSet, which could never be given another one.
 * Nobody owns it. The finalizer holds it until the manager knows where the volume is: so what is in
 * it outlives its namespace.
 */
export function dataClaim(
  record: UserRecord,
  tier: Tier,
  name: string,
  options: { readonly accessMode: string; readonly settings: Settings },
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { ...metadataOf(record, name), finalizers: ["second-brain/keep-volume"] },
    spec: {
      accessModes: [options.accessMode],
      ...classOf(options.settings),
      ...(record.volume !== null && { volumeName: record.volume.name }),
      resources: { requests: { storage: bytesText(storageBytesOf(record, tier)) } },
    },
  } satisfies PersistentVolumeClaim;
}

/** May be lost at any time: all in it is made again from the brain's own. */
export function qdrantClaim(record: UserRecord, tier: Tier, settings: Settings): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadataOf(record, QDRANT_CLAIM),
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...classOf(settings),
      resources: { requests: { storage: bytesText(qdrantStorageBytes(tier)) } },
    },
  } satisfies PersistentVolumeClaim;
}

function classOf({ storageClass }: Settings) {
  return storageClass === undefined ? {} : { storageClassName: storageClass };
}

/** Under `data`, not `stringData`: with that, what is applied later does not replace it. */
export function secret(
  record: UserRecord,
  name: string,
  values: Readonly<Record<string, string>>,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadataOf(record, name),
    type: "Opaque",
    data: Object.fromEntries(
      Object.entries(values).map((
        [key, value],
      ) => [key, new TextEncoder().encode(value).toBase64()]),
    ),
  } satisfies Secret;
}

/** What may change while the brain runs; it looks at the file again and again. */
export function limits(record: UserRecord, tier: Tier): KubeObject {
  const limits = {
    requests_per_minute: tier.requestsPerMinute,
    max_memories: tier.mostMemories,
    storage_quota_bytes: tier.quotaBytes,
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadataOf(record, LIMITS_MAP),
    data: { "limits.json": `${JSON.stringify(limits)}\n` },
  } satisfies ConfigMap;
}
