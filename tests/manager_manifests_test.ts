/** What a user has in the cluster: by his tier and state, by the installation, and as a file. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { loadConfig } from "../src/config.ts";
import { type KubeObject, kubeObjectSchema } from "../src/manager/kube_object.ts";
import { differsOnlyInResources, render } from "../src/manager/manifests.ts";
import { TIER_NAMES, TIERS } from "../src/manager/tiers.ts";
import { allOf, containersOf, workloadsOf } from "./manager/kube_shapes.ts";
import { type Case, cases, KEYS, objectsOf, SETTINGS } from "./manager/manifest_kit.ts";

const GIB = 1024 ** 3;

function only(objects: readonly KubeObject[], kind: string, name?: string): KubeObject {
  const found = objects.filter((object) =>
    object.kind === kind && (name === undefined || object.metadata.name === name)
  );
  assert.equal(found.length, 1, kind);
  return found[0] ?? assert.fail();
}

const statefulSet = (one: Case) => only(objectsOf(one), "StatefulSet");
const podOf = (one: Case) => workloadsOf(objectsOf(one))[0]?.spec.template ?? assert.fail();

function variablesOf(one: Case): Record<string, string | undefined> {
  const [brain] = podOf(one).spec.containers;
  return Object.fromEntries((brain?.env ?? []).map(({ name, value }) => [name, value]));
}

/** What the one has that the other has not, as paths and values. */
function changes(one: Case, other: Case): string[] {
  const texts = [one, other].map((each) =>
    JSON.stringify(objectsOf(each), null, 1).split("\n").map((line) => line.trim())
  );
  const [former = [], latter = []] = texts;
  return latter.filter((line) => !former.includes(line));
}

/** UPDATE_USERS=1 writes the files anew. */
Deno.test("the files under k8s/users are what render prints", async () => {
  for (const tier of TIER_NAMES) {
    const file = new URL(`../k8s/users/${tier}.yaml`, import.meta.url);
    const text = render({ userId: "123", tier, settings: SETTINGS });
    if (Deno.env.get("UPDATE_USERS")) await writeFile(file, text);
    assert.equal(await readFile(file, "utf8"), text, tier);
  }
});

