/** The part of a cluster's contract that is about claims, volumes and quotas. */
import assert from "node:assert/strict";
import type { KubeObject, KubeRef } from "../../src/manager/kube_object.ts";
import { type Check, type Checked, hasFault } from "./cluster_contract_check.ts";
import { at, textAt, treeAt } from "./simulated_cluster_tree.ts";

const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" };
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" };

/** Nobody provisions for it: its volumes are made by hand. */
function classOf(name: string, allowVolumeExpansion: boolean): KubeObject {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name },
    provisioner: "second-brain.test/nobody",
    allowVolumeExpansion,
  };
}

interface ClaimOptions {
  readonly storage?: string;
  readonly storageClassName?: string;
  readonly volumeName?: string;
}

function claimOf(
  { namespace }: Checked,
  name: string,
  { storage = "1Gi", storageClassName = "contract", volumeName }: ClaimOptions = {},
): KubeObject {
  return {
    ...CLAIM,
    metadata: { name, namespace },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName,
      resources: { requests: { storage } },
      ...volumeName === undefined ? {} : { volumeName },
    },
  };
}

function claimRef({ namespace }: Checked, name: string): KubeRef {
  return { ...CLAIM, namespace, name };
}

/** A claim with a volume of its own, bound to it. */
async function bound(
  place: Checked,
  name: string,
  storageClassName = "contract",
): Promise<KubeRef> {
  const { cluster, namespace, eventually } = place;
  const volumeName = `${namespace}-${name}`;
  await cluster.apply(classOf(storageClassName, storageClassName === "contract"));
  await cluster.apply({
    ...VOLUME,
    metadata: { name: volumeName },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName,
      persistentVolumeReclaimPolicy: "Retain",
      csi: { driver: "second-brain.test", volumeHandle: volumeName },
      claimRef: { ...CLAIM, namespace, name },
    },
  });
  await cluster.apply(claimOf(place, name, { storageClassName }));
  await eventually("the claim is bound", async () => {
    const claim = await cluster.get(claimRef(place, name));
    return textAt(claim, "status", "phase") === "Bound" || undefined;
  });
  return { ...VOLUME, name: volumeName };
}

