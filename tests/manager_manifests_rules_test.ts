/**
 * The manifests of users, installations and clusters of every kind, held to what a server asks: the
 * types of its objects, with unknown fields refused, and the rules that types do not say.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENV } from "../.build/permissions.ts";
import type { KubeObject } from "../src/manager/kube_object.ts";
import { ruleProblems, RULES } from "./manager/kube_rules.ts";
import { cases, objectsOf } from "./manager/manifest_kit.ts";

const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  v1: "core/v1",
  "apps/v1": "apps/v1",
  "networking.k8s.io/v1": "networking/v1",
  "rbac.authorization.k8s.io/v1": "rbac/v1",
  "policy/v1": "policy/v1",
};

/** One line of TypeScript that is right only if the object is of its type, and has nothing more. */
function typed(object: unknown, { apiVersion, kind }: KubeObject, index: number): string {
  const module = TYPES[apiVersion] ?? assert.fail(apiVersion);
  const type = `import("kubernetes-types/${module}").${kind}`;
  return `export const o${index}: ${type} = ${JSON.stringify(object)};`;
}

/** The former version of a budget has the same fields; the types know only the present one. */
function present(object: KubeObject): KubeObject {
  const { apiVersion } = object;
  return { ...object, apiVersion: apiVersion === "policy/v1beta1" ? "policy/v1" : apiVersion };
}

function distinctObjects(): KubeObject[] {
  const all = [...cases()].flatMap(objectsOf).map(present);
  return [...new Map(all.map((object) => [JSON.stringify(object), object])).values()];
}

/** A copy with one more field in one of the objects within it, for each of these; lists are entered. */
function* withSurplus(value: unknown): Generator<unknown> {
  if (typeof value !== "object" || value === null) return;
  const isMap = Object.values(value).every((one) => typeof one === "string");
  if (!Array.isArray(value) && !isMap) yield { ...value, surplus: 1 };
  for (const [key, inner] of Object.entries(value)) {
    for (const changed of withSurplus(inner)) {
      yield Array.isArray(value)
        ? value.map((one, index) => index === Number(key) ? changed : one)
        : { ...value, [key]: changed };
    }
  }
}

