/** How the simulated cluster is set up, and how a test meddles with its calls. */
import type { Clock } from "../../src/clock.ts";
import type { KubeKind } from "../../src/manager/kube_object.ts";
import type { ClusterDelays, WorldOptions } from "./simulated_cluster_world.ts";

export interface ClusterCall {
  readonly verb:
    | "apply"
    | "create"
    | "replace"
    | "patch"
    | "get"
    | "list"
    | "delete"
    | "watch"
    | "capabilities";
  /** Without a name for lists and watches; undefined for capabilities. */
  readonly ref:
    | (KubeKind & { readonly namespace?: string | undefined; readonly name?: string })
    | undefined;
  readonly dryRun: boolean;
}

/** Called around every call; what they throw, the caller gets. */
export interface ClusterFaults {
  /** Throwing means that it was not carried out; may take its time. */
  readonly before?: (call: ClusterCall) => void | Promise<void>;
  /** Throwing means that it was carried out, and the answer was lost. */
  readonly after?: (call: ClusterCall) => void | Promise<void>;
}

export interface SimulatedClusterOptions {
  readonly clock: Clock;
  /** Which are there from the beginning; `default`, `second-brain` and `brain-manager` unless told. */
  readonly namespaces?: readonly string[];
  /** Such as "1.33"; "1.35" unless told. */
  readonly version?: string;
  /** `pods/resize`; from version 1.33 on unless told. */
  readonly resize?: boolean;
  /** The snapshot kinds are served; true unless told. */
  readonly snapshots?: boolean;
  /** Of the default storage class; true unless told. */
  readonly allowVolumeExpansion?: boolean;
  /** Of new volumes; Delete unless told, as with most drivers. */
  readonly reclaimPolicy?: "Delete" | "Retain";
  /** The biggest pod that any node has room for; 64 GiB and 16 processors unless told. */
  readonly node?: { readonly memoryBytes: number; readonly cpuMillis: number };
  readonly delays?: Partial<ClusterDelays>;
  /** Events that are remembered for each kind, for watches; older ones are gone. 10,000 unless told. */
  readonly historyEvents?: number;
}

const DELAYS: ClusterDelays = {
  controllerMs: 100,
  podStartMs: 3_000,
  podStopMs: 1_000,
  provisionMs: 1_000,
  expandMs: 2_000,
  resizeMs: 1_000,
  snapshotMs: 2_000,
  namespaceMs: 2_000,
};
const NODE = { memoryBytes: 64 * 2 ** 30, cpuMillis: 16_000 };

export function worldOptions(options: SimulatedClusterOptions): WorldOptions {
  const { version = "1.35" } = options;
  return {
    version,
    resize: options.resize ?? Number(version.split(".")[1]) >= 33,
    snapshots: options.snapshots ?? true,
    node: options.node ?? NODE,
    delays: { ...DELAYS, ...options.delays },
  };
}
