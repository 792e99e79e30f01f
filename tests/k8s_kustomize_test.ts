/** What kustomize makes of the overlays, read as the API server would get it. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { MANAGER_ENV } from "../.build/permissions.ts";
import { loadConfig } from "../src/manager/config.ts";
import { textOf } from "./k8s_documents.ts";

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
type KubeObject = z.infer<typeof objectSchema>;

/** Undefined where there is none, or none that knows these files: 1.21 was the first. */
async function kubectl(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("kubectl", { args, stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

const folder = (name: string) => new URL(`../k8s/${name}`, import.meta.url).pathname;
const version = await kubectl("version", "--client", "-o", "json");
const minor = Number(/"minor": "(\d+)/.exec(version ?? "")?.[1] ?? 0);
const ignore = minor < 21;
const why = ignore ? " (skipped: no kubectl of 1.21 or newer)" : "";

async function built(overlay: string): Promise<KubeObject[]> {
  const text = await kubectl("kustomize", folder(overlay));
  return parseAllDocuments(text ?? assert.fail(`kustomize refuses ${overlay}`)).map((document) =>
    objectSchema.parse("toJS" in document ? document.toJS() : document)
  );
}

function one(objects: readonly KubeObject[], kind: string, name: RegExp): KubeObject {
  const found = objects.filter((object) => object.kind === kind && name.test(object.metadata.name));
  assert.equal(found.length, 1, `${kind} ${name}`);
  return found[0] ?? assert.fail();
}

const CLUSTERS = [
  "Namespace",
  "ClusterRole",
  "ClusterRoleBinding",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
];
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        volumes: z.array(z.looseObject({
          name: z.string(),
          secret: z.looseObject({ secretName: z.string() }).optional(),
        })),
        containers: z.tuple([z.looseObject({
          envFrom: z.tuple([z.object({ configMapRef: z.object({ name: z.string() }) })]),
          env: z.array(z.object({ name: z.string(), value: z.string() })),
          volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
        })]),
      }),
    }),
  }),
});
const configMapSchema = z.looseObject({ data: z.record(z.string(), z.string()) });

for (const overlay of ["overlays/dev", "overlays/prod"]) {
  Deno.test({
    name: `the manager of ${overlay} gets settings and files that it can start with${why}`,
    ignore,
    async fn() {
      const objects = await built(overlay);
      for (const { kind, metadata: { name, namespace } } of objects) {
        assert.equal(namespace === undefined, CLUSTERS.includes(kind), `${kind} ${name}`);
      }
      const { template } =
        deploymentSchema.parse(one(objects, "Deployment", /^brain-manager$/)).spec;
      const [{ env, envFrom: [{ configMapRef }], volumeMounts }] = template.spec.containers;
      const given = configMapSchema.parse(
        one(objects, "ConfigMap", new RegExp(`^${configMapRef.name}$`)),
      ).data;
      const variables = { ...given, ...Object.fromEntries(env.map((e) => [e.name, e.value])) };
      const known: readonly string[] = MANAGER_ENV;
      assert.deepEqual(Object.keys(variables).filter((name) => !known.includes(name)), []);
      const inPod: Record<string, string> = {
        ...variables,
        KUBERNETES_SERVICE_HOST: "10.0.0.1",
        KUBERNETES_SERVICE_PORT: "443",
      };
      const config = loadConfig((name) => inPod[name], { keys: true, cluster: true });
      assert.equal(config.settings.managerNamespace, "second-brain");
      const folders = volumeMounts.map(({ mountPath }) => `${mountPath}/`);
      for (const path of [config.keysFile, config.backups?.keysFile, config.backups?.folder]) {
        assert.ok(folders.some((mounted) => path?.startsWith(mounted)), path);
      }
      const readme = await textOf("README.md");
      for (const { secret } of template.spec.volumes) {
        if (secret !== undefined) assert.ok(readme.includes(`\`${secret.secretName}\``));
      }
    },
  });
}

Deno.test({
  name: `what watches the manager finds it${why}`,
  ignore,
  async fn() {
    const objects = await built("overlays/prod");
    const selectors = z.looseObject({
      spec: z.looseObject({
        selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }),
        endpoints: z.array(z.looseObject({ port: z.string() })),
      }),
    }).parse(one(objects, "ServiceMonitor", /^brain-manager$/)).spec;
    const service = one(objects, "Service", /^brain-manager$/);
    for (const [name, value] of Object.entries(selectors.selector.matchLabels)) {
      assert.equal(service.metadata.labels?.[name], value);
    }
    const { ports } = z.object({ ports: z.array(z.looseObject({ name: z.string() })) })
      .parse(service["spec"]);
    assert.deepEqual(selectors.endpoints.map(({ port }) => port), ports.map(({ name }) => name));
    one(objects, "ConfigMap", /^second-brain-dashboard$/);
  },
});
