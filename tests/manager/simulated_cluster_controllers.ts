/** The controllers: each is told of every change that may concern it, and looks a moment later. */
import { createHash } from "node:crypto";
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { refOf } from "../../src/manager/kube_object.ts";
import {
  CLAIM,
  EVENT,
  isKind,
  NAMESPACE,
  POD,
  QUOTA,
  SNAPSHOT,
  STATEFUL_SET,
  VOLUME,
} from "./simulated_cluster_kinds.ts";
import { Kubelet } from "./simulated_cluster_pods.ts";
import { usedAmounts } from "./simulated_cluster_quota.ts";
import { claimsOf, StorageController } from "./simulated_cluster_storage.ts";
import { at, equal, numberAt, textAt, treeAt, treesAt } from "./simulated_cluster_tree.ts";
import type { World } from "./simulated_cluster_world.ts";

export class Controllers {
  readonly #world: World;
  readonly #storage: StorageController;
  readonly #kubelet: Kubelet;
  /** Makes a pod as a client would, with all checks; throws as the API server does. */
  readonly #create: (object: KubeObject) => void;

  constructor(world: World, create: (object: KubeObject) => void) {
    this.#world = world;
    this.#storage = new StorageController(world);
    this.#kubelet = new Kubelet(world);
    this.#create = create;
  }

  changed(before: KubeObject | undefined, after: KubeObject | undefined): void {
    const object = after ?? before;
    if (object === undefined) return;
    const { namespace } = object.metadata;
    this.#soon(object);
    if (isKind(object, CLAIM)) this.#claimChanged(before, after, namespace);
    if (isKind(object, POD)) this.#podChanged(before, after);
    // What a pod may wait for to be there.
    if (before === undefined && /^(Secret|ConfigMap)$/.test(object.kind)) this.#pods(namespace);
    if (after !== undefined) return;
    if (isKind(object, SNAPSHOT)) this.#storage.snapshotGone(object);
    if (isKind(object, POD)) this.#kubelet.podGone(object);
    if (isKind(object, STATEFUL_SET)) this.#collect(object);
    if (namespace === undefined) return;
    const place = this.#world.get({ ...NAMESPACE, name: namespace });
    if (place?.metadata.deletionTimestamp !== undefined) this.#soon(place);
  }

  /** The node is lost, or back. */
  nodeChanged(): void {
    for (const pod of this.#world.store.list(POD)) {
      this.#kubelet.tellOfNode(pod);
      this.#soon(pod);
    }
    for (const { uid, ref } of this.#world.processes.values()) {
      if (this.#world.get(ref)?.metadata.uid === uid) continue;
      this.#kubelet.podGone({ ...POD, metadata: { ...ref, uid } });
    }
  }

  #claimChanged(
    before: KubeObject | undefined,
    after: KubeObject | undefined,
    namespace: string | undefined,
  ): void {
    const name = textAt(after ?? before, "spec", "volumeName");
    if (name !== undefined) this.#soon({ ...VOLUME, metadata: { name } });
    this.#pods(namespace);
    if (before === undefined || after === undefined) this.#quotas(namespace);
    else if (!equal(before["spec"], after["spec"])) this.#quotas(namespace);
  }

