/** The part of a cluster's contract that is about pods, and about what the server can do. */
import assert from "node:assert/strict";
import { ClusterError } from "../../src/manager/cluster.ts";
import type { KubeObject } from "../../src/manager/kube_object.ts";
import { type Check, type Checked, hasFault, mapOf } from "./cluster_contract_check.ts";
import { at, textAt, treeAt, treesAt } from "./simulated_cluster_tree.ts";

const LABELS = { app: "brain" };

function podSpecOf(container: object = {}): object {
  return {
    serviceAccountName: "brain",
    automountServiceAccountToken: false,
    containers: [{ name: "brain", image: "brain:1", ...container }],
  };
}

function setOf({ namespace }: Checked, container: object = {}, replicas = 0): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "brain", namespace },
    spec: {
      serviceName: "brain",
      replicas,
      updateStrategy: { type: "OnDelete" },
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: podSpecOf(container) },
    },
  };
}

function podOf({ namespace }: Checked, container: object = {}): KubeObject {
  const metadata = { name: "brain-0", namespace, labels: LABELS };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: podSpecOf(container) };
}

function accountOf({ namespace }: Checked): KubeObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "brain", namespace } };
}

const IMPOSSIBLE: readonly [object, RegExp][] = [
  [{ resources: { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } } }, /memory limit/],
  [{ volumeMounts: [{ name: "nope", mountPath: "/data" }] }, /Not found: "nope"/],
  [{ ports: [{ containerPort: 99_999 }] }, /between 1 and 65535/],
];

