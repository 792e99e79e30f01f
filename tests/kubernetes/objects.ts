/** What the test agent reads of the cluster's objects. */
import { z } from "zod";

const metadata = z.object({
  name: z.string(),
  namespace: z.string().default(""),
  uid: z.string(),
  annotations: z.record(z.string(), z.string()).default({}),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
});

const storage = z.object({ storage: z.string() });

export const claimSchema = z.object({
  metadata,
  spec: z.object({
    storageClassName: z.string().optional(),
    volumeName: z.string().optional(),
    accessModes: z.array(z.string()),
    resources: z.object({ requests: storage }),
  }),
  status: z.object({ phase: z.string(), capacity: storage.optional() }),
});

export const volumeSchema = z.object({
  metadata,
  spec: z.object({ capacity: storage, persistentVolumeReclaimPolicy: z.string() }),
  status: z.object({ phase: z.string().optional() }),
});

/** A Secret, whose values are in base64, or a ConfigMap. */
export const sourceSchema = z.object({
  metadata,
  data: z.record(z.string(), z.string()).default({}),
});

const items = z.array(z.object({ key: z.string(), path: z.string() })).optional();

const containerSchema = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  env: z.array(z.object({
    name: z.string(),
    value: z.string().default(""),
    valueFrom: z.object({
      secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
    }).optional(),
  })).default([]),
  volumeMounts: z.array(z.object({
    name: z.string(),
    mountPath: z.string(),
  })).default([]),
  readinessProbe: z.object({ httpGet: z.object({ path: z.string() }).optional() }).optional(),
});

export const podSchema = z.object({
  metadata,
  spec: z.object({
    nodeName: z.string().optional(),
    containers: z.tuple([containerSchema], containerSchema),
    volumes: z.array(z.object({
      name: z.string(),
      persistentVolumeClaim: z.object({ claimName: z.string() }).optional(),
      secret: z.object({ secretName: z.string(), items }).optional(),
      configMap: z.object({ name: z.string(), items }).optional(),
      projected: z.object({
        sources: z.array(z.object({
          secret: z.object({ name: z.string(), items }).optional(),
          configMap: z.object({ name: z.string(), items }).optional(),
        })),
      }).optional(),
    })).default([]),
  }),
});

export type Claim = z.infer<typeof claimSchema>;
export type Volume = z.infer<typeof volumeSchema>;
export type Source = z.infer<typeof sourceSchema>;
export type Pod = z.infer<typeof podSchema>;

/** All that a pass of the agent looks at. */
export interface Cluster {
  readonly pods: readonly Pod[];
  readonly claims: readonly Claim[];
  readonly volumes: readonly Volume[];
  readonly secrets: readonly Source[];
  readonly configMaps: readonly Source[];
}

/** `10Gi` and the like, as numbers to compare. */
export function bytesOf(quantity: string): number {
  const [, digits, unit = ""] = /^(\d+)([KMGT]i)?$/.exec(quantity) ?? [];
  if (digits === undefined) throw new Error(`Cannot read the size "${quantity}"`);
  return Number(digits) * 1024 ** ["", "Ki", "Mi", "Gi", "Ti"].indexOf(unit);
}
