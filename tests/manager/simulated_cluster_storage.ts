/**
 * Claims, volumes and snapshots: the binder, one driver that makes, grows and destroys disks, and
 * the protection of what is in use.
 */
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { refOf } from "../../src/manager/kube_object.ts";
import {
  CLAIM,
  POD,
  SNAPSHOT,
  SNAPSHOT_CLASS,
  SNAPSHOT_CONTENT,
  STORAGE_CLASS,
  VOLUME,
} from "./simulated_cluster_kinds.ts";
import { quantityOf } from "./simulated_cluster_quota.ts";
import { at, textAt, type Tree, treeAt, treesAt } from "./simulated_cluster_tree.ts";
import { SimulatedVolume } from "./simulated_cluster_volume.ts";
import type { World } from "./simulated_cluster_world.ts";

export const CLAIM_PROTECTION = "kubernetes.io/pvc-protection";
export const VOLUME_PROTECTION = "kubernetes.io/pv-protection";

export function claimsOf(pod: KubeObject): readonly string[] {
  return treesAt(pod, "spec", "volumes")
    .map((one) => textAt(one, "persistentVolumeClaim", "claimName"))
    .filter((name) => name !== undefined);
}

function sizeOf(claim: KubeObject): number {
  return quantityOf(at(claim, "spec", "resources", "requests", "storage"));
}

function capacityOf(object: KubeObject, part: "spec" | "status" = "spec"): number {
  return quantityOf(at(object, part, "capacity", "storage"));
}

function claimRefOf(claim: KubeObject): Tree {
  const { namespace, name, uid } = claim.metadata;
  return { ...CLAIM, namespace, name, uid };
}

export class StorageController {
  readonly #world: World;
  /** What snapshots hold, by the name of their content. */
  readonly #snapshots = new Map<string, unknown>();

  constructor(world: World) {
    this.#world = world;
  }

  reconcileClaim(ref: KubeRef): void {
    const claim = this.#world.get(ref);
    if (claim === undefined) return;
    if (claim.metadata.deletionTimestamp !== undefined && !this.#isUsed(claim)) {
      return this.#world.dropFinalizer(ref, CLAIM_PROTECTION);
    }
    if (textAt(claim, "status", "phase") !== "Bound") return this.#bind(claim);
    const name = textAt(claim, "spec", "volumeName") ?? "";
    const volume = this.#world.get({ ...VOLUME, name });
    if (volume === undefined) return this.#world.setStatus(ref, { phase: "Lost" });
    if (sizeOf(claim) > capacityOf(claim, "status")) this.#expandLater(claim, name);
  }

