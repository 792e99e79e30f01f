/** Objects of Kubernetes, as far as the rules look at them. */
import { z } from "zod";
import { type KubeObject, kubeObjectSchema } from "../../src/manager/kube_object.ts";
import { bytesOf } from "../../src/manager/manifests/quantities.ts";

const amounts = z.record(z.string(), z.string());
const labels = z.record(z.string(), z.string());
const portName = z.union([z.string(), z.number()]);
const probe = z.looseObject({ httpGet: z.looseObject({ port: portName }).optional() }).optional();

const container = z.looseObject({
  name: z.string(),
  image: z.string(),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() }))
    .default([]),
  env: z.array(z.looseObject({
    name: z.string(),
    value: z.string().optional(),
    valueFrom: z.looseObject({
      secretKeyRef: z.looseObject({ name: z.string(), optional: z.boolean().optional() })
        .optional(),
    }).optional(),
  })).default([]),
  resources: z.looseObject({ requests: amounts.default({}), limits: amounts.default({}) })
    .prefault({}),
  securityContext: z.looseObject({}).default({}),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
  startupProbe: probe,
  livenessProbe: probe,
  readinessProbe: probe,
});
export type Container = z.infer<typeof container>;

const items = z.array(z.looseObject({ key: z.string(), path: z.string() })).default([]);
const volume = z.looseObject({
  name: z.string(),
  persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
  projected: z.looseObject({
    sources: z.array(z.looseObject({
      secret: z.looseObject({ name: z.string(), items }).optional(),
      configMap: z.looseObject({ name: z.string(), items }).optional(),
    })),
  }).optional(),
});

const podSpec = z.looseObject({
  containers: z.array(container),
  initContainers: z.array(container).default([]),
  volumes: z.array(volume).default([]),
  securityContext: z.looseObject({}).default({}),
  serviceAccountName: z.string().optional(),
});

const selector = z.looseObject({ matchLabels: labels.default({}) });
const workload = kubeObjectSchema.extend({
  spec: z.looseObject({
    replicas: z.number().optional(),
    serviceName: z.string().optional(),
    selector,
    volumeClaimTemplates: z.array(z.unknown()).default([]),
    template: z.looseObject({
      metadata: z.looseObject({ labels: labels.default({}) }),
      spec: podSpec,
    }),
  }),
});
export type Workload = z.infer<typeof workload>;

/** Objects that make pods. */
export function workloadsOf(objects: readonly KubeObject[]): Workload[] {
  return objects.filter(({ kind }) => ["StatefulSet", "Deployment", "DaemonSet"].includes(kind))
    .map((object) => workload.parse(object));
}

export function containersOf({ spec }: Workload): Container[] {
  return [...spec.template.spec.initContainers, ...spec.template.spec.containers];
}

const service = kubeObjectSchema.extend({
  spec: z.looseObject({
    selector: labels.default({}),
    ports: z.array(z.looseObject({
      name: z.string().optional(),
      port: z.number(),
      targetPort: portName.optional(),
    })),
  }),
});
const budget = kubeObjectSchema.extend({ spec: z.looseObject({ selector }) });
const claim = kubeObjectSchema.extend({
  spec: z.looseObject({
    accessModes: z.array(z.string()),
    resources: z.looseObject({ requests: z.looseObject({ storage: z.string() }) }),
  }),
});
const quota = kubeObjectSchema.extend({ spec: z.looseObject({ hard: amounts }) });
const range = kubeObjectSchema.extend({
  spec: z.looseObject({
    limits: z.array(z.looseObject({ type: z.string(), max: amounts.default({}) })),
  }),
});
const secret = kubeObjectSchema.extend({ data: z.record(z.string(), z.string()).default({}) });
const peer = z.looseObject({
  ipBlock: z.looseObject({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
});
const policy = kubeObjectSchema.extend({
  spec: z.looseObject({
    podSelector: z.looseObject({}),
    policyTypes: z.array(z.string()).default([]),
    ingress: z.array(z.looseObject({ from: z.array(peer).default([]) })).default([]),
    egress: z.array(z.looseObject({ to: z.array(peer).default([]) })).default([]),
  }),
});
const ingress = kubeObjectSchema.extend({
  spec: z.looseObject({
    tls: z.array(z.looseObject({ hosts: z.array(z.string()) })).default([]),
    rules: z.array(z.looseObject({
      host: z.string(),
      http: z.looseObject({
        paths: z.array(z.looseObject({
          backend: z.looseObject({
            service: z.looseObject({
              name: z.string(),
              port: z.looseObject({ name: z.string().optional(), number: z.number().optional() }),
            }),
          }),
        })),
      }),
    })),
  }),
});

const SCHEMAS = {
  Service: service,
  PodDisruptionBudget: budget,
  PersistentVolumeClaim: claim,
  ResourceQuota: quota,
  LimitRange: range,
  Secret: secret,
  ConfigMap: secret,
  NetworkPolicy: policy,
  Ingress: ingress,
} as const;

export function allOf<K extends keyof typeof SCHEMAS>(
  kind: K,
  objects: readonly KubeObject[],
): z.output<(typeof SCHEMAS)[K]>[];
export function allOf(kind: keyof typeof SCHEMAS, objects: readonly KubeObject[]): unknown[] {
  return objects.filter((object) => object.kind === kind)
    .map((object) => SCHEMAS[kind].parse(object));
}

/** Thousandths of a processor, or bytes. */
export function amountOf(resource: string, text: string): number {
  if (!resource.endsWith("cpu")) return bytesOf(text);
  return text.endsWith("m") ? Number(text.slice(0, -1)) : 1000 * Number(text);
}
