/**
 * A Kubernetes cluster in memory, for the manager: its API server, the controllers that matter, one
 * kubelet and one storage driver. It follows what was observed of a real API server, and where
 * that one has no controller, the documentation.
 *
 * Nothing waits for the machine's time: what takes time happens when the clock comes to it.
 */
import type { Clock } from "../../src/clock.ts";
import {
  type Capabilities,
  type Cluster,
  ClusterError,
  type KubeList,
  type Selection,
  type WatchEvent,
  type WriteOptions,
} from "../../src/manager/cluster.ts";
import {
  type KubeKind,
  type KubeObject,
  type KubeRef,
  refOf,
} from "../../src/manager/kube_object.ts";
import { Agenda } from "./simulated_cluster_agenda.ts";
import { Controllers } from "./simulated_cluster_controllers.ts";
import { CLAIM, NAMESPACE, POD, SNAPSHOT_CLASS, STORAGE_CLASS } from "./simulated_cluster_kinds.ts";
import { Requests } from "./simulated_cluster_requests.ts";
import { ClusterStore } from "./simulated_cluster_store.ts";
import { copy, textAt } from "./simulated_cluster_tree.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";
import {
  type ClusterCall,
  type ClusterFaults,
  type SimulatedClusterOptions,
  worldOptions,
} from "./simulated_cluster_options.ts";
import { World } from "./simulated_cluster_world.ts";

/** A pod whose process answers. */
export interface ReadyPod {
  readonly uid: string;
  readonly object: KubeObject;
  /** What it has mounted, by the name of the claim. */
  readonly volumes: ReadonlyMap<string, SimulatedVolume>;
}

const BOOKMARK_MS = 60_000;

/**
 * Beside what is put there, it has the namespaces of its options, the storage class `standard`,
 * which waits for the first consumer, and the snapshot class `snapshots`, of policy Retain.
 */
export class SimulatedCluster implements Cluster {
  /** May be set at any time. */
  faults: ClusterFaults = {};
  /** How often the manager has called what. */
  readonly calls = new Map<ClusterCall["verb"], number>();
  readonly #clock: Clock;
  readonly #world: World;
  readonly #requests: Requests;
  readonly #controllers: Controllers;
  #brokenWatches = Promise.withResolvers<void>();

