/** What the manifests and the compose file promise, read from their text: no cluster is needed. */
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import type { z } from "zod";
import { ENV } from "../.build/permissions.ts";
import { loadConfig } from "../src/config.ts";
import { StandIn } from "./fakes/qdrant/stand_in.ts";
import {
  composeOf,
  type containerSchema,
  type KubernetesObject,
  objectsOf,
  type podSchema,
  serviceSchema,
  statefulSetSchema,
  textOf,
} from "./k8s_documents.ts";

type Container = z.infer<typeof containerSchema>;

const [alone, together, shared] = await Promise.all(
  ["brain.yaml", "brain-with-qdrant.yaml", "shared-qdrant/qdrant.yaml"].map(objectsOf),
);
assert.ok(alone && together && shared);
const compose = await composeOf("compose.yaml");

function only(objects: readonly KubernetesObject[], kind: string): KubernetesObject {
  const found = objects.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0] ?? assert.fail();
}

function podOf(objects: readonly KubernetesObject[]): z.infer<typeof podSchema> {
  return statefulSetSchema.parse(only(objects, "StatefulSet")).spec.template.spec;
}

function container(objects: readonly KubernetesObject[], name: string): Container {
  return podOf(objects).containers.find((one) => one.name === name) ?? assert.fail(name);
}

function valuesOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value ?? "from a secret"]));
}

const beside = container(together, "qdrant");
const server = container(shared, "qdrant");

Deno.test("with a Qdrant beside it, the brain is the same but for what it needs to know", () => {
  const stripped = together.filter(({ metadata }) => metadata.name !== "qdrant-1")
    .map((object) => structuredClone(object));
  const service = serviceSchema.parse(only(stripped, "Service"));
  assert.equal(service.spec.publishNotReadyAddresses, true);
  delete service.spec.publishNotReadyAddresses;
  const set = statefulSetSchema.parse(only(stripped, "StatefulSet"));
  const { spec } = set.spec.template;
  spec.containers = spec.containers.filter(({ name }) => name !== "qdrant");
  spec.volumes = spec.volumes.filter(({ name }) => name !== "qdrant" && name !== "scratch");
  for (const one of spec.containers) one.env = one.env.filter(({ name }) => name !== "QDRANT_URL");
  const changed: readonly object[] = [service, set];
  const kinds = ["Service", "StatefulSet"];
  const others = stripped.filter(({ kind }) => !kinds.includes(kind));
  assert.deepEqual([...others, ...changed], [
    ...alone.filter(({ kind }) => !kinds.includes(kind)),
    ...kinds.map((kind) => only(alone, kind)),
  ]);
});

Deno.test("every pod is as the security level restricted asks, and has limits", () => {
  for (const pod of [alone, together, shared].map(podOf)) {
    assert.equal(pod.automountServiceAccountToken, false);
    assert.equal(pod.securityContext["runAsNonRoot"], true);
    assert.deepEqual(pod.securityContext["seccompProfile"], { type: "RuntimeDefault" });
    for (const { securityContext, resources } of pod.containers) {
      const { runAsUser = 1, runAsGroup: _, ...rest } = securityContext;
      assert.notEqual(runAsUser, 0);
      assert.deepEqual(rest, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      for (const one of Object.values(resources)) {
        assert.deepEqual(Object.keys(one).sort(), ["cpu", "memory"]);
      }
    }
  }
  for (const { read_only, cap_drop, security_opt } of Object.values(compose.services)) {
    assert.deepEqual([read_only, cap_drop, security_opt], [true, ["ALL"], [
      "no-new-privileges:true",
    ]]);
  }
});

Deno.test("Qdrant is one pinned version without rights, 1.10 or newer", () => {
  const images = [beside.image, server.image, compose.services.qdrant.image];
  assert.equal(new Set(images).size, 1);
  const [, minor] = /^qdrant\/qdrant:v1\.(\d+)\.\d+-unprivileged$/.exec(images[0] ?? "") ?? [];
  assert.ok(Number(minor) >= 10, images[0]);
  const brains = [alone, together].map((objects) => container(objects, "brain").image);
  assert.deepEqual(new Set([...brains, compose.services.brain.image]).size, 1);
});

Deno.test("the configuration takes what the brain is given, and finds Qdrant by it", () => {
  const key = "k".repeat(40);
  const given = [
    [valuesOf(container(together, "brain")), "http://127.0.0.1:6333"],
    [compose.services.brain.environment, "http://qdrant:6333"],
  ] as const;
  for (const [variables, url] of given) {
    const known: readonly string[] = ENV;
    assert.deepEqual(Object.keys(variables).filter((name) => !known.includes(name)), []);
    const env = (name: string) =>
      variables[name]?.replace(/^\$\{\w+:\?.*\}$/, key)
        .replace(/^\$\{\w+:-\}$/, "");
    const { key: apiKey } = loadConfig({ env, readFile: () => key });
    assert.deepEqual([apiKey, variables["QDRANT_URL"]], [key, url]);
  }
});

Deno.test("the brain starts whether there is a Qdrant or not", () => {
  assert.equal(podOf(together).initContainers, undefined);
  assert.equal(beside.readinessProbe, undefined);
  assert.equal(compose.services.brain["depends_on"], undefined);
});

Deno.test("Qdrant beside a brain is reached from nowhere else", async () => {
  assert.equal(valuesOf(beside)["QDRANT__SERVICE__HOST"], "127.0.0.1");
  assert.equal(beside.ports, undefined);
  const { spec } = serviceSchema.parse(only(together, "Service"));
  assert.deepEqual(spec.ports.map(({ port }) => port), [8000]);
  const { brain, qdrant } = compose.services;
  assert.deepEqual([qdrant.ports, qdrant.networks], [undefined, ["vectors"]]);
  assert.deepEqual(compose.networks["vectors"], { internal: true });
  assert.ok(brain.networks.includes("vectors"));
  assert.deepEqual(brain.ports, ["127.0.0.1:8000:8000"]);
  for (const text of [compose.services.brain, compose.services.qdrant]) {
    const keys = Object.entries(text.environment).filter(([name]) => /API_KEY$/.test(name));
    for (const [, value] of keys) assert.match(value, /^\$\{[A-Z_]+:(?:\?.+|-)\}$/);
  }
  assert.doesNotMatch(await textOf("compose.yaml"), /[A-Za-z0-9+/]{32}/);
});

Deno.test("a shared Qdrant asks for a key, and lets in only brains of marked namespaces", async () => {
  const key = server.env.find(({ name }) => name === "QDRANT__SERVICE__API_KEY");
  assert.deepEqual(key?.["valueFrom"], { secretKeyRef: { name: "qdrant-key", key: "key" } });
  const { template } = statefulSetSchema.parse(only(shared, "StatefulSet")).spec;
  const brain = statefulSetSchema.parse(only(alone, "StatefulSet")).spec.template.metadata.labels;
  assert.deepEqual(only(shared, "NetworkPolicy")["spec"], {
    podSelector: { matchLabels: template.metadata.labels },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{
      from: [{
        namespaceSelector: { matchLabels: { "app.kubernetes.io/part-of": "second-brain" } },
        podSelector: {
          matchLabels: { "app.kubernetes.io/component": brain["app.kubernetes.io/component"] },
        },
      }],
      ports: [{ port: "http" }],
    }],
    egress: [],
  });
  const readme = await textOf("README.md");
  assert.match(readme, /label namespace \S+ app\.kubernetes\.io\/part-of=second-brain/);
  assert.match(readme, /create secret generic qdrant-key/);
});