  #isUsed({ metadata: { namespace, name } }: KubeObject): boolean {
    return this.#world.store.list(POD, { namespace }).some((pod) => claimsOf(pod).includes(name));
  }

  #bind(claim: KubeObject): void {
    if (claim.metadata.deletionTimestamp !== undefined) return;
    const volume = this.#fittingVolume(claim);
    if (volume !== undefined) return this.#bindTo(claim, volume);
    // The class waits for the first consumer.
    if (textAt(claim, "spec", "volumeName") !== undefined || !this.#isUsed(claim)) return;
    const ref = refOf(claim);
    const { provisionMs } = this.#world.options.delays;
    this.#world.agenda.later(provisionMs, `provision/${claim.metadata.uid}`, () => {
      const now = this.#world.get(ref);
      if (now === undefined || now.metadata.uid !== claim.metadata.uid) return;
      if (textAt(now, "status", "phase") === "Bound") return;
      this.#bindTo(now, this.#fittingVolume(now) ?? this.#provision(now));
    });
  }

  /**
   * The one that it names, one that is kept for it, or any that is free: a volume without a
   * `claimRef` is anybody's, whoever's data is on it.
   */
  #fittingVolume(claim: KubeObject): KubeObject | undefined {
    const { namespace, name, uid } = claim.metadata;
    const wanted = textAt(claim, "spec", "volumeName");
    const isForIt = (volume: KubeObject) => {
      const owner = treeAt(volume, "spec", "claimRef");
      if (owner["name"] === undefined) return true;
      return owner["namespace"] === namespace && owner["name"] === name &&
        (owner["uid"] === undefined || owner["uid"] === uid);
    };
    const fits = (volume: KubeObject) =>
      volume.metadata.deletionTimestamp === undefined && isForIt(volume) &&
      capacityOf(volume) >= sizeOf(claim) &&
      (textAt(volume, "spec", "storageClassName") ?? "") ===
        (textAt(claim, "spec", "storageClassName") ?? "");
    if (wanted !== undefined) {
      const volume = this.#world.get({ ...VOLUME, name: wanted });
      return volume !== undefined && fits(volume) ? volume : undefined;
    }
    if (at(claim, "spec", "dataSource") !== undefined) return undefined;
    const free = this.#freeVolumes().filter(fits);
    return free.find((one) => at(one, "spec", "claimRef") !== undefined) ??
      free.sort((a, b) => capacityOf(a) - capacityOf(b))[0];
  }

  /** Kept by name, so that binding costs nothing where all volumes are in use. */
  readonly #free = new Set<string>();

  #freeVolumes(): KubeObject[] {
    return [...this.#free].map((name) => this.#world.get({ ...VOLUME, name }))
      .filter((volume) => volume !== undefined);
  }

  #bindTo(claim: KubeObject, volume: KubeObject): void {
    const capacity = treeAt(volume, "spec", "capacity");
    this.#world.update(refOf(volume), (now) => ({
      ...now,
      spec: { ...treeAt(now, "spec"), claimRef: claimRefOf(claim) },
      status: { phase: "Bound" },
    }));
    this.#world.update(refOf(claim), (now) => ({
      ...now,
      metadata: {
        ...now.metadata,
        annotations: { ...now.metadata.annotations, "pv.kubernetes.io/bind-completed": "yes" },
      },
      spec: { ...treeAt(now, "spec"), volumeName: volume.metadata.name },
      status: { phase: "Bound", accessModes: at(now, "spec", "accessModes"), capacity },
    }));
  }

  #provision(claim: KubeObject): KubeObject {
    const { uid = "" } = claim.metadata;
    const name = `pvc-${uid}`;
    const className = textAt(claim, "spec", "storageClassName") ?? "";
    const reclaim = textAt(
      this.#world.get({ ...STORAGE_CLASS, name: className }),
      "reclaimPolicy",
    );
    const volumeUid = this.#world.newUid();
    const disk = new SimulatedVolume(name, volumeUid, sizeOf(claim));
    this.#world.disks.set(name, disk);
    const snapshot = textAt(claim, "spec", "dataSource", "name");
    if (snapshot !== undefined) disk.data = this.#restored(claim, snapshot);
    return this.#world.write({
      ...VOLUME,
      metadata: {
        name,
        uid: volumeUid,
        creationTimestamp: this.#world.time(),
        annotations: { "pv.kubernetes.io/provisioned-by": "simulated.csi" },
        finalizers: [VOLUME_PROTECTION],
      },
      spec: {
        capacity: { storage: at(claim, "spec", "resources", "requests", "storage") },
        accessModes: at(claim, "spec", "accessModes"),
        claimRef: claimRefOf(claim),
        persistentVolumeReclaimPolicy: reclaim ?? "Delete",
        storageClassName: className,
        volumeMode: "Filesystem",
        csi: { driver: "simulated.csi", volumeHandle: name },
      },
      status: { phase: "Pending" },
    });
  }

  #expandLater(claim: KubeObject, volume: string): void {
    const { agenda, options } = this.#world;
    agenda.later(options.delays.expandMs, `expand/${claim.metadata.uid}`, () => {
      const now = this.#world.get(refOf(claim));
      const disk = this.#world.disks.get(volume);
      if (now === undefined || disk === undefined) return;
      const storage = at(now, "spec", "resources", "requests", "storage");
      disk.sizeBytes = Math.max(disk.sizeBytes, sizeOf(now));
      this.#world.update({ ...VOLUME, name: volume }, (object) => ({
        ...object,
        spec: { ...treeAt(object, "spec"), capacity: { storage } },
      }));
      this.#world.setStatus(refOf(claim), { capacity: { storage } });
    });
  }

  reconcileVolume(ref: KubeRef): void {
    const volume = this.#world.get(ref);
    this.#free.delete(ref.name);
    if (volume === undefined) return;
    const isKept = textAt(volume, "spec", "persistentVolumeReclaimPolicy") !== "Delete";
    // By the phase that it still has: the driver does not look whether somebody wants it again.
    if (textAt(volume, "status", "phase") === "Released" && !isKept) this.#destroy(volume);
    const phase = this.#phaseOf(volume);
    if (phase === "Available") this.#free.add(ref.name);
    if (phase !== textAt(volume, "status", "phase")) this.#world.setStatus(ref, { phase });
    if (phase === "Released" && !isKept) this.#destroy(volume);
    if (phase !== "Bound" && volume.metadata.deletionTimestamp !== undefined) {
      this.#world.dropFinalizer(ref, VOLUME_PROTECTION);
    }
    if (phase === "Available") this.#offer();
  }

  #phaseOf(volume: KubeObject): string {
    const owner = treeAt(volume, "spec", "claimRef");
    if (owner["uid"] === undefined) return "Available";
    const [namespace, name] = [textAt(owner, "namespace"), textAt(owner, "name") ?? ""];
    const claim = this.#world.get({ ...CLAIM, namespace, name });
    if (claim?.metadata.uid !== owner["uid"]) return "Released";
    const isBound = textAt(claim, "spec", "volumeName") === volume.metadata.name;
    return isBound ? "Bound" : textAt(volume, "status", "phase") ?? "Pending";
  }

  #destroy(volume: KubeObject): void {
    const { name } = volume.metadata;
    const disk = this.#world.disks.get(name);
    if (disk !== undefined && disk.destroyed === undefined) {
      disk.destroyed = `Released with policy Delete at ${this.#world.time()}`;
      if (disk.mountedBy.size > 0) this.#world.violations.push(`${name} went while it was mounted`);
    }
    this.#world.beginDeletion(volume);
  }

  /** Claims that wait may take a volume that became free. */
  #offer(): void {
    for (const claim of this.#world.store.list(CLAIM)) {
      if (textAt(claim, "status", "phase") === "Pending") this.#bind(claim);
    }
  }

  reconcileSnapshot(ref: KubeRef): void {
    const snapshot = this.#world.get(ref);
    if (snapshot === undefined || at(snapshot, "status", "readyToUse") === true) return;
    const { snapshotMs } = this.#world.options.delays;
    this.#world.agenda.later(snapshotMs, `snapshot/${snapshot.metadata.uid}`, () => {
      const now = this.#world.get(ref);
      if (now !== undefined) this.#take(now);
    });
  }

  #take(snapshot: KubeObject): void {
    const { namespace, uid } = snapshot.metadata;
    const name = textAt(snapshot, "spec", "source", "persistentVolumeClaimName") ?? "";
    const claim = this.#world.get({ ...CLAIM, namespace, name });
    const disk = this.#world.disks.get(textAt(claim, "spec", "volumeName") ?? "");
    const className = textAt(snapshot, "spec", "volumeSnapshotClassName") ?? "";
    const snapshotClass = this.#world.get({ ...SNAPSHOT_CLASS, name: className });
    if (disk === undefined || snapshotClass === undefined) {
      const error = { message: disk === undefined ? "no such claim" : "no such snapshot class" };
      return this.#world.setStatus(refOf(snapshot), { readyToUse: false, error });
    }
    const content = `snapcontent-${uid}`;
    this.#snapshots.set(content, structuredClone(disk.data));
    this.#world.write({
      ...SNAPSHOT_CONTENT,
      metadata: { name: content, uid: this.#world.newUid(), creationTimestamp: this.#world.time() },
      spec: {
        deletionPolicy: textAt(snapshotClass, "deletionPolicy"),
        driver: "simulated.csi",
        volumeSnapshotRef: refOf(snapshot),
      },
    });
    this.#world.setStatus(refOf(snapshot), {
      readyToUse: true,
      boundVolumeSnapshotContentName: content,
      creationTime: this.#world.time(),
      restoreSize: at(claim, "status", "capacity", "storage"),
    });
  }

  /** A snapshot that went takes its content along, unless the policy keeps that. */
  snapshotGone(snapshot: KubeObject): void {
    const name = textAt(snapshot, "status", "boundVolumeSnapshotContentName") ?? "";
    const content = this.#world.get({ ...SNAPSHOT_CONTENT, name });
    if (content === undefined || textAt(content, "spec", "deletionPolicy") !== "Delete") return;
    this.#snapshots.delete(name);
    this.#world.finish(refOf(content));
  }

  #restored(claim: KubeObject, name: string): unknown {
    const { namespace } = claim.metadata;
    const snapshot = this.#world.get({ ...SNAPSHOT, namespace, name });
    const content = textAt(snapshot, "status", "boundVolumeSnapshotContentName") ?? "";
    return structuredClone(this.#snapshots.get(content));
  }
}
