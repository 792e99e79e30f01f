/** The simulated cluster's pods, and how a test meddles with it: what the contract leaves out. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { FakeClock } from "./fakes/indexing.ts";
import {
  CLAIM_REF,
  claimOf,
  hasFault,
  namespaceOf,
  type Place,
  POD_REF,
  SET_REF,
  setOf,
  withBrain,
} from "./manager/simulated_brain.ts";
import { SimulatedCluster } from "./manager/simulated_cluster.ts";
import { at, treeAt, treesAt } from "./manager/simulated_cluster_tree.ts";

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