  #podChanged(before: KubeObject | undefined, after: KubeObject | undefined): void {
    const pod = after ?? before;
    const { namespace } = pod?.metadata ?? {};
    if (pod === undefined) return;
    const owner = ownerOf(pod);
    if (owner !== undefined) {
      this.#soon({ ...STATEFUL_SET, metadata: { namespace, name: owner } });
    }
    if (before !== undefined && after !== undefined) return;
    for (const name of claimsOf(pod)) this.#soon({ ...CLAIM, metadata: { namespace, name } });
    this.#quotas(namespace);
    this.#pods(namespace);
  }

  #pods(namespace: string | undefined): void {
    for (const pod of this.#world.store.list(POD, { namespace })) this.#soon(pod);
  }

  #quotas(namespace: string | undefined): void {
    for (const quota of this.#world.store.list(QUOTA, { namespace })) this.#soon(quota);
  }

  #soon(object: KubeObject): void {
    const reconcile = RECONCILED.get(`${object.apiVersion}/${object.kind}`);
    if (reconcile === undefined) return;
    const ref = refOf(object);
    const { controllerMs, namespaceMs } = this.#world.options.delays;
    const ms = reconcile === "namespace" ? namespaceMs : controllerMs;
    this.#world.agenda.later(ms, `${reconcile}/${ref.namespace ?? ""}/${ref.name}`, () => {
      this.#reconcile(reconcile, ref);
    });
  }

  #reconcile(what: Reconciled, ref: KubeRef): void {
    if (what === "claim") this.#storage.reconcileClaim(ref);
    if (what === "volume") this.#storage.reconcileVolume(ref);
    if (what === "snapshot") this.#storage.reconcileSnapshot(ref);
    if (what === "pod") this.#kubelet.reconcile(ref);
    if (what === "set") this.#reconcileSet(ref);
    if (what === "namespace") this.#reconcileNamespace(ref);
    if (what === "quota") this.#reconcileQuota(ref);
  }

  #reconcileNamespace(ref: KubeRef): void {
    const namespace = this.#world.get(ref);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    for (const object of this.#world.store.contents(ref.name)) this.#world.beginDeletion(object);
    const left = this.#world.store.contents(ref.name);
    if (left.length > 0) {
      const kept = left.flatMap(({ metadata }) => metadata.finalizers ?? []);
      const conditions = [
        { type: "NamespaceContentRemaining", status: "True", reason: "SomeResourcesRemain" },
        ...kept.length === 0 ? [] : [{
          type: "NamespaceFinalizersRemaining",
          status: "True",
          reason: "SomeFinalizersRemain",
          message: `Some content in the namespace has finalizers remaining: ${[...new Set(kept)]}`,
        }],
      ];
      return this.#world.setStatus(ref, { conditions });
    }
    this.#world.update(
      ref,
      (now) => ({ ...now, spec: { ...treeAt(now, "spec"), finalizers: [] } }),
    );
  }

  #reconcileQuota(ref: KubeRef): void {
    const quota = this.#world.get(ref);
    if (quota === undefined) return;
    const hard = treeAt(quota, "spec", "hard");
    const amounts = usedAmounts(this.#world, ref.namespace ?? "");
    const used = Object.keys(hard).map((name) => [name, String(amounts[name] ?? 0)]);
    this.#world.setStatus(ref, { hard, used: Object.fromEntries(used) });
  }

  #reconcileSet(ref: KubeRef): void {
    const set = this.#world.get(ref);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const revision = revisionOf(set);
    const name = `${ref.name}-0`;
    const podRef = { ...POD, namespace: ref.namespace, name };
    const wanted = numberAt(set, "spec", "replicas") ?? 1;
    if (wanted > 1) {
      this.#world.violations.push(`${wanted} replicas of ${ref.namespace}/${ref.name}`);
    }
    let pod = this.#world.get(podRef);
    if (pod === undefined && wanted > 0) {
      this.#createPod(set, podRef, revision);
      pod = this.#world.get(podRef);
    }
    const isOld = pod?.metadata.labels?.["controller-revision-hash"] !== revision;
    const rolls = textAt(set, "spec", "updateStrategy", "type") !== "OnDelete";
    if (pod !== undefined && pod.metadata.deletionTimestamp === undefined) {
      if (wanted === 0 || (isOld && rolls)) this.#world.beginDeletion(pod);
    }
    const isReady = pod !== undefined && isPodReady(pod);
    const former = textAt(set, "status", "currentRevision") ?? revision;
    this.#world.setStatus(ref, {
      observedGeneration: set.metadata.generation,
      replicas: pod === undefined ? 0 : 1,
      readyReplicas: isReady ? 1 : 0,
      updatedReplicas: pod !== undefined && !isOld ? 1 : 0,
      currentRevision: isReady && !isOld ? revision : former,
      updateRevision: revision,
    });
  }

  #createPod(set: KubeObject, ref: KubeRef, revision: string): void {
    const template = treeAt(set, "spec", "template");
    const { namespace, name: setName, uid } = set.metadata;
    const labels: Record<string, string> = {
      "controller-revision-hash": revision,
      "statefulset.kubernetes.io/pod-name": ref.name,
      "apps.kubernetes.io/pod-index": "0",
    };
    for (const [label, value] of Object.entries(treeAt(template, "metadata", "labels"))) {
      labels[label] = `${value}`;
    }
    const owner = { ...STATEFUL_SET, name: setName, uid, controller: true };
    const annotations = treeAt(template, "metadata", "annotations");
    try {
      this.#create({
        ...POD,
        metadata: {
          name: ref.name,
          namespace,
          labels,
          ...Object.keys(annotations).length === 0 ? {} : { annotations: textsOf(annotations) },
          ownerReferences: [owner],
        },
        spec: { ...treeAt(template, "spec"), hostname: ref.name },
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const failures = this.#tell(
        set,
        "FailedCreate",
        `create Pod ${ref.name} in StatefulSet failed: ${message}`,
      );
      const retryMs = Math.min(1_000 * 2 ** failures, 1_000_000);
      this.#world.agenda.later(retryMs, `retry/${namespace}/${setName}`, () => this.#soon(set));
    }
  }

  /** How often it was told by now. */
  #tell(about: KubeObject, reason: string, message: string): number {
    const { namespace, name, uid } = about.metadata;
    const ref = { ...EVENT, namespace, name: `${name}.${reason.toLowerCase()}` };
    const count = (numberAt(this.#world.get(ref), "count") ?? 0) + 1;
    this.#world.write({
      ...EVENT,
      metadata: { name: ref.name, namespace, uid: this.#world.newUid() },
      involvedObject: { ...refOf(about), uid },
      type: "Warning",
      reason,
      message,
      count,
    });
    return count;
  }

  /** What belongs to a set that went goes too. */
  #collect(owner: KubeObject): void {
    const { namespace, uid } = owner.metadata;
    this.#world.agenda.later(this.#world.options.delays.controllerMs, `collect/${uid}`, () => {
      for (const pod of this.#world.store.list(POD, { namespace })) {
        const isItsOwn = treesAt(pod, "metadata", "ownerReferences").some((one) =>
          one["uid"] === uid
        );
        if (isItsOwn) this.#world.beginDeletion(pod);
      }
    });
  }
}

type Reconciled = "namespace" | "claim" | "volume" | "snapshot" | "pod" | "set" | "quota";

const RECONCILED = new Map<string, Reconciled>(
  ([
    [NAMESPACE, "namespace"],
    [CLAIM, "claim"],
    [VOLUME, "volume"],
    [SNAPSHOT, "snapshot"],
    [POD, "pod"],
    [STATEFUL_SET, "set"],
    [QUOTA, "quota"],
  ] as const).map(([{ apiVersion, kind }, what]) => [`${apiVersion}/${kind}`, what]),
);

function ownerOf(pod: KubeObject): string | undefined {
  return textAt(treesAt(pod, "metadata", "ownerReferences")[0], "name");
}

function isPodReady(pod: KubeObject): boolean {
  return treesAt(pod, "status", "conditions")
    .some((one) => one["type"] === "Ready" && one["status"] === "True");
}

/** The same for the same template, whatever the order of its names. */
function revisionOf(set: KubeObject): string {
  const template = JSON.stringify(sorted(at(set, "spec", "template")));
  return `${set.metadata.name}-${createHash("sha256").update(template).digest("hex").slice(0, 10)}`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, child]) => [name, sorted(child)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

function textsOf(tree: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, `${value}`]));
}
