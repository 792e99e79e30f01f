/** What other people do in users' namespaces, past the manager: they edit and they delete. */
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { namespaceOf } from "../../src/manager/user_id.ts";
import { below } from "../fakes/store_kit.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import { treeAt } from "./simulated_cluster_tree.ts";
import type { Model } from "./simulation_model.ts";

const DRIFT = [
  "a set scaled to nothing",
  "a set with another image",
  "a set deleted",
  "a pod deleted",
  "a secret deleted",
  "a secret emptied",
  "a policy deleted",
  "a policy opened",
  "a quota deleted",
  "a quota changed",
  "a service deleted",
  "a service changed",
  "limits deleted",
  "rights deleted",
  "an account deleted",
  ...["a claim deleted", "a namespace deleted"] as const,
  ...["a claim deleted", "a namespace deleted"] as const,
] as const;
type Drift = (typeof DRIFT)[number];

const OBJECTS: Readonly<Record<string, Omit<KubeRef, "namespace">>> = {
  set: { apiVersion: "apps/v1", kind: "StatefulSet", name: "brain" },
  pod: { apiVersion: "v1", kind: "Pod", name: "brain-0" },
  secret: { apiVersion: "v1", kind: "Secret", name: "brain-key" },
  policy: { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", name: "brain" },
  quota: { apiVersion: "v1", kind: "ResourceQuota", name: "brain" },
  service: { apiVersion: "v1", kind: "Service", name: "brain" },
  limits: { apiVersion: "v1", kind: "ConfigMap", name: "brain-limits" },
  account: { apiVersion: "v1", kind: "ServiceAccount", name: "brain" },
};
const ROLE_BINDING = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding" };
const NAMESPACE = { apiVersion: "v1", kind: "Namespace" };
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" };

export interface DriftOptions {
  readonly cluster: SimulatedCluster;
  readonly model: Model;
  readonly random: () => number;
  /** Whoever has the key has one that may be no longer good. */
  readonly keyLost: (slug: string) => void;
}

/** Gives what was done; undefined where there was nothing to do it to. */
export function disturb(options: DriftOptions, slug: string): Drift | undefined {
  const drift = DRIFT[below(options.random, DRIFT.length)];
  if (drift === undefined || !meddle(options, slug, drift)) return undefined;
  if (drift === "a namespace deleted") {
    const life = options.model.lifeOf(slug);
    if (life !== undefined) life.hasLostFormer = true;
  }
  if (/^a (secret|namespace)/.test(drift)) options.keyLost(slug);
  return drift;
}

function meddle({ cluster, model }: DriftOptions, slug: string, drift: Drift): boolean {
  const namespace = namespaceOf(slug);
  const known = (name: string) => ({ ...OBJECTS[name], namespace }) as KubeRef;
  const spec = (name: string, change: Readonly<Record<string, unknown>>) =>
    edit(cluster, known(name), (one) => ({ ...one, spec: { ...treeAt(one, "spec"), ...change } }));
  const number = model.record(slug)?.claim.number ?? 1;
  switch (drift) {
    case "a set scaled to nothing":
      return spec("set", { replicas: 0 });
    case "a set with another image":
      return edit(cluster, known("set"), withOtherImage);
    case "a secret emptied":
      return edit(cluster, known("secret"), (secret) => ({ ...secret, data: {} }));
    case "a policy opened":
      return spec("policy", { ingress: [{}] });
    case "a quota changed":
      return spec("quota", { hard: { pods: "1" } });
    case "a service changed":
      return spec("service", { ports: [{ name: "http", port: 1, targetPort: 1 }] });
    case "rights deleted":
      return cluster.all(ROLE_BINDING, { namespace })
        .map(({ metadata: { name } }) => remove(cluster, { ...ROLE_BINDING, namespace, name }))
        .length > 0;
    case "a claim deleted":
      return remove(cluster, { ...CLAIM, namespace, name: `data-${number}` });
    case "a namespace deleted":
      return remove(cluster, { ...NAMESPACE, name: namespace });
    default:
      return remove(cluster, known(drift.replace(/^an? /, "").split(" ")[0] ?? ""));
  }
}

function withOtherImage(set: KubeObject): KubeObject {
  return JSON.parse(JSON.stringify(set).replaceAll("second-brain:0.1.0", "second-brain:0.0.1"));
}

function edit(
  cluster: SimulatedCluster,
  ref: KubeRef,
  change: (object: KubeObject) => KubeObject,
): boolean {
  if (cluster.peek(ref) === undefined) return false;
  cluster.edit(ref, change);
  return true;
}

function remove(cluster: SimulatedCluster, ref: KubeRef): boolean {
  if (cluster.peek(ref) === undefined) return false;
  cluster.remove(ref);
  return true;
}