Deno.test("every object is of its type, and a field too many anywhere would be noticed", async () => {
  const objects = distinctObjects();
  const good = objects.map((object, index) => typed(object, object, index));
  const largest = objectsOf({ tier: "enterprise", settings: { domain: "brains.example.com" } });
  const bad = largest.flatMap((object) => [...withSurplus(object)].map((one) => ({ object, one })))
    .map(({ object, one }, index) =>
      `// @ts-expect-error: of no such field\n${typed(one, object, objects.length + index)}`
    );
  assert.ok(good.length > 300 && bad.length > 100, `${good.length} and ${bad.length}`);
  const folder = await mkdtemp(join(tmpdir(), "second-brain-types-"));
  try {
    const file = join(folder, "objects.ts");
    await writeFile(file, [...good, ...bad].join("\n"));
    const args = ["check", "--quiet", "--config", CONFIG, file];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("every rule holds for every user on every cluster", () => {
  let count = 0;
  for (const one of cases()) {
    assert.deepEqual(ruleProblems(objectsOf(one), ENV), {}, JSON.stringify(one));
    count++;
  }
  assert.ok(count > 100, String(count));
});

/** Of the objects of an enterprise user, by rule: what is done to one of them, as its JSON. */
const BROKEN: Readonly<Record<string, readonly [kind: string, from: string, to: string]>> = {
  "a name is one in DNS": ["ConfigMap", '"name":"brain-limits"', '"name":"Brain_limits"'],
  "there is one of each name": [
    "PersistentVolumeClaim",
    '"name":"qdrant-1"',
    '"name":"data-1"',
  ],
  "all are in the one namespace": ["Service", '"namespace":"user-ada"', '"namespace":"default"'],
  "labels and annotations are as the server takes them": [
    "Namespace",
    '"second-brain/user":"ada"',
    '"second-brain/user":"ada@example.com"',
  ],
  "a word out of a closed set is one of it": ["StatefulSet", '"OnDelete"', '"Ondelete"'],
  "nothing is left undefined, null or not a number": [
    "StatefulSet",
    '"periodSeconds":2',
    '"periodSeconds":null',
  ],
  "a port is one, wherever it stands": [
    "StatefulSet",
    '"containerPort":8000',
    '"containerPort":99999',
  ],
  "a Service leads to a pod, and to a port of it": [
    "Service",
    '"targetPort":"http"',
    '"targetPort":"web"',
  ],
  "a disruption budget is of pods that there are": [
    "PodDisruptionBudget",
    '"matchLabels":{"app.kubernetes.io/name":"second-brain"',
    '"matchLabels":{"app.kubernetes.io/name":"brain"',
  ],
  "an Ingress leads to a port of a Service, under a name that has TLS": [
    "Ingress",
    '"hosts":["ada.brains.example.com"]',
    '"hosts":["brains.example.com"]',
  ],
  "nothing comes in or goes out that no policy names": [
    "NetworkPolicy",
    '"policyTypes":["Ingress","Egress"]',
    '"policyTypes":["Ingress"]',
  ],
  "the quota lets two such pods run, and the limits each container and claim be": [
    "ResourceQuota",
    '"limits.memory":"48Gi"',
    '"limits.memory":"47Gi"',
  ],
  "a selector finds the pods of its own template": [
    "StatefulSet",
    '"selector":{"matchLabels":{"app.kubernetes.io/name":"second-brain"',
    '"selector":{"matchLabels":{"app.kubernetes.io/name":"brain"',
  ],
  "a brain is one, and has a claim that can be replaced": [
    "StatefulSet",
    '"replicas":1',
    '"replicas":2',
  ],
  "a StatefulSet's Service is there": [
    "StatefulSet",
    '"serviceName":"brain"',
    '"serviceName":"other"',
  ],
  "each container asks for less than it may have": [
    "StatefulSet",
    '"requests":{"cpu":"4","memory":"8Gi"}',
    '"requests":{"cpu":"4","memory":"32Gi"}',
  ],
  "containers, volumes, ports and places have names of their own": [
    "StatefulSet",
    '"mountPath":"/tmp"',
    '"mountPath":"/qdrant/storage"',
  ],
  "what is mounted is a volume, and each volume is mounted": [
    "StatefulSet",
    '{"name":"data","mountPath":"/data"}',
    '{"name":"date","mountPath":"/data"}',
  ],
  "what a pod is made of is there": ["StatefulSet", '"claimName":"data-1"', '"claimName":"data-2"'],
  "a probe asks at a port of its container": [
    "StatefulSet",
    '"path":"/health/live","port":"http"',
    '"path":"/health/live","port":"https"',
  ],
  "a variable has one name, and one value": ["StatefulSet", '"name":"HOST"', '"name":"PORT"'],
  "the brain knows each variable that it is given": [
    "StatefulSet",
    '"name":"HOST"',
    '"name":"BIND"',
  ],
  "no key stands in the environment": [
    "StatefulSet",
    '"valueFrom":{"secretKeyRef":{"name":"brain-embedding-key","key":"key","optional":true}}',
    '"value":"sk-1"',
  ],
  "a pod is as the level restricted asks": [
    "StatefulSet",
    '"runAsNonRoot":true',
    '"runAsNonRoot":false',
  ],
  "a container is as the level restricted asks, and cannot write to its root": [
    "StatefulSet",
    '"drop":["ALL"]',
    '"drop":["NET_RAW"]',
  ],
};

Deno.test("each rule finds the object that breaks it", () => {
  const sound = objectsOf({
    tier: "enterprise",
    settings: { domain: "brains.example.com", hasEmbeddingKey: true },
  });
  assert.deepEqual(ruleProblems(sound, ENV), {});
  assert.deepEqual(Object.keys(BROKEN).toSorted(), Object.keys(RULES).toSorted());
  for (const [rule, [kind, from, to]] of Object.entries(BROKEN)) {
    const broken = sound.map((object) => {
      const text = JSON.stringify(object);
      if (object.kind !== kind || !text.includes(from)) return object;
      const changed: KubeObject = JSON.parse(text.replace(from, to));
      return changed;
    });
    assert.notDeepEqual(broken, sound, `${rule}: nothing was broken`);
    assert.ok(Object.hasOwn(ruleProblems(broken, ENV), rule), rule);
  }
});