export const storageChecks: readonly Check[] = [
  {
    promise: "a claim that waits for its volume cannot change its size",
    async run(place) {
      const { cluster } = place;
      await cluster.apply(classOf("contract", true));
      await cluster.apply(claimOf(place, "data-1"));
      const larger = cluster.apply(claimOf(place, "data-1", { storage: "2Gi" }));
      await assert.rejects(larger, hasFault("invalid", 422, /immutable after creation/));
    },
  },
  {
    promise: "a bound claim grows where its class allows it, and never shrinks",
    async run(place) {
      const { cluster } = place;
      await bound(place, "data-1");
      // What the binder has set stays, though the apply does not name it.
      const same = await cluster.apply(claimOf(place, "data-1"));
      assert.equal(textAt(same, "spec", "volumeName"), `${place.namespace}-data-1`);
      const larger = await cluster.apply(claimOf(place, "data-1", { storage: "2Gi" }));
      assert.equal(at(larger, "spec", "resources", "requests", "storage"), "2Gi");
      const smaller = cluster.apply(claimOf(place, "data-1"));
      await assert.rejects(smaller, hasFault("invalid", 422, /less than previous|status.capacity/));
      const moved = cluster.apply(
        claimOf(place, "data-1", { storage: "2Gi", storageClassName: "x" }),
      );
      await assert.rejects(moved, hasFault("invalid", 422, /immutable after creation/));
    },
  },
  {
    promise: "a bound claim of a class that cannot grow is refused",
    async run(place) {
      await bound(place, "data-1", "contract-fixed");
      const larger = place.cluster.apply(
        claimOf(place, "data-1", { storage: "2Gi", storageClassName: "contract-fixed" }),
      );
      await assert.rejects(larger, hasFault("forbidden", 403, /must support resize/));
    },
  },
  {
    promise: "a kept volume outlives its claim, and a new one that names it gets it",
    async run(place) {
      const { cluster, eventually } = place;
      const volume = await bound(place, "data-1");
      await cluster.delete(claimRef(place, "data-1"));
      const phaseIs = (phase: string) =>
        eventually(`the volume is ${phase}`, async () => {
          return textAt(await cluster.get(volume), "status", "phase") === phase || undefined;
        });
      await phaseIs("Released");
      await cluster.apply(claimOf(place, "data-2", { volumeName: volume.name }));
      const claimant = { ...CLAIM, namespace: place.namespace, name: "data-2" };
      await cluster.patch(volume, {
        spec: { claimRef: { ...claimant, uid: null, resourceVersion: null } },
      });
      await phaseIs("Bound");
      const claim = await eventually("the claim is bound", async () => {
        const found = await cluster.get(claimRef(place, "data-2"));
        return textAt(found, "status", "phase") === "Bound" ? found : undefined;
      });
      assert.equal(textAt(claim, "spec", "volumeName"), volume.name);
      const owner = treeAt(await cluster.get(volume), "spec", "claimRef");
      assert.equal(owner["uid"], claim.metadata.uid);
    },
  },
  {
    promise: "a quota is enforced once its controller has seen it, for dry runs too",
    async run(place) {
      const { cluster, namespace, eventually } = place;
      await cluster.apply(classOf("contract", true));
      const quota = { apiVersion: "v1", kind: "ResourceQuota" };
      await cluster.apply({
        ...quota,
        metadata: { name: "brain", namespace },
        spec: { hard: { persistentvolumeclaims: "2", "requests.storage": "3Gi" } },
      });
      await eventually("the quota is in force", async () => {
        const found = await cluster.get({ ...quota, namespace, name: "brain" });
        return at(found, "status", "hard", "persistentvolumeclaims");
      });
      await cluster.apply(claimOf(place, "data-1"));
      const large = claimOf(place, "data-2", { storage: "3Gi" });
      const beyond = hasFault("forbidden", 403, /exceeded quota: brain/);
      await assert.rejects(cluster.apply(large, { dryRun: true }), beyond);
      await cluster.apply(claimOf(place, "data-2"));
      await assert.rejects(cluster.apply(claimOf(place, "data-3")), beyond);
    },
  },
  {
    promise: "a limit range gives defaults and has an upper bound",
    async run(place) {
      const { cluster, namespace } = place;
      await cluster.apply({
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "brain", namespace },
        spec: {
          limits: [{
            type: "Container",
            max: { memory: "2Gi" },
            default: { memory: "1Gi" },
            defaultRequest: { memory: "512Mi" },
          }],
        },
      });
      const account = { apiVersion: "v1", kind: "ServiceAccount" };
      await cluster.apply({ ...account, metadata: { name: "brain", namespace } });
      const podOf = (resources: object): KubeObject => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "brain-0", namespace },
        spec: {
          serviceAccountName: "brain",
          automountServiceAccountToken: false,
          containers: [{ name: "brain", image: "brain:1", resources }],
        },
      });
      const big = podOf({ limits: { memory: "3Gi" } });
      const refused = hasFault("forbidden", 403, /maximum memory usage per Container is 2Gi/);
      // A real server sees it a moment later.
      await place.eventually("the limit range is in force", async () => {
        try {
          await cluster.create(big, { dryRun: true });
          return undefined;
        } catch (error) {
          return refused(error);
        }
      });
      const pod = await cluster.create(podOf({}), { dryRun: true });
      assert.deepEqual(resourcesOf(pod), {
        limits: { memory: "1Gi" },
        requests: { memory: "512Mi" },
      });
    },
  },
];

function resourcesOf(pod: KubeObject): unknown {
  const containers = at(pod, "spec", "containers");
  return Array.isArray(containers) ? at(containers[0], "resources") : undefined;
}
