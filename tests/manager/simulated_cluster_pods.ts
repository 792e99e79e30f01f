/**
 * Scheduler and kubelet, on one node. A pod's process is something else than its object: one whose
 * object was forced away runs on for a while, and that is when a second one may meet it.
 */
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { refOf } from "../../src/manager/kube_object.ts";
import { CLAIM } from "./simulated_cluster_kinds.ts";
import { podTotal, quantityOf } from "./simulated_cluster_quota.ts";
import { claimsOf } from "./simulated_cluster_storage.ts";
import {
  at,
  equal,
  numberAt,
  textAt,
  textsAt,
  type Tree,
  treeAt,
  treesAt,
} from "./simulated_cluster_tree.ts";
import type { SimulatedVolume } from "./simulated_cluster_volume.ts";
import type { Process, World } from "./simulated_cluster_world.ts";

export class Kubelet {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  reconcile(ref: KubeRef): void {
    const pod = this.#world.get(ref);
    if (pod === undefined || this.#world.isNodeLost) return;
    const process = this.#world.processes.get(pod.metadata.uid ?? "");
    if (pod.metadata.deletionTimestamp !== undefined) {
      return process === undefined ? this.#world.finish(ref) : this.#stop(process, pod);
    }
    if (process !== undefined) return this.#followResources(pod);
    const reason = this.#whyNotScheduled(pod);
    if (reason !== undefined) return this.#pending(pod, "PodScheduled", "Unschedulable", reason);
    const missing = this.#whyNotStarted(pod);
    if (missing !== undefined) return this.#pending(pod, "Ready", ...missing);
    this.#start(pod);
  }

  /** Its object is gone, by force or not: what still runs is stopped. */
  podGone(pod: KubeObject): void {
    const process = this.#world.processes.get(pod.metadata.uid ?? "");
    if (process !== undefined && !this.#world.isNodeLost) this.#stop(process, pod);
  }

  /** What the API server believes of a pod whose node it lost sight of. */
  tellOfNode(pod: KubeObject): void {
    const process = this.#world.processes.get(pod.metadata.uid ?? "");
    if (process === undefined) return;
    const isReady = process.isReady && !this.#world.isNodeLost;
    this.#world.setStatus(refOf(pod), this.#running(pod, isReady, restartsOf(pod)));
  }

  #whyNotScheduled(pod: KubeObject): string | undefined {
    const { namespace } = pod.metadata;
    const { memoryBytes, cpuMillis } = this.#world.options.node;
    if (podTotal(pod, "requests", "memory") > memoryBytes) return "0/1 nodes: Insufficient memory";
    if (podTotal(pod, "requests", "cpu") * 1_000 > cpuMillis) return "0/1 nodes: Insufficient cpu";
    for (const name of claimsOf(pod)) {
      const claim = this.#world.get({ ...CLAIM, namespace, name });
      if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
      if (claim.metadata.deletionTimestamp !== undefined) {
        return `persistentvolumeclaim "${name}" is being deleted`;
      }
      if (textAt(claim, "status", "phase") !== "Bound") return "waiting for volumes to be bound";
      const isExclusive = textsAt(claim, "spec", "accessModes").includes("ReadWriteOncePod");
      if (isExclusive && this.#isUsedByAnother(pod, claim)) {
        return "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod";
      }
    }
    return undefined;
  }

  /** The kubelet knows what it has mounted, also for pods that were forced away. */
  #isUsedByAnother({ metadata: { uid = "" } }: KubeObject, claim: KubeObject): boolean {
    const disk = this.#world.disks.get(textAt(claim, "spec", "volumeName") ?? "");
    return [...disk?.mountedBy ?? []].some((other) => other !== uid);
  }

