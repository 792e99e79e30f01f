/** The simulated cluster's disks: how long they stay, and whose they may become. */
import assert from "node:assert/strict";
import { FakeClock } from "./fakes/indexing.ts";
import {
  CLAIM_REF,
  claimOf,
  FINALIZER,
  hasFault,
  NAMESPACE_REF,
  namespaceOf,
  POD_REF,
  setOf,
  withBrain,
} from "./manager/simulated_brain.ts";
import { SimulatedCluster } from "./manager/simulated_cluster.ts";
import { at, treeAt } from "./manager/simulated_cluster_tree.ts";

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
