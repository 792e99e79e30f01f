/** The rules for pods: see `kube_rules.ts`. */
import { allOf, amountOf, type Container, containersOf, type Workload } from "./kube_shapes.ts";
import type { Rule } from "./kube_rules.ts";

const PORT_NAME = /^(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Of the runtime, which the brain itself does not read. */
const RUNTIMES_OWN = ["DENO_USE_CGROUPS", "DENO_V8_FLAGS"];
/** What `restricted` lets a volume be, of those that we use. */
const VOLUMES = ["persistentVolumeClaim", "projected", "emptyDir", "configMap", "secret"];

/** A rule of one container, as a rule of all. */
function each(problem: (container: Container, workload: Workload) => string[]): Rule {
  return ({ workloads }) =>
    workloads.flatMap((workload) =>
      containersOf(workload).flatMap((container) =>
        problem(container, workload).map((text) => `${container.name}: ${text}`)
      )
    );
}

function pods(problem: (workload: Workload) => string[]): Rule {
  return ({ workloads }) =>
    workloads.flatMap((workload) =>
      problem(workload).map((text) => `${workload.metadata.name}: ${text}`)
    );
}

function twice(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

const isEqual = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

export const POD_RULES = {
  "a selector finds the pods of its own template": pods(({ spec: { selector, template } }) =>
    Object.entries(selector.matchLabels).filter(([key, value]) =>
      template.metadata.labels[key] !== value
    ).map(([key]) => key)
  ),
  "a brain is one, and has a claim that can be replaced": pods(({ spec }) => [
    ...([0, 1].includes(spec.replicas ?? -1) ? [] : ["replicas"]),
    ...(spec.volumeClaimTemplates.length === 0 ? [] : ["volumeClaimTemplates"]),
  ]),
  "a StatefulSet's Service is there": ({ objects, workloads }) =>
    workloads.filter(({ spec: { serviceName } }) =>
      serviceName !== undefined &&
      !objects.some(({ kind, metadata }) => kind === "Service" && metadata.name === serviceName)
    ).map(({ metadata }) => metadata.name),
  "each container asks for less than it may have": each(({ resources: { requests, limits } }) =>
    ["cpu", "memory"].filter((resource) => {
      const [least = "0", most = "0"] = [requests[resource], limits[resource]];
      return !(amountOf(resource, least) > 0 &&
        amountOf(resource, least) < amountOf(resource, most));
    })
  ),
  "containers, volumes, ports and places have names of their own": pods(({ spec }) => {
    const { containers, initContainers, volumes } = spec.template.spec;
    const all = [...initContainers, ...containers];
    const names = all.map(({ name }) => name);
    const ports = all.flatMap(({ ports }) => ports).map(({ name = "http" }) => name);
    return [
      ...twice(names),
      ...twice(volumes.map(({ name }) => name)),
      ...twice(ports),
      ...all.flatMap(({ volumeMounts }) => twice(volumeMounts.map(({ mountPath }) => mountPath))),
      ...[...names, ...volumes.map(({ name }) => name)].filter((name) => !LABEL.test(name)),
      ...ports.filter((name) => !PORT_NAME.test(name)),
    ];
  }),
  "what is mounted is a volume, and each volume is mounted": pods((workload) => {
    const volumes = workload.spec.template.spec.volumes.map(({ name }) => name);
    const mounted = containersOf(workload).flatMap(({ volumeMounts }) =>
      volumeMounts.map(({ name }) => name)
    );
    return [
      ...mounted.filter((name) => !volumes.includes(name)),
      ...volumes.filter((name) => !mounted.includes(name)),
    ];
  }),
  "what a pod is made of is there": ({ objects, workloads }) => {
    const isThere = (kind: string, wanted: string | undefined) =>
      wanted === undefined ||
      objects.some((object) => object.kind === kind && object.metadata.name === wanted);
    const lacks = (kind: "Secret" | "ConfigMap", name: string, keys: readonly string[]) => {
      const found = allOf(kind, objects).find(({ metadata }) => metadata.name === name);
      return keys.some((key) => found?.data[key] === undefined) ? [`${kind} ${name}`] : [];
    };
    return workloads.flatMap(({ spec: { template: { spec } } }) => [
      ...(isThere("ServiceAccount", spec.serviceAccountName) ? [] : ["ServiceAccount"]),
      ...spec.volumes.flatMap(({ persistentVolumeClaim, projected }) => [
        ...(isThere("PersistentVolumeClaim", persistentVolumeClaim?.claimName) ? [] : ["claim"]),
        ...(projected?.sources ?? []).flatMap(({ secret, configMap }) => [
          ...(secret ? lacks("Secret", secret.name, secret.items.map(({ key }) => key)) : []),
          ...(configMap
            ? lacks("ConfigMap", configMap.name, configMap.items.map(({ key }) => key))
            : []),
        ]),
      ]),
    ]);
  },
  "a probe asks at a port of its container": each((container) => {
    const names = container.ports.flatMap(({ name, containerPort }) => [name, containerPort]);
    return [container.startupProbe, container.livenessProbe, container.readinessProbe]
      .flatMap((probe) => probe?.httpGet === undefined ? [] : [probe.httpGet.port])
      .filter((port) => !names.includes(port)).map(String);
  }),
  "a variable has one name, and one value": each(({ env }) => [
    ...twice(env.map(({ name }) => name)),
    ...env.filter(({ name }) => !VARIABLE.test(name)).map(({ name }) => name),
    ...env.filter(({ value, valueFrom }) => (value === undefined) === (valueFrom === undefined))
      .map(({ name }) => name),
  ]),
  "the brain knows each variable that it is given": ({ workloads, knownVariables }) =>
    workloads.flatMap(containersOf).filter(({ name }) => name === "brain").flatMap(({ env }) =>
      env.map(({ name }) => name).filter((name) =>
        !knownVariables.includes(name) && !RUNTIMES_OWN.includes(name)
      )
    ),
  "no key stands in the environment": each(({ env }) =>
    env.filter(({ name, value }) => /_KEY$|PASSWORD|TOKEN/.test(name) && value !== undefined)
      .map(({ name }) => name)
  ),
  "a pod is as the level restricted asks": pods(({ spec: { template: { spec } } }) => [
    ...["hostNetwork", "hostPID", "hostIPC"].filter((name) => Object.hasOwn(spec, name)),
    ...(spec.securityContext["runAsNonRoot"] === true ? [] : ["runAsNonRoot"]),
    ...(isEqual(spec.securityContext["seccompProfile"], { type: "RuntimeDefault" })
      ? []
      : ["seccompProfile"]),
    ...(spec["automountServiceAccountToken"] === false ? [] : ["token"]),
    ...spec.volumes.flatMap((volume) =>
      Object.keys(volume).filter((key) => key !== "name" && !VOLUMES.includes(key))
    ),
  ]),
  "a container is as the level restricted asks, and cannot write to its root": each(
    ({ securityContext }) => {
      const { runAsUser = 1, runAsGroup: _, ...rest } = securityContext;
      const wanted = {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      };
      return runAsUser !== 0 && isEqual(rest, wanted) ? [] : ["securityContext"];
    },
  ),
} satisfies Record<string, Rule>;
