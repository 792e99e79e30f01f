/** What a check of a cluster's contract is, and the objects that several of them speak of. */
import assert from "node:assert/strict";
import { type Cluster, ClusterError, type ClusterFault } from "../../src/manager/cluster.ts";
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";

export interface ContractPlace extends AsyncDisposable {
  readonly cluster: Cluster;
  /** Lets time pass until there is an answer. */
  readonly eventually: <T>(
    what: string,
    look: () => Promise<T | undefined> | T | undefined,
  ) => Promise<T>;
  /** What it cannot show, such as "resize". */
  readonly lacks: readonly Feature[];
}

export type Feature = "resize" | "pod security" | "policy/v1";

/** What a check works with: the cluster, and a namespace that is there. */
export interface Checked extends ContractPlace {
  readonly namespace: string;
}

export interface Check {
  readonly promise: string;
  readonly needs?: Feature;
  readonly run: (place: Checked) => Promise<void>;
}

export function hasFault(
  fault: ClusterFault,
  status: number,
  words = /(?:)/,
): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ClusterError, `${error}`);
    assert.deepEqual([error.fault, error.status], [fault, status], error.message);
    assert.match(error.message, words);
    return true;
  };
}

export function namespaceOf(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export function mapOf({ namespace }: Checked, name: string, data: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

export function mapRef({ namespace }: Checked, name: string): KubeRef {
  return { apiVersion: "v1", kind: "ConfigMap", namespace, name };
}
