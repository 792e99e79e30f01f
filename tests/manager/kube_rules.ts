/**
 * What a server, or its kubelets, would refuse or leave lying, and the types of objects do not say.
 * And what we hold ourselves to: one brain on one volume, no rights, no way out but the named ones.
 */
import type { KubeObject } from "../../src/manager/kube_object.ts";
import { POD_RULES } from "./kube_pod_rules.ts";
import { allOf, amountOf, containersOf, type Workload, workloadsOf } from "./kube_shapes.ts";

export interface World {
  readonly objects: readonly KubeObject[];
  readonly workloads: readonly Workload[];
  /** What a brain may be told by its environment. */
  readonly knownVariables: readonly string[];
}

/** Says what is wrong with objects that belong together, in words. */
export type Rule = (world: World) => string[];

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const LABEL_KEY =
  /^(?:(?=[^/]{1,253}\/)[a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;
const IN_NO_NAMESPACE = ["Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume"];
const LABELS_AS_NAMES = ["Namespace", "Service"];

function called({ kind, metadata: { name } }: KubeObject): string {
  return `${kind} ${name}`;
}

function matches(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
) {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

const labelsOfPods = ({ workloads }: World) =>
  workloads.map(({ spec }) => spec.template.metadata.labels);

/** Every piece of text within an object, with where it stands. */
function* leaves(value: unknown, path = ""): Generator<readonly [string, unknown]> {
  if (typeof value !== "object" || value === null) yield [path, value];
  else for (const [key, inner] of Object.entries(value)) yield* leaves(inner, `${path}/${key}`);
}

/** By the end of the path to it. */
const ENUMS: readonly (readonly [RegExp, RegExp])[] = [
  [/\/accessModes\/\d+$/, /^ReadWriteOnce(Pod)?$/],
  [/\/updateStrategy\/type$/, /^OnDelete$/],
  [/\/policyTypes\/\d+$/, /^(Ingress|Egress)$/],
  [/\/protocol$/, /^(TCP|UDP)$/],
  [/\/pathType$/, /^(Prefix|Exact)$/],
  [/\/restartPolicy$/, /^(NotRequired|RestartContainer|Always)$/],
  [/\/fsGroupChangePolicy$/, /^(OnRootMismatch|Always)$/],
  [/\/unhealthyPodEvictionPolicy$/, /^(AlwaysAllow|IfHealthyBudget)$/],
];

/** IPv4 alone; a block of IPv6 is compared by its text. */
function isInside(inner: string, outer: string): boolean {
  const [one, other] = [inner, outer].map((cidr) => {
    const [address = "", bits = "32"] = cidr.split("/");
    const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return { number, bits: Number(bits) };
  });
  if (!one || !other || inner.includes(":")) return inner !== outer;
  const size = 2 ** (32 - other.bits);
  return one.bits >= other.bits && Math.floor(one.number / size) * size === other.number;
}

const OBJECT_RULES = {
  "a name is one in DNS": ({ objects }) =>
    objects.filter(({ kind, metadata: { name } }) =>
      !(LABELS_AS_NAMES.includes(kind) ? LABEL : SUBDOMAIN).test(name)
    ).map(called),
  "there is one of each name": ({ objects }) =>
    objects.map(called).filter((name, index, all) => all.indexOf(name) !== index),
  "all are in the one namespace": ({ objects }) => {
    const names = objects.filter(({ kind }) => kind === "Namespace").map(({ metadata }) =>
      metadata.name
    );
    return objects.filter(({ kind, metadata: { namespace } }) =>
      IN_NO_NAMESPACE.includes(kind) ? namespace !== undefined : namespace !== names[0]
    ).map(called);
  },
  "labels and annotations are as the server takes them": ({ objects, workloads }) =>
    [
      ...objects.map((object) => [called(object), object.metadata] as const),
      ...workloads.map(({ spec }) => ["a pod", spec.template.metadata] as const),
    ].flatMap(([name, { labels = {}, annotations = {} }]) => [
      ...Object.entries(labels).filter(([key, value]) =>
        !LABEL_KEY.test(key) || !LABEL_VALUE.test(value)
      )
        .map(([key]) => `${name}: ${key}`),
      ...Object.entries(Object(annotations)).filter(([key, value]) =>
        !LABEL_KEY.test(key) || typeof value !== "string"
      )
        .map(([key]) => `${name}: ${key}`),
    ]),
  "a word out of a closed set is one of it": ({ objects }) =>
    objects.flatMap((object) =>
      [...leaves(object)].filter(([path, value]) =>
        ENUMS.some(([place, words]) => place.test(path) && !words.test(String(value)))
      ).map(([path]) => `${called(object)}: ${path}`)
    ),
  "nothing is left undefined, null or not a number": ({ objects }) =>
    objects.flatMap((object) =>
      [...leaves(object)].filter(([, value]) =>
        value === null || value === undefined || Number.isNaN(value)
      )
        .map(([path]) => `${called(object)}: ${path}`)
    ),
  "a port is one, wherever it stands": ({ objects }) =>
    objects.flatMap((object) =>
      [...leaves(object)].filter(([path, value]) =>
        /\/(port|containerPort|number|targetPort)$/.test(path) && typeof value === "number" &&
        !(Number.isInteger(value) && value >= 1 && value <= 65_535)
      ).map(([path]) => `${called(object)}: ${path}`)
    ),
  "a Service leads to a pod, and to a port of it": (world) =>
    allOf("Service", world.objects).flatMap((service) => {
      const targets = world.workloads.filter(({ spec }) =>
        matches(service.spec.selector, spec.template.metadata.labels)
      );
      const ports = targets.flatMap(containersOf).flatMap(({ ports }) => ports)
        .flatMap(({ name, containerPort }) => [name, containerPort]);
      const lost = service.spec.ports.filter(({ port, targetPort = port }) =>
        !ports.includes(targetPort)
      );
      return targets.length === 0
        ? [called(service)]
        : lost.map(({ port }) => `${called(service)}: ${port}`);
    }),
  "a disruption budget is of pods that there are": (world) =>
    allOf("PodDisruptionBudget", world.objects).filter(({ spec }) =>
      !labelsOfPods(world).some((labels) => matches(spec.selector.matchLabels, labels))
    ).map(called),
  "an Ingress leads to a port of a Service, under a name that has TLS": ({ objects }) =>
    allOf("Ingress", objects).flatMap((object) =>
      object.spec.rules.flatMap(({ host, http }) => {
        const isSecure = object.spec.tls.some(({ hosts }) => hosts.includes(host)) &&
          SUBDOMAIN.test(host);
        const isLed = http.paths.every(({ backend: { service: { name, port } } }) =>
          allOf("Service", objects).some(({ metadata, spec }) =>
            metadata.name === name &&
            spec.ports.some((one) => one.name === port.name || one.port === port.number)
          )
        );
        return isSecure && isLed ? [] : [`${called(object)}: ${host}`];
      })
    ),
  "nothing comes in or goes out that no policy names": ({ objects }) => {
    const policies = allOf("NetworkPolicy", objects);
    const isClosed = policies.some(({ spec: { podSelector, policyTypes, ingress, egress } }) =>
      Object.keys(podSelector).length === 0 && policyTypes.length === 2 &&
      ingress.every(({ from }) => from.length > 0) && egress.every(({ to }) => to.length > 0)
    );
    const outside = policies.flatMap(({ spec }) =>
      spec.egress.flatMap(({ to }) => to).flatMap(({ ipBlock }) =>
        (ipBlock?.except ?? []).filter((except) => !isInside(except, ipBlock?.cidr ?? ""))
      )
    );
    return isClosed ? outside : ["no policy shuts the namespace"];
  },
  "the quota lets two such pods run, and the limits each container and claim be": (world) => {
    const { objects, workloads } = world;
    const hard = allOf("ResourceQuota", objects)[0]?.spec.hard;
    if (hard === undefined) return ["there is no quota"];
    const containers = workloads.flatMap(containersOf);
    const claims = allOf("PersistentVolumeClaim", objects);
    const needed = (["requests", "limits"] as const).flatMap((side) =>
      ["cpu", "memory"].map((resource) => {
        const one = containers.map(({ resources }) =>
          amountOf(resource, resources[side][resource] ?? "0")
        );
        return [`${side}.${resource}`, 2 * one.reduce((sum, amount) => sum + amount, 0)] as const;
      })
    );
    const storage = claims.map(({ spec }) => amountOf("storage", spec.resources.requests.storage));
    const wanted = [
      ...needed,
      ["requests.storage", storage.reduce((sum, one) => sum + one, storage[0] ?? 0)] as const,
    ];
    const maxima = allOf("LimitRange", objects).flatMap(({ spec }) => spec.limits);
    const over = (type: string, resource: string, text: string) =>
      maxima.some((limit) =>
        limit.type === type &&
        amountOf(resource, limit.max[resource] ?? "0") < amountOf(resource, text)
      );
    return [
      ...wanted.filter(([name, amount]) => amountOf(name, hard[name] ?? "0") < amount).map((
        [name],
      ) => name),
      ...(Number(hard["pods"]) >= 2 && Number(hard["persistentvolumeclaims"]) > claims.length
        ? []
        : ["pods or claims"]),
      ...containers.filter(({ resources }) =>
        Object.entries(resources.limits).some(([resource, text]) =>
          over("Container", resource, text)
        )
      )
        .map(({ name }) => name),
      ...claims.filter(({ spec }) =>
        over("PersistentVolumeClaim", "storage", spec.resources.requests.storage)
      ).map(called),
    ];
  },
} satisfies Record<string, Rule>;

export const RULES: Readonly<Record<string, Rule>> = { ...OBJECT_RULES, ...POD_RULES };

/** By rule; only those that are broken. */
export function ruleProblems(
  objects: readonly KubeObject[],
  knownVariables: readonly string[],
): Record<string, string[]> {
  const world = { objects, workloads: workloadsOf(objects), knownVariables };
  const found = Object.entries(RULES).map(([name, rule]) => [name, rule(world)] as const);
  return Object.fromEntries(found.filter(([, problems]) => problems.length > 0));
}