  #whyNotStarted(pod: KubeObject): [string, string] | undefined {
    const { namespace } = pod.metadata;
    for (const volume of treesAt(pod, "spec", "volumes")) {
      for (const [source, name, isOptional] of sourcesOf(volume)) {
        const isThere = this.#world.get({ apiVersion: "v1", kind: source, namespace, name });
        if (isThere === undefined && !isOptional) {
          return ["ContainerCreating", `MountVolume.SetUp failed: ${source} "${name}" not found`];
        }
      }
    }
    const broken = treesAt(pod, "spec", "containers").map((one) => textAt(one, "image") ?? "")
      .find((image) => image.includes("broken"));
    return broken === undefined
      ? undefined
      : ["ImagePullBackOff", `Back-off pulling image "${broken}"`];
  }

  #pending(pod: KubeObject, condition: string, reason: string, message: string): void {
    const isPlaced = condition !== "PodScheduled";
    const state = { waiting: { reason, message } };
    this.#world.setStatus(refOf(pod), {
      phase: "Pending",
      conditions: [
        ...isPlaced ? [{ type: "PodScheduled", status: "True" }] : [],
        { type: condition, status: "False", reason, message },
      ],
      ...isPlaced
        ? {
          containerStatuses: treesAt(pod, "spec", "containers").map(({ name, image }) => ({
            name,
            image,
            ready: false,
            restartCount: 0,
            state,
          })),
        }
        : {},
    });
  }

  #start(pod: KubeObject): void {
    const { uid = "", name } = pod.metadata;
    const ref = refOf(pod);
    const volumes = this.#mount(pod);
    const process: Process = { uid, ref, volumes, isReady: false, isStopping: false };
    this.#world.processes.set(uid, process);
    this.#world.update(ref, (now) => ({
      ...now,
      spec: { ...treeAt(now, "spec"), nodeName: "node-1" },
      status: { ...treeAt(now, "status"), ...this.#running(now, false, 0) },
    }));
    const { podStartMs } = this.#world.options.delays;
    this.#world.agenda.later(podStartMs, `ready/${uid}/${name}`, () => {
      if (process.isStopping || !this.#world.processes.has(uid)) return;
      process.isReady = true;
      this.#world.update(ref, (now) => {
        if (now.metadata.uid !== uid) return now;
        const restarts = restartsOf(now);
        return {
          ...now,
          status: { ...treeAt(now, "status"), ...this.#running(now, true, restarts) },
        };
      });
    });
  }

  #mount(pod: KubeObject): ReadonlyMap<string, SimulatedVolume> {
    const { namespace, name, uid = "" } = pod.metadata;
    const volumes = new Map<string, SimulatedVolume>();
    for (const claimName of claimsOf(pod)) {
      const claim = this.#world.get({ ...CLAIM, namespace, name: claimName });
      const disk = this.#world.disks.get(textAt(claim, "spec", "volumeName") ?? "");
      if (disk === undefined) continue;
      disk.mountedBy.add(uid);
      if (disk.mountedBy.size > 1) {
        this.#world.violations.push(`two pods on ${disk.name}: the second is ${namespace}/${name}`);
      }
      volumes.set(claimName, disk);
    }
    return volumes;
  }

  #running(pod: KubeObject, ready: boolean, restarts: number): Tree {
    const status = ready ? "True" : "False";
    const started = ready ? { startedAt: this.#world.time() } : {};
    return {
      phase: "Running",
      podIP: "10.0.0.1",
      conditions: [
        { type: "PodScheduled", status: "True" },
        { type: "ContainersReady", status },
        { type: "Ready", status },
      ],
      containerStatuses: treesAt(pod, "spec", "containers").map(({ name, image, resources }) => ({
        name,
        image,
        ready,
        restartCount: restarts,
        state: { running: started },
        ...this.#world.isSince(33) ? { resources } : {},
      })),
    };
  }

  #stop(process: Process, pod: KubeObject): void {
    process.isStopping = true;
    process.isReady = false;
    const grace = numberAt(pod, "metadata", "deletionGracePeriodSeconds") ?? 30;
    const stopMs = Math.min(this.#world.options.delays.podStopMs, grace * 1_000);
    this.#world.agenda.later(stopMs, `stop/${process.uid}`, () => {
      if (this.#world.isNodeLost) return;
      this.#world.processes.delete(process.uid);
      for (const disk of process.volumes.values()) disk.mountedBy.delete(process.uid);
      const now = this.#world.get(process.ref);
      if (now?.metadata.uid === process.uid) this.#world.finish(process.ref);
      else this.reconcile(process.ref);
    });
  }

  /** After `pods/resize`: processors at once, memory with a restart of the container. */
  #followResources(pod: KubeObject): void {
    const { uid = "" } = pod.metadata;
    const ref = refOf(pod);
    if (!this.#isBehind(pod)) return;
    const { node, delays } = this.#world.options;
    if (podTotal(pod, "requests", "memory") > node.memoryBytes) {
      const message = "Node didn't have enough allocatable resources: memory";
      const pending = { type: "PodResizePending", status: "True", reason: "Infeasible", message };
      return this.#condition(ref, pending);
    }
    this.#condition(ref, { type: "PodResizeInProgress", status: "True" });
    this.#world.agenda.later(delays.resizeMs, `resize/${uid}`, () => {
      const now = this.#world.get(ref);
      const process = this.#world.processes.get(uid);
      if (now?.metadata.uid !== uid || process === undefined || !this.#isBehind(now)) return;
      const restarts = restartsOf(now) + (this.#isMemoryBehind(now) ? 1 : 0);
      const status = this.#running(now, process.isReady, restarts);
      this.#world.setStatus(ref, status);
    });
  }

  #condition(ref: KubeRef, condition: Tree): void {
    const conditions = treesAt(this.#world.get(ref), "status", "conditions")
      .filter((one) => !`${one["type"]}`.startsWith("PodResize"));
    this.#world.setStatus(ref, { conditions: [...conditions, condition] });
  }

  #isBehind(pod: KubeObject): boolean {
    return statusesOf(pod).some(({ spec, status }) => !equal(spec, status));
  }

  #isMemoryBehind(pod: KubeObject): boolean {
    return statusesOf(pod).some(({ spec, status }) =>
      ["requests", "limits"].some((part) =>
        quantityOf(at(spec, part, "memory")) !== quantityOf(at(status, part, "memory"))
      )
    );
  }
}

function statusesOf(pod: KubeObject): { spec: unknown; status: unknown }[] {
  const statuses = treesAt(pod, "status", "containerStatuses");
  return treesAt(pod, "spec", "containers").map(({ name, resources }) => ({
    spec: resources,
    status: statuses.find((one) => one["name"] === name)?.["resources"] ?? resources,
  }));
}

function restartsOf(pod: KubeObject): number {
  return numberAt(treesAt(pod, "status", "containerStatuses")[0], "restartCount") ?? 0;
}

/** The Secrets and ConfigMaps that a volume of a pod needs. */
function sourcesOf(volume: Tree): [kind: string, name: string, isOptional: boolean][] {
  return [volume, ...treesAt(volume, "projected", "sources")].flatMap((source) => {
    const found: [string, string, boolean][] = [];
    const secret = treeAt(source, "secret");
    const secretName = textAt(secret, "secretName") ?? textAt(secret, "name");
    if (secretName !== undefined) found.push(["Secret", secretName, secret["optional"] === true]);
    const map = treeAt(source, "configMap");
    const mapName = textAt(map, "name");
    if (mapName !== undefined) found.push(["ConfigMap", mapName, map["optional"] === true]);
    return found;
  });
}
