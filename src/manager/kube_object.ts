/** Objects of Kubernetes as plain data: what every one of them has, and how one is named. */
import { z } from "zod";

export const kubeObjectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    /** Empty for what is only asked and not kept, such as a review of rights. */
    name: z.string().default(""),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    generation: z.int().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    finalizers: z.array(z.string()).optional(),
    creationTimestamp: z.string().nullish(),
    deletionTimestamp: z.string().optional(),
  }),
});

export type KubeObject = z.infer<typeof kubeObjectSchema>;

/** A kind of object, such as `{apiVersion: "apps/v1", kind: "StatefulSet"}`. */
export interface KubeKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Names one object; without `namespace` one that belongs to the cluster. */
export interface KubeRef extends KubeKind {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function refOf({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): KubeRef {
  return { apiVersion, kind, namespace, name };
}
