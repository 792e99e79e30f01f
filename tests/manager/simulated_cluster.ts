/**
 * A Kubernetes cluster in memory, for the manager: its API server, the controllers that matter, one
 * kubelet and one storage driver. It follows what was observed of a real API server, and where
 * that one has no controller, the documentation.
 *
 * Nothing waits for the machine's time: what takes time happens when the clock comes to it.
 */
import type { Clock } from "../../src/clock.ts";
import type {
  Capabilities,
  Cluster,
  KubeList,
  Selection,
  WatchEvent,
  WriteOptions,
} from "../../src/manager/cluster.ts";
import type { KubeKind, KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";

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

/** How long things take, in milliseconds. */
export interface ClusterDelays {
  /** Until any controller has seen a change. */
  readonly controllerMs: number;
  /** From a pod's start until it is ready. */
  readonly podStartMs: number;
  /** From SIGTERM until its process is gone; at most the pod's grace. */
  readonly podStopMs: number;
  readonly provisionMs: number;
  readonly expandMs: number;
  readonly resizeMs: number;
  readonly snapshotMs: number;
  readonly namespaceMs: number;
}

export interface SimulatedClusterOptions {
  readonly clock: Clock;
  readonly random?: () => number;
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

/** A pod whose process answers. */
export interface ReadyPod {
  readonly uid: string;
  readonly object: KubeObject;
  /** What it has mounted, by the name of the claim. */
  readonly volumes: ReadonlyMap<string, SimulatedVolume>;
}

export class SimulatedCluster implements Cluster {
  /** May be set at any time. */
  faults: ClusterFaults = {};
  /** How often the manager has called what. */
  readonly calls = new Map<ClusterCall["verb"], number>();

  constructor(_options: SimulatedClusterOptions) {}

  apply(_object: KubeObject, _options?: WriteOptions): Promise<KubeObject> {
    throw new Error("not yet");
  }
  create(_object: KubeObject, _options?: WriteOptions): Promise<KubeObject> {
    throw new Error("not yet");
  }
  replace(_object: KubeObject, _options?: WriteOptions): Promise<KubeObject> {
    throw new Error("not yet");
  }
  patch(
    _ref: KubeRef,
    _patch: Readonly<Record<string, unknown>>,
    _options?: WriteOptions & { readonly subresource?: string | undefined },
  ): Promise<KubeObject> {
    throw new Error("not yet");
  }
  get(_ref: KubeRef): Promise<KubeObject | undefined> {
    throw new Error("not yet");
  }
  list(_kind: KubeKind, _selection?: Selection): Promise<KubeList> {
    throw new Error("not yet");
  }
  delete(
    _ref: KubeRef,
    _options?: WriteOptions & { readonly uid?: string | undefined; readonly graceS?: number },
  ): Promise<void> {
    throw new Error("not yet");
  }
  watch(
    _kind: KubeKind,
    _selection: Selection & { readonly resourceVersion: string },
    _signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    throw new Error("not yet");
  }
  capabilities(): Promise<Capabilities> {
    throw new Error("not yet");
  }

  // What follows is the test's own view: no faults, no counting, no waiting.

  /** Runs what is due by the clock. Every call does that as well. */
  tick(): void {
    throw new Error("not yet");
  }

  peek(_ref: KubeRef): KubeObject | undefined {
    throw new Error("not yet");
  }

  all(_kind: KubeKind, _selection?: Selection): readonly KubeObject[] {
    throw new Error("not yet");
  }

  /** Somebody else edits it, past every check. */
  edit(_ref: KubeRef, _change: (object: KubeObject) => KubeObject): void {
    throw new Error("not yet");
  }

  /** Somebody else deletes it, as `kubectl delete` does. */
  remove(_ref: KubeRef, _graceS?: number): void {
    throw new Error("not yet");
  }

  /** All disks that ever were; those that went say so. */
  volumes(): readonly SimulatedVolume[] {
    throw new Error("not yet");
  }

  /** The disk that a claim is bound to. */
  volumeOf(_namespace: string, _claim: string): SimulatedVolume | undefined {
    throw new Error("not yet");
  }

  readyPod(_namespace: string, _name: string): ReadyPod | undefined {
    throw new Error("not yet");
  }

  /** The node is lost: its pods run on unseen, and no deletion of theirs ends, until it is back. */
  setNodeLost(_isLost: boolean): void {
    throw new Error("not yet");
  }

  /** Watches from before now are told `gone`. */
  forgetHistory(): void {
    throw new Error("not yet");
  }

  /** What must never happen and did: two processes on one disk, a disk that went though kept. */
  readonly violations: string[] = [];
}
