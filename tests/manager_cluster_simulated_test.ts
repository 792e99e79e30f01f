/** The simulated cluster's controllers, disks and faults: what the contract does not speak of. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import type { KubeObject } from "../src/manager/kube_object.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { SimulatedCluster } from "./manager/simulated_cluster.ts";
import { at, treeAt, treesAt } from "./manager/simulated_cluster_tree.ts";

const LABELS = { app: "brain" };
const POD_REF = { apiVersion: "v1", kind: "Pod", namespace: "user-a", name: "brain-0" };
const SET_REF = { apiVersion: "apps/v1", kind: "StatefulSet", namespace: "user-a", name: "brain" };
const CLAIM_REF = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  namespace: "user-a",
  name: "data-1",
};
const NAMESPACE_REF = { apiVersion: "v1", kind: "Namespace", name: "user-a" };
const FINALIZER = "second-brain/keep-volume";

function namespaceOf(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function claimOf(name = "data-1", spec: object = {}, storage = "1Gi"): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: "user-a", finalizers: [FINALIZER] },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, ...spec },
  };
}

function setOf(
  { replicas = 1, claim = "data-1", image = "brain:1", memory = "1Gi" } = {},
): KubeObject {
  const resources = {
    requests: { cpu: "250m", memory: "512Mi" },
    limits: { cpu: "500m", memory },
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "brain", namespace: "user-a" },
    spec: {
      serviceName: "brain",
      replicas,
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          containers: [{ name: "brain", image, resources }],
          volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}

interface Place {
  readonly clock: FakeClock;
  readonly cluster: SimulatedCluster;
}

/** With one brain in it, ready, and something on its disk. */
async function withBrain(options: Partial<ConstructorParameters<typeof SimulatedCluster>[0]> = {}) {
  const clock = new FakeClock();
  const cluster = new SimulatedCluster({ clock, ...options });
  for (const object of [namespaceOf("user-a"), claimOf(), setOf()]) await cluster.apply(object);
  await clock.advance(10_000);
  const disk = cluster.volumeOf("user-a", "data-1");
  if (disk !== undefined) disk.data = { memories: ["one"] };
  return { clock, cluster };
}

function hasFault(fault: string, text = ""): (error: unknown) => boolean {
  return (error) =>
    error instanceof ClusterError && error.fault === fault && error.message.includes(text);
}

async function phaseOf({ cluster }: Place, ref: typeof CLAIM_REF): Promise<unknown> {
  return at(await cluster.get(ref), "status", "phase");
}

Deno.test("a claim waits for its first pod; pod and disk come together", async () => {
  const clock = new FakeClock();
  const cluster = new SimulatedCluster({ clock });
  await cluster.apply(namespaceOf("user-a"));
  await cluster.apply(claimOf());
  await clock.advance(60_000);
  assert.equal(await phaseOf({ clock, cluster }, CLAIM_REF), "Pending");
  await cluster.apply(setOf());
  await clock.advance(10_000);
  assert.equal(await phaseOf({ clock, cluster }, CLAIM_REF), "Bound");
  const pod = cluster.readyPod("user-a", "brain-0");
  assert.deepEqual([...pod?.volumes.keys() ?? []], ["data-1"]);
  const status = treeAt(await cluster.get(SET_REF), "status");
  const revision = pod?.object.metadata.labels?.["controller-revision-hash"];
  assert.deepEqual(status, {
    replicas: 1,
    observedGeneration: 1,
    readyReplicas: 1,
    updatedReplicas: 1,
    currentRevision: revision,
    updateRevision: revision,
  });
  assert.deepEqual(cluster.violations, []);
});

Deno.test("with OnDelete a new template waits for the pod's deletion, which is graceful", async () => {
  const { clock, cluster } = await withBrain();
  const first = cluster.readyPod("user-a", "brain-0")?.uid;
  await cluster.apply(setOf({ image: "brain:2" }));
  await clock.advance(60_000);
  assert.equal(cluster.readyPod("user-a", "brain-0")?.uid, first);
  await cluster.delete(POD_REF, { uid: first });
  assert.notEqual((await cluster.get(POD_REF))?.metadata.deletionTimestamp, undefined);
  assert.equal(cluster.readyPod("user-a", "brain-0"), undefined);
  await clock.advance(10_000);
  const second = cluster.readyPod("user-a", "brain-0");
  assert.notEqual(second?.uid, first);
  assert.equal(treesAt(second?.object, "spec", "containers")[0]?.["image"], "brain:2");
  assert.deepEqual(cluster.violations, []);
});

