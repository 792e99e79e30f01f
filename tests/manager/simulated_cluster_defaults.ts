/** What the API server adds to a new object by itself. */
import { encodeBase64 } from "./simulated_cluster_tree.ts";
import type { KubeObject } from "../../src/manager/kube_object.ts";
import {
  CLAIM,
  factsOf,
  isKind,
  NAMESPACE,
  POD,
  STATEFUL_SET,
  VOLUME,
} from "./simulated_cluster_kinds.ts";
import { podTotal } from "./simulated_cluster_quota.ts";
import { CLAIM_PROTECTION, VOLUME_PROTECTION } from "./simulated_cluster_storage.ts";
import { at, textsAt, type Tree, treeAt, treesAt } from "./simulated_cluster_tree.ts";
import type { World } from "./simulated_cluster_world.ts";

/** As it is first written; what it said of its own status does not count. */
export function newObject(world: World, { ...given }: KubeObject): KubeObject {
  delete given["status"];
  const object: KubeObject = {
    ...given,
    metadata: { ...given.metadata, uid: world.newUid(), creationTimestamp: world.time() },
  };
  if (factsOf(object).hasGeneration) object.metadata.generation = 1;
  if (isKind(object, NAMESPACE)) return newNamespace(world, object);
  if (isKind(object, CLAIM)) {
    const spec = { storageClassName: "standard", volumeMode: "Filesystem" };
    return held(object, spec, CLAIM_PROTECTION);
  }
  if (isKind(object, VOLUME)) {
    return held(object, { persistentVolumeReclaimPolicy: "Retain" }, VOLUME_PROTECTION);
  }
  if (isKind(object, STATEFUL_SET)) {
    const spec = { replicas: 1, podManagementPolicy: "OrderedReady", revisionHistoryLimit: 10 };
    return { ...object, spec: { ...spec, ...treeAt(object, "spec") }, status: { replicas: 0 } };
  }
  if (isKind(object, POD)) {
    const spec = { restartPolicy: "Always", terminationGracePeriodSeconds: 30 };
    const status = { phase: "Pending", qosClass: qosClassOf(object) };
    return { ...object, spec: { ...spec, ...treeAt(object, "spec") }, status };
  }
  if (object.kind === "Service") {
    const spec = { type: "ClusterIP", clusterIP: `10.96.0.${world.store.version % 250}` };
    return { ...object, spec: { ...spec, ...treeAt(object, "spec") } };
  }
  return object.kind === "Secret" ? { type: "Opaque", ...object } : object;
}

function newNamespace(world: World, object: KubeObject): KubeObject {
  const own = world.isSince(21) ? { "kubernetes.io/metadata.name": object.metadata.name } : {};
  const labels = { ...object.metadata.labels, ...own };
  return {
    ...object,
    metadata: { ...object.metadata, ...Object.keys(labels).length === 0 ? {} : { labels } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  };
}

function held(object: KubeObject, defaults: Tree, finalizer: string): KubeObject {
  const finalizers = new Set([...textsAt(object, "metadata", "finalizers"), finalizer]);
  return {
    ...object,
    metadata: { ...object.metadata, finalizers: [...finalizers] },
    spec: { ...defaults, ...treeAt(object, "spec") },
    status: { phase: "Pending" },
  };
}

/** Which one a change of resources may not leave. */
export function qosClassOf(pod: KubeObject): string {
  const amounts = ["cpu", "memory"].map((name) => [
    podTotal(pod, "requests", name),
    podTotal(pod, "limits", name),
  ]);
  if (amounts.flat().every((amount) => amount === 0)) return "BestEffort";
  const isFixed = amounts.every(([request, limit]) => request === limit && limit !== 0) &&
    treesAt(pod, "spec", "containers").every((one) => at(one, "resources", "limits") !== undefined);
  return isFixed ? "Guaranteed" : "Burstable";
}

/** `stringData` is written into `data` and never read back. */
export function withoutStringData(object: KubeObject): KubeObject {
  const texts = Object.entries(treeAt(object, "stringData"));
  if (object.kind !== "Secret" || texts.length === 0) return object;
  const { stringData: _, ...secret } = object;
  const encoded = texts.map(([name, text]) => [name, encodeBase64(`${text}`)]);
  return { ...secret, data: { ...treeAt(object, "data"), ...Object.fromEntries(encoded) } };
}