export const workloadChecks: readonly Check[] = [
  {
    promise: "an impossible pod is refused as a Pod, dry run or not, and taken as a StatefulSet",
    async run(place) {
      const { cluster, namespace } = place;
      const early = cluster.create(podOf(place), { dryRun: true });
      await assert.rejects(early, hasFault("forbidden", 403, /service account/));
      await cluster.apply(accountOf(place));
      for (const [container, words] of IMPOSSIBLE) {
        const pod = cluster.create(podOf(place, container), { dryRun: true });
        await assert.rejects(pod, hasFault("invalid", 422, words));
        await cluster.apply(setOf(place, container));
      }
      await cluster.create(podOf(place), { dryRun: true });
      const pod = { apiVersion: "v1", kind: "Pod", namespace, name: "brain-0" };
      assert.equal(await cluster.get(pod), undefined);
      const mismatched = setOf(place);
      mismatched["spec"] = {
        ...treeAt(mismatched, "spec"),
        selector: { matchLabels: { app: "other" } },
      };
      mismatched.metadata.name = "other";
      await assert.rejects(cluster.apply(mismatched), hasFault("invalid", 422, /does not match/));
      const renamed = {
        ...setOf(place),
        spec: { ...treeAt(setOf(place), "spec"), serviceName: "x" },
      };
      await assert.rejects(
        cluster.apply(renamed),
        hasFault("invalid", 422, /updates to statefulset/),
      );
    },
  },
  {
    promise: "a StatefulSet makes its pod, and with OnDelete leaves it alone when it changes",
    async run(place) {
      const { cluster, namespace, eventually } = place;
      await cluster.apply(accountOf(place));
      await cluster.apply(setOf(place, {}, 1));
      const ref = { apiVersion: "v1", kind: "Pod", namespace, name: "brain-0" };
      const first = await eventually("its pod", () => cluster.get(ref));
      await cluster.apply(setOf(place, { image: "brain:2" }, 1));
      const set = { apiVersion: "apps/v1", kind: "StatefulSet", namespace, name: "brain" };
      await eventually("it has seen the change", async () => {
        const status = treeAt(await cluster.get(set), "status");
        return status["updateRevision"] !== status["currentRevision"] || undefined;
      });
      assert.equal((await cluster.get(ref))?.metadata.uid, first.metadata.uid);
      await cluster.delete(ref, { uid: first.metadata.uid, graceS: 0 });
      const second = await eventually("its next pod", async () => {
        const pod = await cluster.get(ref);
        return pod?.metadata.uid === first.metadata.uid ? undefined : pod;
      });
      assert.equal(textAt(treesAt(second, "spec", "containers")[0], "image"), "brain:2");
      await cluster.apply(setOf(place, { image: "brain:2" }, 0));
      await eventually("no pod", async () => {
        const pod = await cluster.get(ref);
        return pod === undefined || pod.metadata.deletionTimestamp !== undefined || undefined;
      });
    },
  },
  {
    promise: "an unknown field is refused, and no Secret's data is in what is said of it",
    async run(place) {
      const { cluster, namespace } = place;
      const wrong = { ...mapOf(place, "a"), dta: { x: "1" } };
      await assert.rejects(cluster.apply(wrong), (error) => {
        return error instanceof ClusterError && error.fault === "invalid";
      });
      const secret = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "key", namespace },
        data: { "wrong name": "c2VjcmV0LXdvcmRz" },
      };
      await assert.rejects(cluster.apply(secret), (error) => {
        assert.ok(error instanceof ClusterError && error.fault === "invalid", `${error}`);
        assert.doesNotMatch(error.message, /c2VjcmV0|secret-words/);
        return true;
      });
      await cluster.apply({ ...secret, data: {}, stringData: { key: "words" } });
      const ref = { apiVersion: "v1", kind: "Secret", namespace, name: "key" };
      assert.deepEqual(at(await cluster.get(ref), "data"), { key: btoa("words") });
    },
  },
  {
    promise: "pods/resize changes resources and nothing else, within the class of quality",
    needs: "resize",
    async run(place) {
      const { cluster, namespace } = place;
      await cluster.apply(accountOf(place));
      const resources = { requests: { cpu: "250m" }, limits: { cpu: "500m" } };
      const { metadata: { name } } = await cluster.create(podOf(place, { resources }));
      const ref = { apiVersion: "v1", kind: "Pod", namespace, name };
      const resize = async (change: object) => {
        const [container] = treesAt(await cluster.get(ref), "spec", "containers");
        const patch = { spec: { containers: [{ ...container, ...change }] } };
        return await cluster.patch(ref, patch, { subresource: "resize" });
      };
      const larger = { requests: { cpu: "250m" }, limits: { cpu: "2" } };
      const resized = await resize({ resources: larger });
      assert.deepEqual(treeAt(treesAt(resized, "spec", "containers")[0], "resources"), larger);
      const other = resize({ image: "brain:2" });
      await assert.rejects(other, hasFault("invalid", 422, /only cpu and memory/));
      const fixed = { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } };
      await assert.rejects(resize({ resources: fixed }), hasFault("invalid", 422, /QOS/i));
    },
  },
  {
    promise: "where the standard is restricted, a careless pod is refused",
    needs: "pod security",
    async run(place) {
      const { cluster, namespace } = place;
      const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
      const metadata = { name: namespace, labels };
      await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata });
      await cluster.apply(accountOf(place));
      const careless = cluster.create(podOf(place), { dryRun: true });
      await assert.rejects(careless, hasFault("forbidden", 403, /violates PodSecurity/));
      const securityContext = {
        allowPrivilegeEscalation: false,
        runAsNonRoot: true,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      };
      await cluster.create(podOf(place, { securityContext }), { dryRun: true });
    },
  },
  {
    promise: "what it can do is said in terms of its version",
    async run({ cluster, lacks }) {
      const found = await cluster.capabilities();
      assert.match(found.version, /^1\.\d+$/);
      assert.equal(found.resize, !lacks.includes("resize"));
      assert.equal(found.admissionPolicies, !lacks.includes("pod security"));
      assert.equal(
        found.disruptionBudgets,
        lacks.includes("policy/v1") ? "policy/v1beta1" : "policy/v1",
      );
    },
  },
];
