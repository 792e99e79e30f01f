/**
 * The room that a user's brain has, and its walls: namespace, the manager's rights in it, and how
 * much may be used there. Whatever runs in it answers to the security level `restricted`.
 */
import type {
  LimitRange,
  Namespace,
  ResourceQuota,
  ServiceAccount,
} from "kubernetes-types/core/v1";
import type { RoleBinding } from "kubernetes-types/rbac/v1";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import type { Tier } from "../tiers.ts";
import { namespaceOf } from "../user_id.ts";
import { BRAIN, labelsOf, metadataOf } from "./names.ts";
import { bytesText, millisText } from "./quantities.ts";
import { qdrantStorageBytes, resourcesOf, type Share, sharesOf, storageBytesOf } from "./shares.ts";

/** Of the manager's own ServiceAccount, and of the role that it gives itself in each namespace. */
const MANAGER = "brain-manager";
const ROLE = "brain-manager-user";

export function namespace(record: UserRecord): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: namespaceOf(record.slug),
      labels: {
        ...labelsOf(record),
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
      },
      // The one place for the id as it is: labels and names take only some characters.
      annotations: { "second-brain/user-id": record.userId },
    },
  } satisfies Namespace;
}

/**
 * Held by a finalizer, as the claim is: who deletes the namespace would else take from the manager
 * the right to let go of the claim in it, and both would be there for ever.
 */
export function managersRights(record: UserRecord, settings: Settings): KubeObject {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { ...metadataOf(record, MANAGER), finalizers: ["second-brain/keep-rights"] },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: ROLE },
    subjects: [{ kind: "ServiceAccount", name: MANAGER, namespace: settings.managerNamespace }],
  } satisfies RoleBinding;
}

/** The brain asks Kubernetes for nothing, so its account has no token. */
export function serviceAccount(record: UserRecord): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadataOf(record, BRAIN),
    automountServiceAccountToken: false,
  } satisfies ServiceAccount;
}

/**
 * Beside the claim in use and those that a restore has replaced there is room for one more, or no
 * restore could begin. Addresses of its own outside of the cluster are for none of these services.
 */
export function resourceQuota(record: UserRecord, tier: Tier): KubeObject {
  const shares = sharesOf(tier);
  const twice = (amount: (share: Share) => number) =>
    shares.reduce((sum, share) => sum + 2 * amount(share), 0);
  const claims = 2 + record.keptClaims.length;
  const hasQdrant = tier.qdrant === "sidecar";
  const storageBytes = claims * storageBytesOf(record, tier) +
    (hasQdrant ? qdrantStorageBytes(tier) : 0);
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadataOf(record, BRAIN),
    spec: {
      hard: {
        pods: "2",
        "requests.cpu": millisText(twice(({ cpu }) => cpu.requestMillis)),
        "requests.memory": bytesText(twice(({ memory }) => memory.requestBytes)),
        "limits.cpu": millisText(twice(({ cpu }) => cpu.limitMillis)),
        "limits.memory": bytesText(twice(({ memory }) => memory.limitBytes)),
        persistentvolumeclaims: String(claims + (hasQdrant ? 1 : 0)),
        "requests.storage": bytesText(storageBytes),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
      },
    },
  } satisfies ResourceQuota;
}

/** For a container that says nothing of itself as well: the quota refuses one without limits. */
export function limitRange(record: UserRecord, tier: Tier): KubeObject {
  const { requests, limits } = resourcesOf(tier);
  const storageBytes = Math.max(
    storageBytesOf(record, tier),
    tier.qdrant === "sidecar" ? qdrantStorageBytes(tier) : 0,
  );
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadataOf(record, BRAIN),
    spec: {
      limits: [
        { type: "Container", max: limits, default: limits, defaultRequest: requests },
        { type: "PersistentVolumeClaim", max: { storage: bytesText(storageBytes) } },
      ],
    },
  } satisfies LimitRange;
}
