/** Quantities, and what quotas and limit ranges let in. */
import type { KubeObject } from "../../src/manager/kube_object.ts";
import {
  CLAIM,
  factsOf,
  forbidden,
  isKind,
  LIMIT_RANGE,
  POD,
  QUOTA,
} from "./simulated_cluster_kinds.ts";
import { at, textAt, type Tree, treeAt, treesAt } from "./simulated_cluster_tree.ts";
import type { World } from "./simulated_cluster_world.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** NaN where it is none. */
export function quantityOf(value: unknown): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(value));
  return Number(match?.[1]) * (UNITS[match?.[2] ?? "-"] ?? NaN);
}

type Amounts = Readonly<Record<string, number>>;

function containersOf(pod: unknown): readonly Tree[] {
  const sidecars = treesAt(pod, "spec", "initContainers")
    .filter((one) => textAt(one, "restartPolicy") === "Always");
  return [...treesAt(pod, "spec", "containers"), ...sidecars];
}

/** Requests or limits of all its containers together. */
export function podTotal(pod: unknown, part: "requests" | "limits", resource: string): number {
  return containersOf(pod).map((one) => quantityOf(at(one, "resources", part, resource) ?? 0))
    .reduce((sum, one) => sum + one, 0);
}

function amountsOf(object: KubeObject): Amounts {
  if (isKind(object, POD)) {
    const [cpu, memory] = ["cpu", "memory"].map((name) => podTotal(object, "requests", name));
    return {
      pods: 1,
      cpu: cpu ?? 0,
      memory: memory ?? 0,
      "requests.cpu": cpu ?? 0,
      "requests.memory": memory ?? 0,
      "limits.cpu": podTotal(object, "limits", "cpu"),
      "limits.memory": podTotal(object, "limits", "memory"),
    };
  }
  const { plural } = factsOf(object);
  const storage = isKind(object, CLAIM)
    ? { "requests.storage": quantityOf(at(object, "spec", "resources", "requests", "storage")) }
    : {};
  return { [plural]: 1, [`count/${plural}`]: 1, ...storage };
}

export function usedAmounts(world: World, namespace: string): Amounts {
  const sums: Record<string, number> = {};
  for (const object of world.store.contents(namespace)) {
    for (const [name, amount] of Object.entries(amountsOf(object))) {
      sums[name] = (sums[name] ?? 0) + amount;
    }
  }
  return sums;
}

/** A new or raised quota counts only once its controller has seen it: until then, its status. */
export function checkQuota(world: World, before: KubeObject | undefined, after: KubeObject): void {
  const namespace = after.metadata.namespace ?? "";
  const quotas = world.store.list(QUOTA, { namespace });
  if (quotas.length === 0) return;
  const [asked, had] = [amountsOf(after), before === undefined ? {} : amountsOf(before)];
  const used = usedAmounts(world, namespace);
  for (const quota of quotas) {
    const hard = treeAt(quota, "status", "hard");
    const counted = Object.keys(hard).filter((name) => asked[name] !== undefined);
    const { name } = quota.metadata;
    const unsaid = isKind(after, POD) ? counted.filter((one) => isUnsaid(after, one)) : [];
    if (unsaid.length > 0) {
      throw forbidden(after, `failed quota: ${name}: must specify ${unsaid.sort()}`);
    }
    const over = counted.filter((one) => {
      const more = (asked[one] ?? 0) - (had[one] ?? 0);
      return more > 0 && (used[one] ?? 0) + more > quantityOf(hard[one]) + 1e-9;
    }).sort();
    if (over.length === 0) continue;
    const say = (value: (one: string) => unknown) => over.map((one) => `${one}=${value(one)}`);
    throw forbidden(
      after,
      `exceeded quota: ${name}, requested: ${say((one) => (asked[one] ?? 0) - (had[one] ?? 0))}, ` +
        `used: ${say((one) => used[one] ?? 0)}, limited: ${say((one) => hard[one])}`,
    );
  }
}

/** A quota on something makes every container name it. */
function isUnsaid(pod: KubeObject, name: string): boolean {
  const [, part, resource] = /^(requests|limits)\.(cpu|memory)$/.exec(name) ?? [];
  if (part === undefined || resource === undefined) return false;
  return containersOf(pod).some((one) => at(one, "resources", part, resource) === undefined);
}

/** The pod with the defaults of its namespace's limit ranges. */
export function defaulted(world: World, pod: KubeObject): KubeObject {
  const namespace = pod.metadata.namespace ?? "";
  const limits = world.store.list(LIMIT_RANGE, { namespace })
    .flatMap((range) => treesAt(range, "spec", "limits"))
    .filter((one) => textAt(one, "type") === "Container");
  const containers = treesAt(pod, "spec", "containers").map((container) => {
    let resources = treeAt(container, "resources");
    for (const one of limits) {
      const given = treeAt(resources, "limits");
      const limited = { ...treeAt(one, "default"), ...given };
      const requests = {
        ...treeAt(one, "defaultRequest"),
        ...given,
        ...treeAt(resources, "requests"),
      };
      resources = { ...resources, limits: limited, requests };
    }
    const requests = { ...treeAt(resources, "limits"), ...treeAt(resources, "requests") };
    return { ...container, resources: { ...resources, ...hasAny(requests) ? { requests } : {} } };
  });
  return { ...pod, spec: { ...treeAt(pod, "spec"), containers } };
}

function hasAny(tree: Tree): boolean {
  return Object.keys(tree).length > 0;
}

export function checkLimitRange(world: World, object: KubeObject): void {
  const namespace = object.metadata.namespace ?? "";
  for (const range of world.store.list(LIMIT_RANGE, { namespace })) {
    for (const limit of treesAt(range, "spec", "limits")) checkLimit(object, limit);
  }
}

function checkLimit(object: KubeObject, limit: Tree): void {
  const type = textAt(limit, "type");
  if (isKind(object, CLAIM) && type === "PersistentVolumeClaim") {
    const asked = at(object, "spec", "resources", "requests", "storage");
    const most = at(limit, "max", "storage");
    const least = at(limit, "min", "storage");
    if (most !== undefined && quantityOf(asked) > quantityOf(most)) {
      throw forbidden(
        object,
        `maximum storage usage per ${type} is ${most}, but request is ${asked}`,
      );
    }
    if (least !== undefined && quantityOf(asked) < quantityOf(least)) {
      throw forbidden(
        object,
        `minimum storage usage per ${type} is ${least}, but request is ${asked}`,
      );
    }
  }
  if (!isKind(object, POD) || type !== "Container") return;
  for (const [resource, most] of Object.entries(treeAt(limit, "max"))) {
    for (const container of containersOf(object)) {
      const asked = at(container, "resources", "limits", resource);
      if (asked === undefined || quantityOf(asked) > quantityOf(most)) {
        const but = asked === undefined ? "no limit is specified" : `limit is ${asked}`;
        throw forbidden(object, `maximum ${resource} usage per Container is ${most}, but ${but}`);
      }
    }
  }
}
