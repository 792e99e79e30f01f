/** What the API server refuses by itself: names, pods that cannot be, what may not be changed. */
import type { KubeObject } from "../../src/manager/kube_object.ts";
import {
  CLAIM,
  forbidden,
  invalid,
  isKind,
  POD,
  SERVICE_ACCOUNT,
  STATEFUL_SET,
  STORAGE_CLASS,
} from "./simulated_cluster_kinds.ts";
import { quantityOf } from "./simulated_cluster_quota.ts";
import {
  at,
  equal,
  numberAt,
  textAt,
  type Tree,
  treeAt,
  treesAt,
} from "./simulated_cluster_tree.ts";
import type { World } from "./simulated_cluster_world.ts";

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$/;
/** Those whose name becomes part of a host name. */
const LABEL_NAMED: readonly string[] = ["Namespace", "Service"];
/** Names of rights may hold colons. */
const FREELY_NAMED = /^(Cluster)?Role(Binding)?$/;

/** Of all kinds together: enough to find what was mistyped. */
const FIELDS = new Set(
  ("apiVersion kind metadata spec status data stringData binaryData immutable type rules roleRef " +
    "subjects aggregationRule provisioner parameters reclaimPolicy allowVolumeExpansion " +
    "volumeBindingMode mountOptions driver deletionPolicy involvedObject regarding reason message " +
    "note action count source series firstTimestamp lastTimestamp eventTime reportingComponent " +
    "reportingController reportingInstance related automountServiceAccountToken secrets " +
    "imagePullSecrets").split(" "),
);

/** What strict checks, and every apply, refuse. */
export function checkFields(object: KubeObject): void {
  const unknown = Object.keys(object).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw invalid(object, `.${unknown}: field not declared in schema`);
  const kept = /^(Secret|ConfigMap)$/.test(object.kind) ? treeAt(object, "data") : {};
  const wrong = Object.keys(kept).find((name) => !/^[-._a-zA-Z0-9]{1,253}$/.test(name));
  if (wrong !== undefined) {
    throw invalid(
      object,
      `data[${wrong}]: a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
    );
  }
}

export function checkNames(object: KubeObject): void {
  const { name, labels = {} } = object.metadata;
  const allowed = LABEL_NAMED.includes(object.kind) ? LABEL : SUBDOMAIN;
  if (!FREELY_NAMED.test(object.kind) && !allowed.test(name)) {
    throw invalid(
      object,
      `metadata.name: Invalid value: "${name}": a lowercase RFC 1123 label must consist of lower ` +
        "case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    );
  }
  for (const value of Object.values(labels)) {
    if (LABEL_VALUE.test(value)) continue;
    throw invalid(
      object,
      `metadata.labels: Invalid value: "${value}": a valid label must be an empty string or consist ` +
        "of alphanumeric characters, '-', '_' or '.'",
    );
  }
}

export function checkDeletion(before: KubeObject, after: KubeObject): void {
  if (before.metadata.deletionTimestamp === undefined) return;
  const added = (after.metadata.finalizers ?? [])
    .filter((one) => !(before.metadata.finalizers ?? []).includes(one));
  if (added.length === 0) return;
  throw invalid(
    after,
    "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being " +
      `deleted, found new finalizers ${JSON.stringify(added)}`,
  );
}

export function checkPod(world: World, pod: KubeObject): void {
  const account = textAt(pod, "spec", "serviceAccountName") ?? "default";
  const { namespace } = pod.metadata;
  if (
    account !== "default" &&
    world.get({ ...SERVICE_ACCOUNT, namespace, name: account }) === undefined
  ) {
    throw forbidden(
      pod,
      `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`,
    );
  }
  const volumes = treesAt(pod, "spec", "volumes").map((one) => textAt(one, "name"));
  for (const list of ["initContainers", "containers"]) {
    for (const [n, container] of treesAt(pod, "spec", list).entries()) {
      checkContainer(pod, container, `spec.${list}[${n}]`, volumes);
    }
  }
  if (treesAt(pod, "spec", "containers").length === 0) {
    throw invalid(pod, "spec.containers: Required value");
  }
  checkSecurity(world, pod);
}

function checkContainer(
  pod: KubeObject,
  container: Tree,
  path: string,
  volumes: readonly (string | undefined)[],
): void {
  if (textAt(container, "image") === undefined) throw invalid(pod, `${path}.image: Required value`);
  const limits = treeAt(container, "resources", "limits");
  for (const [name, request] of Object.entries(treeAt(container, "resources", "requests"))) {
    if (Number.isNaN(quantityOf(request))) {
      throw invalid(pod, `${path}.resources.requests[${name}]: Invalid value: "${request}"`);
    }
    if (limits[name] !== undefined && quantityOf(request) > quantityOf(limits[name])) {
      throw invalid(
        pod,
        `${path}.resources.requests: Invalid value: "${request}": must be less than or equal to ` +
          `${name} limit`,
      );
    }
  }
  for (const [n, mount] of treesAt(container, "volumeMounts").entries()) {
    if (!volumes.includes(textAt(mount, "name"))) {
      throw invalid(pod, `${path}.volumeMounts[${n}].name: Not found: "${at(mount, "name")}"`);
    }
  }
  for (const [n, port] of treesAt(container, "ports").entries()) {
    const number = numberAt(port, "containerPort") ?? 0;
    if (number >= 1 && number <= 65_535) continue;
    throw invalid(
      pod,
      `${path}.ports[${n}].containerPort: Invalid value: ${number}: must be between 1 and 65535, ` +
        "inclusive",
    );
  }
}

/** Of the standard `restricted`, what a careless template would break. */
function checkSecurity(world: World, pod: KubeObject): void {
  const { namespace = "" } = pod.metadata;
  const labels = world.get({ apiVersion: "v1", kind: "Namespace", name: namespace })?.metadata
    .labels;
  const enforced = labels?.["pod-security.kubernetes.io/enforce"];
  if (enforced !== "restricted" || !world.isSince(25)) return;
  const whole = treeAt(pod, "spec", "securityContext");
  for (const list of ["initContainers", "containers"]) {
    for (const container of treesAt(pod, "spec", list)) {
      const own = treeAt(container, "securityContext");
      const profile = textAt({ ...whole, ...own }, "seccompProfile", "type");
      const dropped = at(own, "capabilities", "drop");
      const problems = [
        at(own, "allowPrivilegeEscalation") === false ? [] : ["allowPrivilegeEscalation != false"],
        Array.isArray(dropped) && dropped.includes("ALL") ? [] : ["unrestricted capabilities"],
        at({ ...whole, ...own }, "runAsNonRoot") === true ? [] : ["runAsNonRoot != true"],
        profile === "RuntimeDefault" || profile === "Localhost" ? [] : ["seccompProfile"],
      ].flat();
      if (problems.length === 0) continue;
      throw forbidden(
        pod,
        `violates PodSecurity "restricted:latest": ${problems.join(", ")} ` +
          `(container "${at(container, "name")}")`,
      );
    }
  }
}

const STATEFUL_SET_MAY = ["replicas", "template", "updateStrategy", "minReadySeconds"];

export function checkStatefulSet(before: KubeObject | undefined, after: KubeObject): void {
  const selector = treeAt(after, "spec", "selector", "matchLabels");
  const labels = treeAt(after, "spec", "template", "metadata", "labels");
  if (Object.entries(selector).some(([name, value]) => labels[name] !== value)) {
    throw invalid(
      after,
      "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`",
    );
  }
  if (before === undefined) return;
  const [old, now] = [before, after].map((one) => {
    const spec = { ...treeAt(one, "spec") };
    for (const name of STATEFUL_SET_MAY) delete spec[name];
    return spec;
  });
  if (equal(old, now)) return;
  throw invalid(
    after,
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'template', " +
      "and 'updateStrategy' are forbidden",
  );
}

