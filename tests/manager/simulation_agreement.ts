/** Once nothing is under way: register, cluster and sink agree, and nothing is there for nobody. */
import type { KubeObject } from "../../src/manager/kube_object.ts";
import type { Capabilities } from "../../src/manager/cluster.ts";
import type { UserRecord } from "../../src/manager/record.ts";
import { namespaceOf } from "../../src/manager/user_id.ts";
import type { FakeBrains } from "./brains.ts";
import type { RamSink } from "./ram_sink.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import { equal, isTree, textAt } from "./simulated_cluster_tree.ts";
import type { ManagerProcess } from "./simulation_process.ts";

const KINDS = [
  ["v1", "ResourceQuota LimitRange ServiceAccount Secret ConfigMap PersistentVolumeClaim Service"],
  ["apps/v1", "StatefulSet"],
  ["v1", "Pod"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  ["networking.k8s.io/v1", "NetworkPolicy Ingress"],
  ["policy/v1", "PodDisruptionBudget"],
  ["snapshot.storage.k8s.io/v1", "VolumeSnapshot"],
].flatMap(([apiVersion = "", kinds = ""]) =>
  kinds.split(" ").map((kind) => ({ apiVersion, kind }))
);
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" };
const NAMESPACE = { apiVersion: "v1", kind: "Namespace" };

export interface Agreement {
  readonly cluster: SimulatedCluster;
  readonly brains: FakeBrains;
  readonly sink: RamSink;
  readonly process: ManagerProcess;
  readonly capabilities: Capabilities;
  readonly records: readonly UserRecord[];
  readonly now: number;
}

/** What does not agree, in words. */
export function disagreements(agreement: Agreement): string[] {
  const { records } = agreement;
  const objects = objectsByNamespace(agreement.cluster);
  return [
    ...records.flatMap((record) => ofRecord(agreement, record)),
    ...records.flatMap((record) =>
      ofNamespace(agreement, record, objects.get(namespaceOf(record.slug)) ?? [])
    ),
    ...orphans(agreement, objects),
    ...ofSink(agreement),
  ];
}

function objectsByNamespace(cluster: SimulatedCluster): Map<string, KubeObject[]> {
  const found = new Map<string, KubeObject[]>();
  for (const object of KINDS.flatMap((kind) => cluster.all(kind))) {
    const { namespace = "" } = object.metadata;
    found.set(namespace, [...found.get(namespace) ?? [], object]);
  }
  return found;
}

function ofRecord({ brains, now }: Agreement, record: UserRecord): string[] {
  const { slug, state, operation, purgeAt, volume, keptClaims, keptVolumes, previousKeyUntil } =
    record;
  const isDeleted = state === "deleted";
  const isAnswering = brains.running(namespaceOf(slug)) !== undefined;
  const rules: readonly (readonly [boolean, string])[] = [
    [operation === null, `${operation?.verb} has not ended, at "${operation?.step}"`],
    [isDeleted === (purgeAt !== null), `is ${state}, to be purged ${purgeAt}`],
    [!isDeleted || Date.parse(purgeAt ?? "") > now, `should have been purged ${purgeAt}`],
    [isDeleted || volume === null, `is ${state}, and his volume is set aside`],
    [isAnswering === (state === "active"), `is ${state}; his brain answers: ${isAnswering}`],
    [keptClaims.every(({ dropAt }) => Date.parse(dropAt) > now), "has claims that are over"],
    [
      isDeleted || keptVolumes.every(({ dropAt }) => Date.parse(dropAt) > now),
      "has volumes that are over",
    ],
    [Date.parse(previousKeyUntil ?? "9999") > now, "lets in a key that is over"],
  ];
  return rules.filter(([holds]) => !holds).map(([, problem]) => `${slug}: ${problem}`);
}

/** Exactly what is wanted, his keys and his pod, and claims that are kept. */
function ofNamespace(
  { cluster, process, capabilities }: Agreement,
  record: UserRecord,
  objects: readonly KubeObject[],
): string[] {
  const { slug, state, keptClaims } = record;
  const namespace = cluster.peek({ ...NAMESPACE, name: namespaceOf(slug) });
  if (state === "deleted") {
    return namespace === undefined ? [] : [`${slug}: deleted, and his namespace is there`];
  }
  const wanted = process.operations.wantedObjects(record, capabilities);
  const there = new Map(
    [...namespace === undefined ? [] : [namespace], ...objects].map((object) => [
      nameOf(object),
      object,
    ]),
  );
  const allowed = new Set([
    ...wanted.map(nameOf),
    "Secret brain-key",
    "ServiceAccount default",
    "ConfigMap kube-root-ca.crt",
    ...state === "active" ? ["Pod brain-0"] : [],
    ...keptClaims.map(({ number }) => `PersistentVolumeClaim data-${number}`),
  ]);
  return [
    ...[...there.keys()].filter((name) => !allowed.has(name))
      .map((name) => `${slug}: ${name} is of no use`),
    ...wanted.flatMap((object) => {
      const present = there.get(nameOf(object));
      if (present === undefined) return [`${slug}: ${nameOf(object)} is missing`];
      // The manager's rights are held until all else has gone, whoever deleted them.
      const isHeld = object.kind === "RoleBinding";
      if (present.metadata.deletionTimestamp !== undefined && !isHeld) {
        return [`${slug}: ${nameOf(object)} is being deleted`];
      }
      return isAsWanted(object, present, state === "active")
        ? []
        : [`${slug}: ${nameOf(object)} is not as wanted`];
    }),
  ];
}

function nameOf({ kind, metadata: { name } }: KubeObject): string {
  return `${kind} ${name}`;
}

/** A claim that was brought back, or grew, is of another form; where it leads is looked at elsewhere. */
function isAsWanted(wanted: KubeObject, present: KubeObject, hasPod: boolean): boolean {
  if (wanted.kind !== "PersistentVolumeClaim") return holds(present, wanted);
  const { spec: _, metadata: { finalizers = [], ...metadata }, ...rest } = wanted;
  const isHeld = finalizers.every((one) => present.metadata.finalizers?.includes(one));
  return isHeld && holds(present, { ...rest, metadata }) &&
    (!hasPod || textAt(present, "status", "phase") === "Bound");
}

function holds(present: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(present) && present.length === wanted.length &&
      wanted.every((one, n) => holds(present[n], one));
  }
  if (!isTree(wanted)) {
    return equal(present, wanted) || (present === undefined && (wanted === "" || wanted === null));
  }
  return Object.entries(wanted).every(([name, value]) => {
    if (value === undefined) return true;
    const isEmpty = isTree(value) && Object.keys(value).length === 0;
    if (!isTree(present)) return false;
    return (isEmpty && present[name] === undefined) || holds(present[name], value);
  });
}

