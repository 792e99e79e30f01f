/** The kinds that the simulated API server knows, and its refusals, worded as the real one's are. */
import { ClusterError } from "../../src/manager/cluster.ts";
import type { KubeKind, KubeObject, KubeRef } from "../../src/manager/kube_object.ts";

interface KindFacts {
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Its `metadata.generation` counts changes of the spec. */
  readonly hasGeneration: boolean;
}

const KINDS = new Map<string, KindFacts>();
for (
  const [apiVersion, kinds] of Object.entries({
    "v1":
      "ConfigMap Secret Service ServiceAccount Pod PersistentVolumeClaim ResourceQuota LimitRange Event",
    "apps/v1": "StatefulSet*",
    "networking.k8s.io/v1": "NetworkPolicy* Ingress*",
    "policy/v1": "PodDisruptionBudget*",
    "policy/v1beta1": "PodDisruptionBudget*",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
    "snapshot.storage.k8s.io/v1": "VolumeSnapshot*",
    "coordination.k8s.io/v1": "Lease",
    "events.k8s.io/v1": "Event",
  })
) {
  for (const name of kinds.split(" ")) addKind(apiVersion, name, true);
}
for (
  const [apiVersion, kinds] of Object.entries({
    "v1": "Namespace PersistentVolume Node",
    "storage.k8s.io/v1": "StorageClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "snapshot.storage.k8s.io/v1": "VolumeSnapshotClass VolumeSnapshotContent*",
  })
) {
  for (const name of kinds.split(" ")) addKind(apiVersion, name, false);
}

function addKind(apiVersion: string, starred: string, isNamespaced: boolean): void {
  const kind = starred.replace("*", "");
  const lower = kind.toLowerCase();
  const plural = lower.replace(/y$/, "ie").replace(/ss$/, "sse") + "s";
  KINDS.set(`${apiVersion}/${kind}`, { plural, isNamespaced, hasGeneration: kind !== starred });
}

export const NAMESPACE: KubeKind = { apiVersion: "v1", kind: "Namespace" };
export const POD: KubeKind = { apiVersion: "v1", kind: "Pod" };
export const CLAIM: KubeKind = { apiVersion: "v1", kind: "PersistentVolumeClaim" };
export const VOLUME: KubeKind = { apiVersion: "v1", kind: "PersistentVolume" };
export const QUOTA: KubeKind = { apiVersion: "v1", kind: "ResourceQuota" };
export const LIMIT_RANGE: KubeKind = { apiVersion: "v1", kind: "LimitRange" };
export const SERVICE_ACCOUNT: KubeKind = { apiVersion: "v1", kind: "ServiceAccount" };
export const EVENT: KubeKind = { apiVersion: "v1", kind: "Event" };
export const STATEFUL_SET: KubeKind = { apiVersion: "apps/v1", kind: "StatefulSet" };
export const STORAGE_CLASS: KubeKind = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass" };
const SNAPSHOTS = "snapshot.storage.k8s.io/v1";
export const SNAPSHOT: KubeKind = { apiVersion: SNAPSHOTS, kind: "VolumeSnapshot" };
export const SNAPSHOT_CLASS: KubeKind = { apiVersion: SNAPSHOTS, kind: "VolumeSnapshotClass" };
export const SNAPSHOT_CONTENT: KubeKind = { apiVersion: SNAPSHOTS, kind: "VolumeSnapshotContent" };

export function isKind(object: KubeKind, kind: KubeKind): boolean {
  return object.kind === kind.kind && object.apiVersion === kind.apiVersion;
}

/** Throws `unsupported`. */
export function factsOf(kind: KubeKind): KindFacts {
  const facts = KINDS.get(`${kind.apiVersion}/${kind.kind}`);
  if (facts === undefined) throw unsupported();
  return facts;
}

export function unsupported(): ClusterError {
  const message = "the server could not find the requested resource";
  return new ClusterError("unsupported", 404, "NotFound", message);
}

export function notFound(ref: KubeRef): ClusterError {
  const message = `${factsOf(ref).plural} "${ref.name}" not found`;
  return new ClusterError("not_found", 404, "NotFound", message);
}

export function conflict(ref: KubeRef, why: string): ClusterError {
  const message = `Operation cannot be fulfilled on ${factsOf(ref).plural} "${ref.name}": ${why}`;
  return new ClusterError("conflict", 409, "Conflict", message);
}

export function invalid(object: KubeObject, why: string): ClusterError {
  const message = `${object.kind} "${object.metadata.name}" is invalid: ${why}`;
  return new ClusterError("invalid", 422, "Invalid", message);
}

export function forbidden(object: KubeObject, why: string): ClusterError {
  const message = `${factsOf(object).plural} "${object.metadata.name}" is forbidden: ${why}`;
  return new ClusterError("forbidden", 403, "Forbidden", message);
}