Deno.test("a pod forced away meets the next one on its disk, unless the claim is for one pod", async () => {
  for (const [mode, violations] of [["ReadWriteOnce", 1], ["ReadWriteOncePod", 0]] as const) {
    const clock = new FakeClock();
    const cluster = new SimulatedCluster({ clock });
    const claim = claimOf("data-1", { accessModes: [mode] });
    for (const object of [namespaceOf("user-a"), claim, setOf()]) await cluster.apply(object);
    await clock.advance(10_000);
    await cluster.delete(POD_REF, { graceS: 0 });
    await clock.advance(10_000);
    assert.equal(cluster.violations.length, violations, mode);
  }
});

Deno.test("our finalizer and Retain keep a disk over the loss of its namespace, and bring it back", async () => {
  const place = await withBrain();
  const { clock, cluster } = place;
  const disk = cluster.volumeOf("user-a", "data-1");
  cluster.remove(NAMESPACE_REF);
  await clock.advance(30_000);
  assert.equal(treeAt(await cluster.get(NAMESPACE_REF), "status")["phase"], "Terminating");
  await assert.rejects(cluster.create(claimOf("data-2")), hasFault("forbidden", "terminated"));
  assert.equal(await cluster.get(POD_REF), undefined);
  assert.deepEqual((await cluster.get(CLAIM_REF))?.metadata.finalizers, [FINALIZER]);

  const volume = { apiVersion: "v1", kind: "PersistentVolume", name: disk?.name ?? "" };
  await cluster.patch(volume, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
  await cluster.patch(CLAIM_REF, { metadata: { finalizers: null } });
  await clock.advance(30_000);
  assert.equal(await cluster.get(NAMESPACE_REF), undefined);
  assert.equal(at(await cluster.get(volume), "status", "phase"), "Released");

  const claimRef = { uid: null, resourceVersion: null, name: "data-2" };
  await cluster.patch(volume, { spec: { claimRef } });
  await cluster.apply(namespaceOf("user-a"));
  await cluster.apply(claimOf("data-2", { volumeName: volume.name }));
  await cluster.apply(setOf({ claim: "data-2" }));
  await clock.advance(30_000);
  assert.equal(cluster.readyPod("user-a", "brain-0")?.volumes.get("data-2"), disk);
  assert.deepEqual([disk?.data, disk?.destroyed], [{ memories: ["one"] }, undefined]);
});

Deno.test("a volume whose claimRef is cleared goes to whoever asks first", async () => {
  const { clock, cluster } = await withBrain();
  const disk = cluster.volumeOf("user-a", "data-1");
  const volume = { apiVersion: "v1", kind: "PersistentVolume", name: disk?.name ?? "" };
  await cluster.patch(volume, { spec: { persistentVolumeReclaimPolicy: "Retain" } });
  await cluster.apply(setOf({ replicas: 0 }));
  await clock.advance(5_000);
  await cluster.patch(CLAIM_REF, { metadata: { finalizers: null } });
  await cluster.delete(CLAIM_REF);
  await clock.advance(5_000);
  await cluster.patch(volume, { spec: { claimRef: null } });
  await cluster.apply(namespaceOf("user-b"));
  const stranger = claimOf("stranger");
  stranger.metadata.namespace = "user-b";
  await cluster.apply(stranger);
  await clock.advance(5_000);
  assert.equal(cluster.volumeOf("user-b", "stranger"), disk);
});

Deno.test("with policy Delete the disk goes with its claim, and only then", async () => {
  const { clock, cluster } = await withBrain();
  const disk = cluster.volumeOf("user-a", "data-1");
  await cluster.delete(CLAIM_REF);
  await cluster.patch(CLAIM_REF, { metadata: { finalizers: ["kubernetes.io/pvc-protection"] } });
  await clock.advance(60_000);
  assert.equal(disk?.destroyed, undefined, "while its pod runs");
  await cluster.apply(setOf({ replicas: 0 }));
  await clock.advance(10_000);
  assert.equal(await cluster.get(CLAIM_REF), undefined);
  assert.match(disk?.destroyed ?? "", /^Released with policy Delete/);
  assert.deepEqual(
    await cluster.list({ apiVersion: "v1", kind: "PersistentVolume" }).then(
      ({ items }) => items,
    ),
    [],
  );
});

Deno.test("a snapshot is a copy, and a claim made of it gets what was on the disk then", async () => {
  const { clock, cluster } = await withBrain();
  const snapshot = {
    apiVersion: "snapshot.storage.k8s.io/v1",
    kind: "VolumeSnapshot",
    metadata: { name: "first", namespace: "user-a" },
    spec: {
      volumeSnapshotClassName: "snapshots",
      source: { persistentVolumeClaimName: "data-1" },
    },
  };
  await cluster.apply(snapshot);
  await clock.advance(5_000);
  const disk = cluster.volumeOf("user-a", "data-1");
  if (disk !== undefined) disk.data = { memories: ["one", "two"] };
  const dataSource = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "first" };
  await cluster.apply(claimOf("data-2", { dataSource }));
  await cluster.apply(setOf({ claim: "data-2" }));
  await cluster.delete(POD_REF);
  await clock.advance(20_000);
  assert.deepEqual(cluster.volumeOf("user-a", "data-2")?.data, { memories: ["one"] });
  assert.equal(cluster.readyPod("user-a", "brain-0")?.volumes.has("data-2"), true);
});

