/** Objects as the server sends them, checked, and without what only it needs. */
import { z } from "zod";
import { ClusterError } from "../cluster.ts";
import { type KubeKind, type KubeObject, kubeObjectSchema } from "../kube_object.ts";

const listSchema = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string(),
    continue: z.string().optional(),
  }),
  // Null in some versions, where there are none.
  items: z.array(z.looseObject({ metadata: z.looseObject({}) })).nullish(),
});

/** Throws `unavailable` where it is none. */
export function readObject(value: unknown): KubeObject {
  const { success, data } = kubeObjectSchema.safeParse(value);
  if (!success) throw unreadable();
  // Who set which field: half of the object, and of no use to us.
  delete data.metadata["managedFields"];
  return data;
}

export interface Page {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly next: string | undefined;
}

/** The items of a list do not say what they are. */
export function readPage(value: unknown, { apiVersion, kind }: KubeKind): Page {
  const { success, data } = listSchema.safeParse(value);
  if (!success) throw unreadable();
  const { resourceVersion, continue: next } = data.metadata;
  const items = (data.items ?? []).map((item) => readObject({ ...item, apiVersion, kind }));
  return { items, resourceVersion, next: next || undefined };
}

function unreadable(): ClusterError {
  const message = "Cannot read the API server's reply: it is of another shape";
  return new ClusterError("unavailable", 200, "", message);
}
