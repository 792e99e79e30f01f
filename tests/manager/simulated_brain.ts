/** One brain in a simulated cluster, as little of it as its controllers need. */
import { ClusterError } from "../../src/manager/cluster.ts";
import type { KubeObject } from "../../src/manager/kube_object.ts";
import { FakeClock } from "../fakes/indexing.ts";
import { SimulatedCluster } from "./simulated_cluster.ts";

const LABELS = { app: "brain" };
export const POD_REF = { apiVersion: "v1", kind: "Pod", namespace: "user-a", name: "brain-0" };
export const SET_REF = {
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  namespace: "user-a",
  name: "brain",
};
export const CLAIM_REF = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  namespace: "user-a",
  name: "data-1",
};
export const NAMESPACE_REF = { apiVersion: "v1", kind: "Namespace", name: "user-a" };
export const FINALIZER = "second-brain/keep-volume";

export function namespaceOf(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export function claimOf(name = "data-1", spec: object = {}, storage = "1Gi"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: "user-a", finalizers: [FINALIZER] },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, ...spec },
  };
}

export function setOf(
  { replicas = 1, claim = "data-1", image = "brain:1", memory = "1Gi" } = {},
): KubeObject {
  const resources = {
    requests: { cpu: "250m", memory: "512Mi" },
    limits: { cpu: "500m", memory },
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "brain", namespace: "user-a" },
    spec: {
      serviceName: "brain",
      replicas,
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          containers: [{ name: "brain", image, resources }],
          volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}

export interface Place {
  readonly clock: FakeClock;
  readonly cluster: SimulatedCluster;
}

/** With one brain in it, ready, and something on its disk. */
export async function withBrain(
  options: Partial<ConstructorParameters<typeof SimulatedCluster>[0]> = {},
) {
  const clock = new FakeClock();
  const cluster = new SimulatedCluster({ clock, ...options });
  for (const object of [namespaceOf("user-a"), claimOf(), setOf()]) await cluster.apply(object);
  await clock.advance(10_000);
  const disk = cluster.volumeOf("user-a", "data-1");
  if (disk !== undefined) disk.data = { memories: ["one"] };
  return { clock, cluster };
}

export function hasFault(fault: string, text = ""): (error: unknown) => boolean {
  return (error) =>
    error instanceof ClusterError && error.fault === fault && error.message.includes(text);
}
