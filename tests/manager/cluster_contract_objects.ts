/** The part of a cluster's contract that is about writing objects, and about their deletion. */
import assert from "node:assert/strict";
import { ClusterError, type ClusterFault } from "../../src/manager/cluster.ts";
import { type Check, hasFault, mapOf, mapRef, namespaceOf } from "./cluster_contract_check.ts";
import { treeAt } from "./simulated_cluster_tree.ts";

/** Deleted by the first check, and looked for by the last. */
const ENDING = "contract-ending";

export const objectChecks: readonly Check[] = [
  {
    promise: "a namespace that is deleted takes nothing new",
    async run(given) {
      const { cluster, eventually } = given;
      const namespace = ENDING;
      await cluster.apply(namespaceOf(namespace));
      const place = { ...given, namespace };
      const map = mapOf(place, "held");
      map.metadata.finalizers = ["second-brain/keep"];
      await cluster.apply(map);
      const ref = { apiVersion: "v1", kind: "Namespace", name: namespace };
      const { metadata: { uid } } = await cluster.get(ref) ?? assert.fail();
      const other = cluster.delete(ref, { uid: "11111111-1111-1111-1111-111111111111" });
      await assert.rejects(other, hasFault("conflict", 409));
      await cluster.delete(ref, { uid });
      await cluster.delete(ref, { uid });
      const applied = await cluster.apply(namespaceOf(namespace));
      assert.equal(typeof applied.metadata.deletionTimestamp, "string");
      const late = cluster.create(mapOf(place, "late"));
      await assert.rejects(late, hasFault("forbidden", 403, /being terminated/));
      await eventually("what is in it is deleted", async () => {
        return (await cluster.get(mapRef(place, "held")))?.metadata.deletionTimestamp;
      });
      assert.equal(treeAt(await cluster.get(ref), "status")["phase"], "Terminating");
      await cluster.patch(mapRef(place, "held"), { metadata: { finalizers: null } });
    },
  },
  {
    promise: "an apply creates, and the same one again changes nothing",
    async run(place) {
      const { cluster } = place;
      const made = await cluster.apply(mapOf(place, "a", { x: "1" }));
      assert.deepEqual([made.apiVersion, made.kind, made["data"]], ["v1", "ConfigMap", { x: "1" }]);
      assert.equal(typeof made.metadata.uid, "string");
      assert.equal(made.metadata["managedFields"], undefined);
      const again = await cluster.apply(mapOf(place, "a", { x: "1" }));
      assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
      assert.deepEqual(await cluster.get(mapRef(place, "a")), made);
    },
  },
  {
    promise: "an apply sets what it names, drops what it named before, and leaves what others set",
    async run(place) {
      const { cluster } = place;
      await cluster.apply(mapOf(place, "a", { ours: "1", gone: "1" }));
      const ref = mapRef(place, "a");
      await cluster.patch(ref, { data: { theirs: "1", ours: "theirs" } });
      const { metadata, ...after } = await cluster.apply(mapOf(place, "a", { ours: "2" }));
      assert.deepEqual(after["data"], { ours: "2", theirs: "1" });
      assert.equal(metadata.name, "a");
    },
  },
  {
    promise: "a dry run checks and keeps nothing",
    async run(place) {
      const { cluster } = place;
      const tried = await cluster.apply(mapOf(place, "a", { x: "1" }), { dryRun: true });
      assert.deepEqual(tried["data"], { x: "1" });
      await cluster.create(mapOf(place, "a"), { dryRun: true });
      assert.equal(await cluster.get(mapRef(place, "a")), undefined);
      await cluster.apply(mapOf(place, "a"));
      await cluster.delete(mapRef(place, "a"), { dryRun: true });
      await cluster.patch(mapRef(place, "a"), { data: { x: "2" } }, { dryRun: true });
      assert.deepEqual((await cluster.get(mapRef(place, "a")))?.["data"] ?? {}, {});
    },
  },
  {
    promise: "creating what is there is refused, also while it is being deleted",
    async run(place) {
      const { cluster } = place;
      const map = mapOf(place, "a");
      map.metadata.finalizers = ["second-brain/keep"];
      await cluster.create(map);
      await assert.rejects(cluster.create(map), hasFault("already_exists", 409, /already exists/));
      await cluster.delete(mapRef(place, "a"));
      await assert.rejects(cluster.create(map), hasFault("already_exists", 409, /being deleted/));
      await cluster.patch(mapRef(place, "a"), { metadata: { finalizers: null } });
      assert.equal(await cluster.get(mapRef(place, "a")), undefined);
    },
  },
  {
    promise: "a replacement wants the present version, and what it replaces",
    async run(place) {
      const { cluster } = place;
      const first = await cluster.create(mapOf(place, "a", { x: "1" }));
      const second = await cluster.replace({ ...first, data: { y: "2" } });
      assert.deepEqual(second["data"], { y: "2" });
      const late = cluster.replace({ ...first, data: { x: "3" } });
      await assert.rejects(late, hasFault("conflict", 409, /modified/));
      const unversioned = cluster.replace(mapOf(place, "a"));
      await assert.rejects(unversioned, (error) => {
        return error instanceof ClusterError && error.fault === "invalid";
      });
      await cluster.delete(mapRef(place, "a"));
      const gone = cluster.replace({ ...second, data: { z: "4" } });
      await assert.rejects(gone, (error) => {
        const faults: readonly ClusterFault[] = ["conflict", "not_found"];
        return error instanceof ClusterError && faults.includes(error.fault);
      });
    },
  },
  {
    promise: "of many writers with the same version exactly one wins",
    async run(place) {
      const { cluster } = place;
      const first = await cluster.create(mapOf(place, "a"));
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => cluster.replace({ ...first, data: { n: `${n}` } })),
      );
      const losers = outcomes.filter((one) => one.status === "rejected").map((one) => one.reason);
      assert.equal(losers.length, 7);
      for (const loser of losers) hasFault("conflict", 409)(loser);
    },
  },
  {
    promise: "a deletion that names another uid is refused",
    async run(place) {
      const { cluster } = place;
      const { metadata: { uid } } = await cluster.apply(mapOf(place, "a"));
      const ref = mapRef(place, "a");
      const other = cluster.delete(ref, { uid: "11111111-1111-1111-1111-111111111111" });
      await assert.rejects(other, hasFault("conflict", 409));
      await cluster.delete(ref, { uid });
      assert.equal(await cluster.get(ref), undefined);
    },
  },
  {
    promise: "wrong names, labels and versions are refused with a reason",
    async run(place) {
      const { cluster } = place;
      await assert.rejects(
        cluster.apply(mapOf(place, "Wrong_Name")),
        (error) => error instanceof ClusterError && error.fault === "invalid",
      );
      const labelled = mapOf(place, "a");
      labelled.metadata.labels = { user: "a@b" };
      await assert.rejects(cluster.apply(labelled), hasFault("invalid", 422, /valid label/));
      await cluster.apply(mapOf(place, "a"));
      const old = cluster.patch(mapRef(place, "a"), { metadata: { resourceVersion: "1" } });
      await assert.rejects(old, hasFault("conflict", 409, /modified/));
    },
  },
  {
    promise:
      "a finalizer holds what is deleted; an apply onto it succeeds, a new finalizer does not",
    async run(place) {
      const { cluster } = place;
      const map = mapOf(place, "a");
      map.metadata.finalizers = ["second-brain/keep"];
      await cluster.apply(map);
      await cluster.delete(mapRef(place, "a"));
      const applied = await cluster.apply({ ...map, data: { x: "1" } });
      assert.equal(typeof applied.metadata.deletionTimestamp, "string");
      const more = structuredClone(map);
      more.metadata.finalizers = ["second-brain/keep", "second-brain/more"];
      await assert.rejects(cluster.apply(more), hasFault("invalid", 422, /no new finalizers/));
      await cluster.patch(mapRef(place, "a"), { metadata: { finalizers: null } });
      assert.equal(await cluster.get(mapRef(place, "a")), undefined);
    },
  },
];

/** Last of all: a real one takes its time. */
export const endingChecks: readonly Check[] = [{
  promise: "and it ends once all in it has",
  async run({ cluster, eventually }) {
    const ref = { apiVersion: "v1", kind: "Namespace", name: ENDING };
    await eventually("it is gone", async () => await cluster.get(ref) === undefined || undefined);
  },
}];
