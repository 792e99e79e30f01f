/**
 * What a cluster has beside its API server and controllers, for end-to-end tests without one: a
 * storage driver whose volumes are folders, and a kubelet whose containers are real processes of
 * this program. It looks at the whole cluster again and again, and does what is due:
 *
 * - a claim of its class gets a volume, grows, and goes as its reclaim policy says (`volumes.ts`);
 * - a Pod whose claim is bound is started over the volume's folder with the Pod's environment, its
 *   Secrets as files that follow changes; probed for real; ended with its grace period (`pod.ts`).
 *
 * Start the API server with `controllers: true`: the rest (StatefulSets, binding, quotas, ends of
 * namespaces) is kube-controller-manager's. Memory and processor limits are not enforced, Services
 * and network policies not there, and of a Pod's containers only the first is run.
 */
import type { ApiServer } from "./api_server.ts";

/** The class of its volumes, and the cluster's default; they can grow. */
export const STORAGE_CLASS = "brain-test";

export interface AgentOptions {
  readonly server: ApiServer;
  /** Replaces what a Pod's own environment says, in every brain that it starts. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Agent extends AsyncDisposable {
  /** Where the brain of that namespace listens, `http://127.0.0.1:PORT`; undefined while none is ready. */
  readonly addressOf: (namespace: string) => string | undefined;
  /** The folders that are there, by the name of their PersistentVolume. */
  readonly volumes: () => Promise<readonly string[]>;
  /** The end of what the brains of that namespace said, for a message. */
  readonly logOf: (namespace: string) => string;
  /** Kills the brain as the kernel does that runs out of memory; it is started again. */
  readonly crash: (namespace: string) => void;
  /** What must never be: two pods on one volume. Empty where all is well. */
  readonly violations: readonly string[];
  /** What the agent itself could not do; empty where all is well. */
  readonly errors: readonly string[];
  /** Ends every brain, and removes every folder. */
  readonly close: () => Promise<void>;
}

export function startAgent(_options: AgentOptions): Promise<Agent> {
  return Promise.reject(new Error("Cannot start the agent: it is not written yet"));
}