Deno.test("resize: processors live, memory with a restart, another class of quality not at all", async () => {
  const { clock, cluster } = await withBrain();
  const resized = async (cpu: string, memory: string) => {
    const pod = await cluster.get(POD_REF);
    const [container] = treesAt(pod, "spec", "containers");
    const resources = {
      requests: { cpu: "250m", memory: "512Mi" },
      limits: { cpu, memory },
    };
    const patch = { spec: { containers: [{ ...container, resources }] } };
    await cluster.patch(POD_REF, patch, { subresource: "resize" });
    await clock.advance(5_000);
    const [status] = treesAt(await cluster.get(POD_REF), "status", "containerStatuses");
    return [at(status, "resources", "limits"), at(status, "restartCount")];
  };
  assert.deepEqual(await resized("2", "1Gi"), [{ cpu: "2", memory: "1Gi" }, 0]);
  assert.deepEqual(await resized("2", "4Gi"), [{ cpu: "2", memory: "4Gi" }, 1]);
  await assert.rejects(resized("250m", "512Mi"), hasFault("invalid", "QOS"));
  assert.notEqual(cluster.readyPod("user-a", "brain-0"), undefined);
});

Deno.test("a raised quota counts once its controller has seen it", async () => {
  const { clock, cluster } = await withBrain();
  const quotaOf = (claims: string) => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "brain", namespace: "user-a" },
    spec: { hard: { persistentvolumeclaims: claims } },
  });
  await cluster.apply(quotaOf("1"));
  await clock.advance(1_000);
  await cluster.apply(quotaOf("2"));
  await assert.rejects(cluster.apply(claimOf("data-2")), hasFault("forbidden", "exceeded quota"));
  await clock.advance(1_000);
  await cluster.apply(claimOf("data-2"));
  await assert.rejects(cluster.apply(claimOf("data-3")), hasFault("forbidden", "exceeded quota"));
});

Deno.test("pods that cannot start say why, and start once they can", async () => {
  const { clock, cluster } = await withBrain();
  await cluster.apply(setOf({ image: "brain:broken" }));
  await cluster.delete(POD_REF);
  await clock.advance(20_000);
  const [status] = treesAt(await cluster.get(POD_REF), "status", "containerStatuses");
  assert.equal(at(status, "state", "waiting", "reason"), "ImagePullBackOff");
  await cluster.apply(setOf());
  await cluster.delete(POD_REF);
  await clock.advance(20_000);
  assert.notEqual(cluster.readyPod("user-a", "brain-0"), undefined);
});

Deno.test("an impossible template is taken, and its set says so in an event", async () => {
  const { clock, cluster } = await withBrain();
  await cluster.apply(setOf({ memory: "256Mi" }));
  await cluster.delete(POD_REF);
  await clock.advance(20_000);
  assert.equal(await cluster.get(POD_REF), undefined);
  const { items } = await cluster.list({ apiVersion: "v1", kind: "Event" }, {
    namespace: "user-a",
  });
  assert.deepEqual(items.map((event) => event["reason"]), ["FailedCreate"]);
  assert.match(`${items[0]?.["message"]}`, /must be less than or equal to memory limit/);
});

Deno.test("what a lost node runs goes on, and ends when it is back", async () => {
  const { clock, cluster } = await withBrain();
  cluster.setNodeLost(true);
  assert.equal(cluster.readyPod("user-a", "brain-0"), undefined);
  await cluster.delete(POD_REF);
  await clock.advance(600_000);
  assert.notEqual(await cluster.get(POD_REF), undefined);
  assert.equal(cluster.volumeOf("user-a", "data-1")?.mountedBy.size, 1);
  cluster.setNodeLost(false);
  await clock.advance(20_000);
  assert.notEqual(cluster.readyPod("user-a", "brain-0"), undefined);
  assert.deepEqual(cluster.violations, []);
});

Deno.test("faults before a call keep it from happening, faults after it lose the answer", async () => {
  const { cluster } = await withBrain();
  const lost = new ClusterError("unavailable", 0, "", "Cannot reach it");
  const mapOf = (name: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "user-a" },
  });
  const fail = () => {
    throw lost;
  };
  cluster.faults = { before: fail };
  await assert.rejects(cluster.apply(mapOf("before")), lost);
  cluster.faults = { after: fail };
  await assert.rejects(cluster.apply(mapOf("after")), lost);
  cluster.faults = {};
  const isThere = (name: string) => {
    const ref = { apiVersion: "v1", kind: "ConfigMap", namespace: "user-a", name };
    return cluster.peek(ref) !== undefined;
  };
  assert.deepEqual(["before", "after"].map(isThere), [false, true]);
});