  constructor(options: SimulatedClusterOptions) {
    const { clock, historyEvents = 10_000 } = options;
    const agenda = new Agenda(clock);
    const store = new ClusterStore(historyEvents, (before, after) => {
      this.#controllers.changed(before, after);
    });
    this.#clock = clock;
    this.#world = new World(worldOptions(options), store, agenda);
    this.#requests = new Requests(this.#world);
    this.#controllers = new Controllers(this.#world, (object) => {
      this.#requests.create(object);
    });
    this.#furnish(options);
  }

  #furnish(options: SimulatedClusterOptions): void {
    for (const name of options.namespaces ?? ["default", "second-brain", "brain-manager"]) {
      this.#requests.create({ ...NAMESPACE, metadata: { name } });
    }
    this.#requests.create({
      ...STORAGE_CLASS,
      metadata: { name: "standard" },
      provisioner: "simulated.csi",
      reclaimPolicy: options.reclaimPolicy ?? "Delete",
      allowVolumeExpansion: options.allowVolumeExpansion ?? true,
      volumeBindingMode: "WaitForFirstConsumer",
    });
    if (!this.#world.options.snapshots) return;
    this.#requests.create({
      ...SNAPSHOT_CLASS,
      metadata: { name: "snapshots" },
      driver: "simulated.csi",
      deletionPolicy: "Retain",
    });
  }

  apply(object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    const ref = refOf(object);
    return this.#call("apply", ref, options, () => this.#requests.apply(object, options));
  }

  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    const ref = refOf(object);
    return this.#call("create", ref, options, () => this.#requests.create(object, options));
  }

  replace(object: KubeObject, options?: WriteOptions): Promise<KubeObject> {
    const ref = refOf(object);
    return this.#call("replace", ref, options, () => this.#requests.replace(object, options));
  }

  patch(
    ref: KubeRef,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions & { readonly subresource?: string | undefined },
  ): Promise<KubeObject> {
    return this.#call("patch", ref, options, () => this.#requests.patch(ref, patch, options));
  }

  get(ref: KubeRef): Promise<KubeObject | undefined> {
    return this.#call("get", ref, undefined, () => {
      this.#requests.checkServed(ref);
      return this.peek(ref);
    });
  }

  list(kind: KubeKind, selection: Selection = {}): Promise<KubeList> {
    return this.#call("list", { ...kind, namespace: selection.namespace }, undefined, () => {
      this.#requests.checkListed(kind);
      const resourceVersion = String(this.#world.store.version);
      return { items: this.all(kind, selection), resourceVersion };
    });
  }

  delete(
    ref: KubeRef,
    options?: WriteOptions & { readonly uid?: string | undefined; readonly graceS?: number },
  ): Promise<void> {
    return this.#call("delete", ref, options, () => this.#requests.delete(ref, options));
  }

  async *watch(
    kind: KubeKind,
    selection: Selection & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const ref = { ...kind, namespace: selection.namespace };
    await this.#call("watch", ref, undefined, () => this.#requests.checkListed(kind));
    const ended = Promise.withResolvers<"ended">();
    const end = () => ended.resolve("ended");
    const broken = this.#brokenWatches.promise;
    signal.addEventListener("abort", end);
    try {
      if (signal.aborted) return;
      const since = Number(selection.resourceVersion);
      yield* this.#world.store.changes(
        kind,
        selection,
        since,
        (woken) => this.#waited(woken, ended.promise, broken),
      );
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  async #waited(
    woken: Promise<void>,
    ended: Promise<"ended">,
    broken: Promise<void>,
  ): Promise<"woken" | "bookmark" | "ended"> {
    const silence = Promise.withResolvers<"bookmark">();
    const timer = this.#clock.after(BOOKMARK_MS, () => silence.resolve("bookmark"));
    try {
      const next = [
        woken.then(() => "woken" as const),
        broken.then(() => "broken" as const),
        ended,
        silence.promise,
      ];
      const first = await Promise.race(next);
      if (first !== "broken") return first;
      throw new ClusterError("unavailable", 0, "", "Cannot watch: the connection was lost");
    } finally {
      timer.cancel();
    }
  }

  capabilities(): Promise<Capabilities> {
    return this.#call("capabilities", undefined, undefined, () => {
      const { version, resize, snapshots } = this.#world.options;
      const since = (minor: number) => this.#world.isSince(minor);
      return {
        version,
        resize,
        disruptionBudgets: since(21) ? "policy/v1" : "policy/v1beta1",
        snapshots,
        readWriteOncePod: since(29),
        admissionPolicies: since(30),
      };
    });
  }

  async #call<T>(
    verb: ClusterCall["verb"],
    ref: ClusterCall["ref"],
    options: WriteOptions | undefined,
    run: () => T,
  ): Promise<T> {
    const call: ClusterCall = { verb, ref, dryRun: options?.dryRun ?? false };
    this.calls.set(verb, (this.calls.get(verb) ?? 0) + 1);
    await this.faults.before?.(call);
    this.#world.agenda.tick();
    const result = run();
    await this.faults.after?.(call);
    return result;
  }

  // What follows is the test's own view: no faults, no counting, no waiting.

  /** Runs what is due by the clock. Every call does that as well. */
  tick(): void {
    this.#world.agenda.tick();
  }

  peek(ref: KubeRef): KubeObject | undefined {
    return copy(this.#world.get(ref));
  }

  all(kind: KubeKind, selection?: Selection): readonly KubeObject[] {
    return this.#world.store.list(kind, selection).map(copy);
  }

  /** Somebody else edits it, past every check. */
  edit(ref: KubeRef, change: (object: KubeObject) => KubeObject): void {
    this.#world.update(ref, (object) => copy(change(copy(object))));
  }

  /** Somebody else deletes it, as `kubectl delete` does. */
  remove(ref: KubeRef, graceS?: number): void {
    this.#requests.delete(ref, { graceS });
  }

  /** All disks that ever were; those that went say so. */
  volumes(): readonly SimulatedVolume[] {
    return [...this.#world.disks.values()];
  }

  /** The disk that a claim is bound to. */
  volumeOf(namespace: string, claim: string): SimulatedVolume | undefined {
    const object = this.#world.get({ ...CLAIM, namespace, name: claim });
    return this.#world.disks.get(textAt(object, "spec", "volumeName") ?? "");
  }

  /** Undefined also while it starts, ends, or its node is lost. */
  readyPod(namespace: string, name: string): ReadyPod | undefined {
    const object = this.peek({ ...POD, namespace, name });
    const process = this.#world.processes.get(object?.metadata.uid ?? "");
    if (object === undefined || this.#world.isNodeLost || !process?.isReady) return undefined;
    if (object.metadata.deletionTimestamp !== undefined) return undefined;
    return { uid: process.uid, object, volumes: process.volumes };
  }

  /** The node is lost: its pods run on unseen, and no deletion of theirs ends, until it is back. */
  setNodeLost(isLost: boolean): void {
    this.#world.isNodeLost = isLost;
    this.#controllers.nodeChanged();
  }

  /** Watches from before now are told `gone`. */
  forgetHistory(): void {
    this.#world.store.forgetHistory();
  }

  /** Every watch that is open ends with `unavailable`. */
  breakWatches(): void {
    this.#brokenWatches.resolve();
    this.#brokenWatches = Promise.withResolvers();
  }

  /** What must never happen and did: two processes on one disk, a disk that went while in use. */
  get violations(): readonly string[] {
    return this.#world.violations;
  }
}