Deno.test("Qdrant tells nobody of itself, and what it writes has a place", () => {
  const said = [valuesOf(beside), valuesOf(server), compose.services.qdrant.environment];
  for (const variables of said) {
    assert.equal(variables["QDRANT__TELEMETRY_DISABLED"], "true");
    assert.equal(variables["QDRANT__SERVICE__ENABLE_CORS"], "false");
    assert.match(variables["QDRANT__STORAGE__SNAPSHOTS_PATH"] ?? "", /^\/tmp\//);
    assert.match(variables["QDRANT_INIT_FILE_PATH"] ?? "", /^\/tmp\//);
  }
  const places = ["/qdrant/storage", "/tmp"];
  for (const { volumeMounts } of [beside, server]) {
    assert.deepEqual(volumeMounts.map(({ mountPath }) => mountPath), places);
  }
  const { volumes, tmpfs = [] } = compose.services.qdrant;
  assert.deepEqual([...volumes.map((volume) => volume.split(":")[1]), ...tmpfs], places);
  assert.ok("vectors" in compose.volumes);
});

Deno.test("the probe that the image has no tool for tells a Qdrant from none", async () => {
  const commands = [
    beside.startupProbe.exec?.command,
    beside.livenessProbe.exec?.command,
    compose.services.qdrant.healthcheck?.test.slice(1).map((part) => part.replaceAll("$$", "$")),
  ];
  const standIn = await StandIn.start();
  const port = new URL(standIn.url).port;
  const codes = async () =>
    await Promise.all(commands.map(async (command) => {
      const [bash = "", ...args] = command ?? [];
      const moved = args.map((arg) => arg.replace("/6333", `/${port}`));
      return (await new Deno.Command(bash, { args: moved, stderr: "null" }).output()).code;
    }));
  try {
    assert.deepEqual(await codes(), [0, 0, 0]);
  } finally {
    await standIn.close();
  }
  assert.deepEqual((await codes()).map((code) => code !== 0), [true, true, true]);
});

Deno.test("the README's commands name files and folders that are there", async () => {
  const named = [...(await textOf("README.md")).matchAll(/k8s\/([\w./-]+)/g)]
    .map(([, name = ""]) => name.replace(/[.]$/, ""))
    .filter((name) => name !== ".env");
  const missing: string[] = [];
  for (const name of new Set(named)) {
    const path = new URL(`../k8s/${name}`, import.meta.url);
    if (await stat(path).then(() => false, () => true)) missing.push(name);
  }
  assert.deepEqual(missing, []);
  const files = ["brain.yaml", "brain-with-qdrant.yaml", "compose.yaml", "overlays/prod"];
  for (const name of files) assert.ok(named.includes(name), name);
});