export function checkClaim(world: World, before: KubeObject | undefined, after: KubeObject): void {
  const modes = at(after, "spec", "accessModes");
  if (Array.isArray(modes) && modes.includes("ReadWriteOncePod") && !world.isSince(22)) {
    throw invalid(after, 'spec.accessModes: Unsupported value: "ReadWriteOncePod"');
  }
  if (before === undefined) return;
  const [asked, had] = [after, before]
    .map((one) => quantityOf(at(one, "spec", "resources", "requests", "storage")));
  const isBound = textAt(before, "status", "phase") === "Bound";
  const fixed = (claim: KubeObject) => {
    const spec = treeAt(claim, "spec");
    const volumeName = textAt(before, "spec", "volumeName") === undefined ? "" : spec["volumeName"];
    return { ...spec, volumeName, ...isBound ? { resources: null } : {} };
  };
  if (!equal(fixed(before), fixed(after))) {
    throw invalid(
      after,
      "spec: Forbidden: spec is immutable after creation except resources.requests for bound claims",
    );
  }
  if ((asked ?? 0) < (had ?? 0)) {
    throw invalid(
      after,
      "spec.resources.requests.storage: Forbidden: field can not be less than previous value",
    );
  }
  if ((asked ?? 0) === (had ?? 0)) return;
  const name = textAt(after, "spec", "storageClassName") ?? "";
  if (at(world.get({ ...STORAGE_CLASS, name }), "allowVolumeExpansion") === true) return;
  throw forbidden(
    after,
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc " +
      "must support resize",
  );
}

/** What else may not be changed once it is there. */
export function checkFixed(before: KubeObject, after: KubeObject): void {
  const refuse = (field: string) => {
    throw invalid(after, `${field}: Invalid value: field is immutable`);
  };
  if (isKind(after, POD)) {
    const withoutImages = (pod: KubeObject) => {
      const containers = treesAt(pod, "spec", "containers").map((one) => ({ ...one, image: "" }));
      return { ...treeAt(pod, "spec"), containers };
    };
    if (!equal(withoutImages(before), withoutImages(after))) {
      throw invalid(
        after,
        "spec: Forbidden: pod updates may not change fields other than " +
          "`spec.containers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations`",
      );
    }
  }
  if (after.kind === "RoleBinding" && !equal(before["roleRef"], after["roleRef"])) {
    refuse("roleRef");
  }
  if (after.kind === "Service") {
    const [old, now] = [before, after].map((one) => at(one, "spec", "clusterIP"));
    if (old !== now) refuse("spec.clusterIP");
  }
  if (after.kind === "Secret" && before["type"] !== after["type"]) refuse("type");
  if (before["immutable"] === true && !equal(before["data"], after["data"])) refuse("data");
}

/** As a kind needs it; `before` is undefined for a new one. */
export function checkKind(world: World, before: KubeObject | undefined, after: KubeObject): void {
  if (isKind(after, CLAIM)) checkClaim(world, before, after);
  if (isKind(after, STATEFUL_SET)) checkStatefulSet(before, after);
  if (isKind(after, POD) && before === undefined) checkPod(world, after);
  if (before !== undefined) checkFixed(before, after);
}
