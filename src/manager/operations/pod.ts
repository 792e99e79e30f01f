/** What a brain's pod and its StatefulSet say of themselves. */
import { z } from "zod";
import type { KubeObject, KubeRef } from "../kube_object.ts";
import { amountOf } from "../manifests.ts";
import type { UserRecord } from "../record.ts";
import { namespaceOf } from "../user_id.ts";

const resourcesSchema = z.looseObject({
  requests: z.record(z.string(), z.string()).optional(),
  limits: z.record(z.string(), z.string()).optional(),
});
const containerSchema = z.looseObject({
  name: z.string(),
  resources: resourcesSchema.optional(),
});
const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});
const podSchema = z.looseObject({
  spec: z.looseObject({ containers: z.array(containerSchema) }),
  status: z.looseObject({
    phase: z.string().optional(),
    conditions: z.array(conditionSchema).nullish(),
    containerStatuses: z.array(z.looseObject({
      name: z.string(),
      ready: z.boolean().optional(),
      resources: resourcesSchema.optional(),
      state: z.looseObject({
        waiting: z.looseObject({ reason: z.string().optional() }).nullish(),
        terminated: z.looseObject({ reason: z.string().optional() }).nullish(),
      }).optional(),
    })).nullish(),
  }).optional(),
});
const setSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().optional(),
    template: z.looseObject({ metadata: z.unknown(), spec: podSchema.shape.spec }),
  }),
  status: z.looseObject({ observedGeneration: z.int().optional() }).optional(),
});

export function setRef({ slug }: Pick<UserRecord, "slug">): KubeRef {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    namespace: namespaceOf(slug),
    name: "brain",
  };
}

type Container = z.infer<typeof containerSchema>;

function conditionOf(pod: KubeObject, type: string) {
  const { status } = podSchema.parse(pod);
  return status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp === undefined &&
    conditionOf(pod, "Ready")?.status === "True";
}

/** Why it is not ready, as far as it says so. */
export function delayOf(pod: KubeObject): string {
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status === "False") {
    return `its pod to find a place: ${scheduled.message ?? scheduled.reason ?? "no reason given"}`;
  }
  const { status } = podSchema.parse(pod);
  const reasons = (status?.containerStatuses ?? []).flatMap(({ state }) => {
    const reason = state?.waiting?.reason ?? state?.terminated?.reason;
    return reason === undefined ? [] : [reason];
  });
  const why = reasons.length > 0 ? `: ${reasons.join(", ")}` : "";
  return `its pod to be ready${why}`;
}

/** That the controller has seen the StatefulSet as it is now: only then it makes pods of it. */
export function isObserved(set: KubeObject): boolean {
  const { status } = setSchema.parse(set);
  return (status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
}

/** The pod of a StatefulSet's template, to be tried out. */
export function podOf(set: KubeObject, name: string): KubeObject {
  const { spec: { template } } = setSchema.parse(set);
  const { namespace } = set.metadata;
  const given = z.looseObject({}).parse(template.metadata ?? {});
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...given, name, namespace },
    spec: template.spec,
  };
}

/** Whether what the pod is to have, or what it has by now, is what the template says. */
export function hasResources(pod: KubeObject, set: KubeObject): { asked: boolean; had: boolean } {
  const wanted = setSchema.parse(set).spec.template.spec.containers;
  const { spec, status } = podSchema.parse(pod);
  const asked = wanted.every((one) => isSame(one, spec.containers.find(named(one))));
  const statuses = status?.containerStatuses ?? [];
  const had = asked && wanted.every((one) => {
    const found = statuses.find(named(one));
    // A server that does not say what a container has cannot change it while it runs.
    return found?.resources === undefined || isSame(one, found);
  });
  return { asked, had };
}

/** For `pods/resize`: all containers as they are, but for their resources. */
export function resizeOf(pod: KubeObject, set: KubeObject): Readonly<Record<string, unknown>> {
  const wanted = setSchema.parse(set).spec.template.spec.containers;
  const containers = podSchema.parse(pod).spec.containers.map((container) => {
    const resources = wanted.find(named(container))?.resources;
    return resources === undefined ? container : { ...container, resources };
  });
  const { resourceVersion } = pod.metadata;
  return { metadata: { resourceVersion }, spec: { containers } };
}

/** Why its node will never do it; undefined while it may. */
export function resizeRefusal(pod: KubeObject): string | undefined {
  const pending = conditionOf(pod, "PodResizePending");
  if (pending?.status !== "True" || pending.reason !== "Infeasible") return undefined;
  return pending.message ?? "its node has no room for it";
}

function named({ name }: { readonly name: string }) {
  return (other: { readonly name: string }) => other.name === name;
}

function isSame(one: Container, other: Container | undefined): boolean {
  return (["requests", "limits"] as const).every((part) => {
    const [wanted = {}, found = {}] = [one.resources?.[part], other?.resources?.[part]];
    return Object.entries(wanted).every(([name, amount]) =>
      amountOf(amount) === amountOf(found[name] ?? "0")
    );
  });
}
