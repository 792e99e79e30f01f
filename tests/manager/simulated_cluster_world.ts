/** What all parts of the simulated cluster share: its objects, its disks, its time, and deletion. */
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { refOf } from "../../src/manager/kube_object.ts";
import type { Agenda } from "./simulated_cluster_agenda.ts";
import { factsOf, isKind, NAMESPACE, POD } from "./simulated_cluster_kinds.ts";
import type { ClusterStore } from "./simulated_cluster_store.ts";
import { equal, numberAt, textsAt, type Tree, treeAt } from "./simulated_cluster_tree.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";

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

/** A pod's containers on the node, whatever the API server says of it. */
export interface Process {
  readonly uid: string;
  readonly ref: KubeRef;
  /** By the name of the claim. */
  readonly volumes: ReadonlyMap<string, SimulatedVolume>;
  isReady: boolean;
  isStopping: boolean;
}

export interface WorldOptions {
  readonly version: string;
  readonly resize: boolean;
  readonly snapshots: boolean;
  readonly node: { readonly memoryBytes: number; readonly cpuMillis: number };
  readonly delays: ClusterDelays;
}

export class World {
  readonly options: WorldOptions;
  readonly store: ClusterStore;
  readonly agenda: Agenda;
  /** By the name of the PersistentVolume. */
  readonly disks = new Map<string, SimulatedVolume>();
  /** By the pod's uid. */
  readonly processes = new Map<string, Process>();
  readonly violations: string[] = [];
  isNodeLost = false;
  #uids = 0;

  constructor(options: WorldOptions, store: ClusterStore, agenda: Agenda) {
    this.options = options;
    this.store = store;
    this.agenda = agenda;
  }

  /** As the API server writes times. */
  time(inS = 0): string {
    return new Date(this.agenda.now + inS * 1_000).toISOString().replace(/\.\d+/, "");
  }

  newUid(): string {
    return `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, "0")}`;
  }

  /** Whether its minor version is at least that. */
  isSince(minor: number): boolean {
    return Number(this.options.version.split(".")[1]) >= minor;
  }

  get(ref: KubeRef): KubeObject | undefined {
    return this.store.get(ref)?.object;
  }

  /** What equals what is there changes nothing; what nothing holds any more goes. */
  write(object: KubeObject, applied?: Tree): KubeObject {
    const stored = this.store.get(refOf(object));
    const owned = applied ?? stored?.applied ?? {};
    const before = stored?.object;
    const next = this.#counted(before, object);
    const isSame = before !== undefined && equal(next, before) && equal(owned, stored?.applied);
    const after = isSame ? before : this.store.put(next, owned);
    if (after.metadata.deletionTimestamp !== undefined && !isHeld(after)) {
      this.store.remove(refOf(after));
    }
    return after;
  }

  #counted(before: KubeObject | undefined, after: KubeObject): KubeObject {
    const { generation = 0, resourceVersion } = before?.metadata ?? {};
    const isNew = before === undefined || !equal(after["spec"], before["spec"]);
    const metadata = {
      ...after.metadata,
      ...resourceVersion === undefined ? {} : { resourceVersion },
      ...factsOf(after).hasGeneration ? { generation: isNew ? generation + 1 : generation } : {},
    };
    return { ...after, metadata };
  }

  /** For controllers: past all checks; what is not there is left alone. */
  update(ref: KubeRef, change: (object: KubeObject) => KubeObject): void {
    const object = this.get(ref);
    if (object !== undefined) this.write(change(object));
  }

  setStatus(ref: KubeRef, status: Tree): void {
    this.update(
      ref,
      (object) => ({ ...object, status: { ...treeAt(object, "status"), ...status } }),
    );
  }

  dropFinalizer(ref: KubeRef, name: string): void {
    this.update(ref, (object) => {
      const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== name);
      return { ...object, metadata: { ...object.metadata, finalizers } };
    });
  }

  /** Past its finalizers' care: a pod whose end the kubelet has seen, or that is forced. */
  finish(ref: KubeRef): void {
    this.store.remove(ref);
  }

  beginDeletion(object: KubeObject, graceS?: number): void {
    const ref = refOf(object);
    if (isKind(object, POD)) return this.#beginPodDeletion(object, graceS);
    if (object.metadata.deletionTimestamp !== undefined) return;
    if (!isHeld(object)) return this.store.remove(ref);
    const deletionTimestamp = this.time();
    this.write({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp },
      ...isKind(object, NAMESPACE)
        ? { status: { ...treeAt(object, "status"), phase: "Terminating" } }
        : {},
    });
  }

  #beginPodDeletion(pod: KubeObject, asked?: number): void {
    const ref = refOf(pod);
    const former = numberAt(pod, "metadata", "deletionGracePeriodSeconds");
    const own = numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
    const graceS = Math.min(asked ?? own, former ?? Infinity);
    const isOnNode = this.processes.has(pod.metadata.uid ?? "");
    if (graceS === 0 || !isOnNode) return this.finish(ref);
    if (graceS === former) return;
    this.write({
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: this.time(graceS),
        deletionGracePeriodSeconds: graceS,
      },
    });
  }
}

function isHeld(object: KubeObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return true;
  if (isKind(object, NAMESPACE)) return textsAt(object, "spec", "finalizers").length > 0;
  return isKind(object, POD);
}
