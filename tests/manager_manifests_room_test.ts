/** The walls around a user's brain: who has rights there, how much fits in, and what is let run. */
import assert from "node:assert/strict";
import type { KubeObject } from "../src/manager/kube_object.ts";
import { allOf, workloadsOf } from "./manager/kube_shapes.ts";
import { type Case, objectsOf } from "./manager/manifest_kit.ts";

function only(one: Case, kind: string): KubeObject {
  const found = objectsOf(one).filter((object) => object.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0] ?? assert.fail();
}

Deno.test("nothing runs in a namespace but what the level restricted lets in", () => {
  const { labels = {} } = only({}, "Namespace").metadata;
  const levels = ["enforce", "warn", "audit"].map((mode) => [
    mode,
    labels[`pod-security.kubernetes.io/${mode}`],
  ]);
  assert.deepEqual(levels, [["enforce", "restricted"], ["warn", "restricted"], [
    "audit",
    "restricted",
  ]]);
});

Deno.test("the manager has its rights, and the brain has none and no token", () => {
  const settings = { managerNamespace: "brains" };
  const { roleRef, subjects, metadata: { finalizers } } = only({ settings }, "RoleBinding");
  assert.deepEqual(finalizers, ["second-brain/keep-rights"]);
  assert.deepEqual({ roleRef, subjects }, {
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "brain-manager-user",
    },
    subjects: [{ kind: "ServiceAccount", name: "brain-manager", namespace: "brains" }],
  });
  assert.equal(only({}, "ServiceAccount")["automountServiceAccountToken"], false);
});

Deno.test("the quota is twice a pod and one claim more than there are, with a Qdrant's on top", () => {
  const hard = (["pro", "enterprise"] as const).map((tier) =>
    allOf("ResourceQuota", objectsOf({ tier }))[0]?.spec.hard
  );
  const closed = { "services.loadbalancers": "0", "services.nodeports": "0" };
  assert.deepEqual(hard, [
    {
      pods: "2",
      "requests.cpu": "2",
      "requests.memory": "4Gi",
      "limits.cpu": "4",
      "limits.memory": "8Gi",
      persistentvolumeclaims: "2",
      "requests.storage": "20Gi",
      ...closed,
    },
    {
      pods: "2",
      "requests.cpu": "10",
      "requests.memory": "24Gi",
      "limits.cpu": "20",
      "limits.memory": "48Gi",
      persistentvolumeclaims: "3",
      "requests.storage": "264Gi",
      ...closed,
    },
  ]);
});

Deno.test("a container that says nothing of itself gets the brain's limits, and none gets more", () => {
  assert.deepEqual(only({ tier: "enterprise" }, "LimitRange")["spec"], {
    limits: [
      {
        type: "Container",
        max: { cpu: "8", memory: "16Gi" },
        default: { cpu: "8", memory: "16Gi" },
        defaultRequest: { cpu: "4", memory: "8Gi" },
      },
      { type: "PersistentVolumeClaim", max: { storage: "100Gi" } },
    ],
  });
});

Deno.test("what a brain is told it cannot write, and the keys of others come from Secrets alone", () => {
  const settings = { hasEmbeddingKey: true, qdrant: { url: "http://q:6333", namespace: "q" } };
  const brainOf = (one: Case) =>
    workloadsOf(objectsOf(one))[0]?.spec.template.spec.containers[0] ?? assert.fail();
  const { volumeMounts, env } = brainOf({ own: { qdrant: "shared" }, settings });
  assert.deepEqual(volumeMounts, [
    { name: "data", mountPath: "/data" },
    { name: "keys-and-limits", mountPath: "/run/secrets/second-brain", readOnly: true },
  ]);
  const secret = (name: string) => ({ secretKeyRef: { name, key: "key", optional: true } });
  assert.deepEqual(env.filter(({ valueFrom }) => valueFrom !== undefined), [
    { name: "OPENAI_API_KEY", valueFrom: secret("brain-embedding-key") },
    { name: "QDRANT_API_KEY", valueFrom: secret("brain-qdrant-key") },
  ]);
  assert.deepEqual(brainOf({}).env.filter(({ valueFrom }) => valueFrom !== undefined), []);
});

Deno.test("a Qdrant beside a brain listens on the pod's loopback, tells nobody of itself, has its share", () => {
  const objects = objectsOf({ tier: "enterprise" });
  const [, qdrant = assert.fail()] = workloadsOf(objects)[0]?.spec.template.spec.containers ?? [];
  assert.deepEqual([qdrant.ports, qdrant.readinessProbe], [[], undefined]);
  const said = Object.fromEntries(qdrant.env.map(({ name, value }) => [name, value]));
  assert.equal(said["QDRANT__SERVICE__HOST"], "127.0.0.1");
  assert.equal(said["QDRANT__TELEMETRY_DISABLED"], "true");
  assert.equal(said["QDRANT__SERVICE__ENABLE_CORS"], "false");
  assert.deepEqual(qdrant.resources, {
    requests: { cpu: "1", memory: "4Gi" },
    limits: { cpu: "2", memory: "8Gi" },
  });
  const claims = allOf("PersistentVolumeClaim", objects).map(({ metadata, spec }) => [
    metadata.name,
    spec.resources.requests.storage,
    // What can be made again is not worth a volume that outlives its user.
    metadata.finalizers,
  ]);
  assert.deepEqual(claims, [
    ["data-1", "100Gi", ["second-brain/keep-volume"]],
    ["qdrant-1", "64Gi", undefined],
  ]);
});

Deno.test("a brain answers to its names within the cluster, and to no other", () => {
  const [brain] = workloadsOf(objectsOf({}))[0]?.spec.template.spec.containers ?? [];
  assert.deepEqual(brain?.env.find(({ name }) => name === "ALLOWED_HOSTS")?.value?.split(","), [
    "brain",
    "brain.user-ada",
    "brain.user-ada.svc",
    "brain.user-ada.svc.cluster.local",
  ]);
});