function orphans({ cluster, records }: Agreement, objects: Map<string, KubeObject[]>): string[] {
  const bySpace = new Map(records.map((record) => [namespaceOf(record.slug), record]));
  const kept = new Set(
    records.flatMap(({ volume, keptVolumes }) => [volume, ...keptVolumes]).map((one) => one?.name),
  );
  const volumes = cluster.all(VOLUME);
  const names = new Set(volumes.map(({ metadata: { name } }) => name));
  const isClaimed = (volume: KubeObject) => {
    const claim = objects.get(textAt(volume, "spec", "claimRef", "namespace") ?? "")?.find((one) =>
      one.metadata.uid === textAt(volume, "spec", "claimRef", "uid")
    );
    return claim !== undefined;
  };
  return [
    ...cluster.all(NAMESPACE).map(({ metadata: { name } }) => name)
      .filter((name) => name.startsWith("user-") && !bySpace.has(name))
      .map((name) => `${name}: a namespace of nobody`),
    ...volumes.filter((one) => !isClaimed(one) && !kept.has(one.metadata.name))
      .map(({ metadata: { name } }) => `${name}: a volume of nobody`),
    ...cluster.volumes().filter(({ destroyed, name }) => !destroyed && !names.has(name))
      .map(({ name }) => `${name}: a disk of no volume`),
  ];
}

/** Data without a manifest is left over of what was cut off; it may lie a day, and with those who
 * have no backups made, until they are purged. */
function ofSink({ sink, records }: Agreement): string[] {
  const lives = new Map(records.map((record) => [`${record.slug}/${record.life}`, record]));
  const names = [...sink.files.keys()];
  return names.flatMap((name) => {
    const [slug = "", life = "", file = ""] = name.split("/");
    const record = lives.get(`${slug}/${life}`);
    if (record === undefined) return [`${name}: a backup of nobody`];
    if (record.state !== "active" || file.endsWith(".manifest")) return [];
    const manifest = `${slug}/${life}/${file.split(".")[0]}.manifest`;
    return sink.files.has(manifest) ? [] : [`${name}: without a manifest`];
  });
}
