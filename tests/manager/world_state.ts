/** All that is in the simulated cluster, without what differs from one run to the next. */
import type { KubeObject } from "../../src/manager/kube_object.ts";
import type { World } from "./kit.ts";

const KINDS: readonly (readonly [apiVersion: string, kind: string])[] = [
  ["v1", "Namespace"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  ["v1", "ResourceQuota"],
  ["v1", "LimitRange"],
  ["networking.k8s.io/v1", "NetworkPolicy"],
  ["v1", "ServiceAccount"],
  ["v1", "Secret"],
  ["v1", "ConfigMap"],
  ["v1", "PersistentVolumeClaim"],
  ["v1", "PersistentVolume"],
  ["v1", "Service"],
  ["apps/v1", "StatefulSet"],
  ["policy/v1", "PodDisruptionBudget"],
  ["v1", "Pod"],
  ["v1", "Event"],
];

/** By kind, namespace and name; the numbers of lives, of objects and of times are taken out. */
export function stateOf({ cluster }: World): Record<string, unknown> {
  const all = KINDS.flatMap(([apiVersion, kind]) => cluster.all({ apiVersion, kind }));
  const uids = new Map(
    all.map(({ kind, metadata: { uid = "", name } }) => [uid, `${kind} ${name}`]),
  );
  const entries = all.map((object) => {
    const name = object.kind === "PersistentVolume" ? "a volume" : nameOf(object);
    return [name, tidied(object, uids)] as const;
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1));
}

function nameOf({ kind, metadata: { namespace, name }, ...rest }: KubeObject): string {
  if (kind === "Event") return `${kind} ${namespace ?? ""}/${String(rest["reason"])}`;
  return `${kind} ${namespace ?? ""}/${name}`;
}

const LEFT_OUT: ReadonlySet<string> = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "managedFields",
  "creationTimestamp",
  "firstTimestamp",
  "lastTimestamp",
  "observedGeneration",
  "clusterIP",
  "clusterIPs",
  "currentRevision",
  "updateRevision",
  "controller-revision-hash",
  "second-brain/template",
  "second-brain/restarted-at",
]);

function tidied(value: unknown, uids: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => tidied(one, uids));
  if (typeof value === "string") return tidiedText(value, uids);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !LEFT_OUT.has(key))
    .map(([key, one]) =>
      [key, key === "record" ? recordIn(one, uids) : tidied(one, uids)] as const
    );
  return Object.fromEntries(entries);
}

function recordIn(text: unknown, uids: ReadonlyMap<string, string>): unknown {
  return tidied(JSON.parse(String(text)), uids);
}

function tidiedText(text: string, uids: ReadonlyMap<string, string>): string {
  const known = [...uids].reduce(
    (all, [uid, name]) => uid === "" ? all : all.replaceAll(uid, name),
    text,
  );
  return known
    .replace(/\.[0-9a-f]{16}$/, ".digest")
    .replace(/^[A-Za-z0-9+/]{50,}=*$/, "a key")
    .replace(/\b(?:first|second)-\d+\b/g, "an id")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "a time");
}
