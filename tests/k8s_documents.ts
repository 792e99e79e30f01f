/** The manifests and the compose file, as far as tests look at them. What they do not name is kept. */
import { readFile } from "node:fs/promises";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";

const variableSchema = z.looseObject({ name: z.string(), value: z.string().optional() });
const probeSchema = z.looseObject({
  exec: z.object({ command: z.array(z.string()) }).optional(),
});
const mountSchema = z.looseObject({ name: z.string(), mountPath: z.string() });

export const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  env: z.array(variableSchema),
  ports: z.array(z.unknown()).optional(),
  resources: z.object({
    requests: z.record(z.string(), z.string()),
    limits: z.record(z.string(), z.string()),
  }),
  securityContext: z.looseObject({}),
  startupProbe: probeSchema,
  livenessProbe: probeSchema,
  readinessProbe: probeSchema.optional(),
  volumeMounts: z.array(mountSchema),
});

const volumeSchema = z.looseObject({ name: z.string() });

export const podSchema = z.looseObject({
  automountServiceAccountToken: z.boolean(),
  securityContext: z.looseObject({}),
  initContainers: z.array(z.unknown()).optional(),
  containers: z.array(containerSchema),
  volumes: z.array(volumeSchema),
});

const labelled = z.looseObject({ labels: z.record(z.string(), z.string()) });

const objectSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
export type KubernetesObject = z.infer<typeof objectSchema>;

export const statefulSetSchema = z.looseObject({
  spec: z.looseObject({ template: z.looseObject({ metadata: labelled, spec: podSchema }) }),
});

export const serviceSchema = z.looseObject({
  spec: z.looseObject({
    publishNotReadyAddresses: z.boolean().optional(),
    ports: z.array(z.looseObject({ port: z.number() })),
  }),
});

const serviceInComposeSchema = z.looseObject({
  image: z.string(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).optional(),
  networks: z.array(z.string()),
  volumes: z.array(z.string()),
  tmpfs: z.array(z.string()).optional(),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  healthcheck: z.object({ test: z.array(z.string()) }).loose().optional(),
});

const composeSchema = z.looseObject({
  services: z.object({ brain: serviceInComposeSchema, qdrant: serviceInComposeSchema }),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
});

export async function textOf(name: string): Promise<string> {
  return await readFile(new URL(`../k8s/${name}`, import.meta.url), "utf8");
}

/** In their order. */
export async function objectsOf(name: string): Promise<KubernetesObject[]> {
  return parseAllDocuments(await textOf(name)).map((document) => {
    if ("errors" in document && document.errors[0] !== undefined) throw document.errors[0];
    return objectSchema.parse("toJS" in document ? document.toJS() : document);
  });
}

export async function composeOf(name: string): Promise<z.infer<typeof composeSchema>> {
  return composeSchema.parse(parse(await textOf(name)));
}