Deno.test("what is rendered is what is applied, but for finalizers, and the Secrets, whose making is said", () => {
  for (const tier of TIER_NAMES) {
    const settings = { ...SETTINGS, domain: "brains.example.com", hasEmbeddingKey: true };
    const text = render({ userId: "Ada", tier, settings });
    const documents = parseAllDocuments(text).map((document) =>
      kubeObjectSchema.parse("toJS" in document ? document.toJS() : document)
    );
    const record = { userId: "Ada", life: "rendered" };
    // A cluster's driver is asked for more than it may have only where the operator says it has it.
    const capabilities = { readWriteOncePod: false };
    const applied = objectsOf({ tier, record, settings, capabilities });
    // A finalizer that nobody takes off keeps the namespace for ever.
    const free = applied.map(({ metadata: { finalizers: _, ...metadata }, ...object }) => ({
      ...object,
      metadata,
    }));
    assert.deepEqual(documents, free.filter(({ kind }) => kind !== "Secret"));
    assert.match(text, /^# {3}kubectl -n user-ada--tgswhkzpnyq6 create secret generic brain-key /m);
    assert.match(text, /^# {3}kubectl -n \S+ create secret generic brain-embedding-key /m);
  }
});

Deno.test("objects are applied in an order in which each finds what it needs", () => {
  const objects = objectsOf({
    tier: "enterprise",
    settings: { domain: "brains.example.com" },
    keys: { embedding: "sk-1", qdrant: "q" },
  });
  assert.deepEqual(objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`), [
    "Namespace user-ada",
    "RoleBinding brain-manager",
    "ResourceQuota brain",
    "LimitRange brain",
    "NetworkPolicy brain",
    "ServiceAccount brain",
    "Secret brain-key",
    "Secret brain-embedding-key",
    "Secret brain-qdrant-key",
    "ConfigMap brain-limits",
    "PersistentVolumeClaim data-1",
    "PersistentVolumeClaim qdrant-1",
    "Service brain",
    "StatefulSet brain",
    "PodDisruptionBudget brain",
    "Ingress brain",
  ]);
  assert.deepEqual(objectsOf({}).map(({ kind }) => kind), [
    "Namespace",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Service",
    "StatefulSet",
  ]);
});

Deno.test("all is marked as this life's of this user, and his id stands in one place as it is", () => {
  const userId = "Ada <ada@example.com>";
  for (const one of objectsOf({ tier: "pro", record: { userId, life: "life-2" } })) {
    const { labels = {}, annotations = {} } = one.metadata;
    assert.deepEqual([labels["second-brain/life"], labels["second-brain/tier"]], ["life-2", "pro"]);
    assert.equal(labels["app.kubernetes.io/managed-by"], "brain-manager");
    assert.equal(
      annotations["second-brain/user-id"],
      one.kind === "Namespace" ? userId : undefined,
    );
    assert.equal(JSON.stringify(one).includes("ada@"), one.kind === "Namespace");
  }
});

Deno.test("whoever is not active has no pod, and keeps all else", () => {
  assert.deepEqual(changes({}, { record: { state: "suspended" } }), ['"replicas": 0,']);
  assert.deepEqual(changes({}, { record: { state: "deleted" } }), ['"replicas": 0,']);
});

Deno.test("a change of limits, keys or resources leaves the pod as it is; any other is seen", () => {
  const pod = (one: Case, extra: object = {}): KubeObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "brain-0", ...podOf(one).metadata },
    spec: { ...podOf(one).spec, nodeName: "n1", ...extra },
  });
  const free: Case = { tier: "free" };
  const same: readonly Case[] = [
    { tier: "pro" },
    { tier: "free", own: { requestsPerMinute: 1, mostMemories: 1, quotaBytes: GIB } },
    { tier: "free", keys: { current: "another-key-of-the-tests-0003", previous: KEYS.current } },
    { tier: "free", record: { state: "suspended", generation: 9 } },
    { tier: "free", own: { cpu: { requestMillis: 1, limitMillis: 9_999 } } },
  ];
  for (const other of same) {
    assert.ok(differsOnlyInResources(statefulSet(free), statefulSet(other)), JSON.stringify(other));
    // As the server gives it back, with more in it than was applied.
    assert.ok(differsOnlyInResources(pod(free, { priority: 0 }), statefulSet(other)));
  }
  const different: readonly Case[] = [
    { tier: "enterprise" },
    { tier: "free", settings: { image: "second-brain:0.2.0" } },
    { tier: "free", own: { embeddingModel: "text-embedding-3-large" } },
    { tier: "free", own: { minFreeBytes: 1 } },
    { tier: "free", record: { restartedAt: "2026-01-02T00:00:00.000Z" } },
    { tier: "free", record: { claim: { number: 2, storageBytes: GIB } } },
    { tier: "free", capabilities: { resize: false } },
  ];
  for (const other of different) {
    assert.ok(
      !differsOnlyInResources(statefulSet(free), statefulSet(other)),
      JSON.stringify(other),
    );
    assert.ok(!differsOnlyInResources(pod(free), statefulSet(other)));
  }
  const foreign: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" } };
  assert.ok(!differsOnlyInResources(foreign, foreign));
});

Deno.test("the brain takes what it is told, from its environment and from its files", () => {
  for (const one of cases()) {
    const objects = objectsOf(one);
    const files = new Map([
      ...Object.entries(allOf("Secret", objects)[0]?.data ?? {})
        .map(([key, value]) =>
          [key, new TextDecoder().decode(Uint8Array.fromBase64(value))] as const
        ),
      ...Object.entries(allOf("ConfigMap", objects)[0]?.data ?? {}),
    ]);
    const variables = variablesOf(one);
    const config = loadConfig({
      env: (name) => name.startsWith("OPENAI_API") ? "sk-1" : variables[name],
      readFile: (path) =>
        files.get(path.replace("/run/secrets/second-brain/", "")) ?? assert.fail(path),
    });
    const tier = { ...TIERS[one.tier ?? assert.fail()], ...one.own };
    const { key, previousKey, requestsPerMinute, maxMemories, quotaBytes, minFreeBytes } = config;
    assert.deepEqual(
      { key, previousKey, requestsPerMinute, maxMemories, quotaBytes, minFreeBytes },
      {
        key: KEYS.current,
        previousKey: one.keys?.previous,
        requestsPerMinute: tier.requestsPerMinute,
        maxMemories: tier.mostMemories,
        quotaBytes: tier.quotaBytes,
        minFreeBytes: tier.minFreeBytes,
      },
    );
    assert.equal(config.embeddings?.model, tier.embeddingModel);
    assert.equal(config.isProduction, true);
    assert.deepEqual(config.warnings, []);
  }
});

Deno.test("no key is in any object but the Secrets, nor in what is rendered", () => {
  for (const one of cases()) {
    for (const object of objectsOf(one).filter(({ kind }) => kind !== "Secret")) {
      const text = JSON.stringify(object);
      assert.ok(!text.includes(KEYS.current) && !text.includes("sk-1"), object.kind);
    }
  }
  const text = render({ userId: "ada", tier: "pro", settings: SETTINGS });
  assert.doesNotMatch(text, /kind: Secret\n|[A-Za-z0-9+/]{32}/);
});

Deno.test("a server that does not know a field is not sent it, or it would refuse all", () => {
  const old = objectsOf({
    tier: "enterprise",
    capabilities: { resize: false, disruptionBudgets: "policy/v1beta1", readWriteOncePod: false },
    settings: { readWriteOncePod: true },
  });
  const text = JSON.stringify(old);
  assert.doesNotMatch(text, /resizePolicy|unhealthyPodEvictionPolicy|ReadWriteOncePod/);
  assert.equal(only(old, "PodDisruptionBudget").apiVersion, "policy/v1beta1");
  const none = objectsOf({ tier: "enterprise", capabilities: { disruptionBudgets: undefined } });
  assert.ok(!none.some(({ kind }) => kind === "PodDisruptionBudget"));
});

Deno.test("a Qdrant is in the pod, elsewhere or nowhere, as the tier says", () => {
  const settings = { qdrant: { url: "http://qdrant.qdrant.svc:6333", namespace: "qdrant" } };
  const found = (["none", "shared", "sidecar"] as const).map((qdrant) => {
    const one: Case = { own: { qdrant }, settings };
    const [workload = assert.fail()] = workloadsOf(objectsOf(one));
    const policy = JSON.stringify(only(objectsOf(one), "NetworkPolicy"));
    return {
      containers: containersOf(workload).map(({ name }) => name),
      url: variablesOf(one)["QDRANT_URL"],
      isLetOut: policy.includes('"app.kubernetes.io/name":"qdrant"'),
      ready: only(objectsOf(one), "Service")["spec"],
    };
  });
  const ready = (found[0] ?? assert.fail()).ready;
  assert.deepEqual(found, [
    { containers: ["brain"], url: undefined, isLetOut: false, ready },
    { containers: ["brain"], url: "http://qdrant.qdrant.svc:6333", isLetOut: true, ready },
    {
      containers: ["brain", "qdrant"],
      url: "http://127.0.0.1:6333",
      isLetOut: false,
      ready: { ...Object(ready), publishNotReadyAddresses: true },
    },
  ]);
});

Deno.test("the same input gives the same objects, and is left as it was", () => {
  for (const one of cases()) {
    const before = JSON.stringify(one);
    assert.deepEqual(objectsOf(one), objectsOf(structuredClone(one)));
    assert.equal(JSON.stringify(one), before);
  }
});
