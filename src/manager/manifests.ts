/**
 * All that one user has in the cluster, as plain values: made of his record, his tier and the
 * operator's settings, and of nothing else. The same input gives the same objects, word for word.
 */
import { z } from "zod";
import type { KubeObject } from "./kube_object.ts";
import { disruptionBudget, ingress, service, serviceMonitor } from "./manifests/access.ts";
import { dataClaim, limits, qdrantClaim, secret } from "./manifests/data.ts";
import type { ManifestInput } from "./manifests/input.ts";
import { EMBEDDING_SECRET, KEY_SECRET, QDRANT_SECRET } from "./manifests/names.ts";
import { networkPolicy } from "./manifests/network.ts";
import { statefulSet, TEMPLATE_DIGEST } from "./manifests/pod.ts";
import { bytesOf } from "./manifests/quantities.ts";
import {
  limitRange,
  managersRights,
  namespace,
  resourceQuota,
  serviceAccount,
} from "./manifests/room.ts";
import { yamlOf } from "./manifests/yaml_text.ts";
import { firstRecord } from "./first_record.ts";
import type { UserRecord } from "./record.ts";
import type { Settings } from "./settings.ts";
import { type TierName, TIERS } from "./tiers.ts";
import { namespaceOf } from "./user_id.ts";

/**
 * In the order in which they are applied: the rights before what needs them, the walls before what
 * they enclose, what the pod mounts before the pod. A claim that is there already is to go through
 * `claimOver`.
 */
export function userObjects(input: ManifestInput): KubeObject[] {
  return [...walls(input), ...secrets(input), ...insides(input)];
}

export { amountOf, bytesOf } from "./manifests/quantities.ts";
export type { BrainKeys, ManifestInput } from "./manifests/input.ts";

type PublicInput = Omit<ManifestInput, "keys">;

function walls({ record, tier, settings }: PublicInput): KubeObject[] {
  return [
    namespace(record),
    managersRights(record, settings),
    resourceQuota(record, tier),
    limitRange(record, tier),
    networkPolicy(record, tier, settings),
    serviceAccount(record),
  ];
}

function secrets({ record, keys }: ManifestInput): KubeObject[] {
  const { current, previous = "", embedding, qdrant } = keys;
  const copies = [[EMBEDDING_SECRET, embedding], [QDRANT_SECRET, qdrant]] as const;
  return [
    // Both are always there: a volume that misses one of its parts keeps the pod from starting.
    secret(record, KEY_SECRET, { key: current, previous }),
    ...copies.flatMap(([name, key]) => key === undefined ? [] : [secret(record, name, { key })]),
  ];
}

function insides(input: PublicInput): KubeObject[] {
  const { record, tier, settings, capabilities } = input;
  const { disruptionBudgets: version, readWriteOncePod, resize } = capabilities;
  const claim = claimName(record.claim.number);
  const isForOnePod = settings.readWriteOncePod && readWriteOncePod;
  const accessMode = isForOnePod ? "ReadWriteOncePod" : "ReadWriteOnce";
  return [
    limits(record, tier),
    dataClaim(record, tier, claim, { accessMode, settings }),
    ...(tier.qdrant === "sidecar" ? [qdrantClaim(record, tier, settings)] : []),
    service(record, tier),
    statefulSet(input, claim),
    // Every server that can resize knows of unhealthy pods there as well.
    ...(tier.hasDisruptionBudget && version ? [disruptionBudget(record, version, resize)] : []),
    ...(settings.hasServiceMonitors ? [serviceMonitor(record)] : []),
    ...(settings.domain === undefined ? [] : [ingress(record, settings.domain, settings)]),
  ];
}

export function claimName(number: number): string {
  return `data-${number}`;
}

const claimSchema = z.looseObject({
  spec: z.looseObject({
    accessModes: z.array(z.string()).optional(),
    storageClassName: z.string().optional(),
    volumeName: z.string().optional(),
    resources: z.looseObject({ requests: z.record(z.string(), z.string()).optional() }).optional(),
  }),
});

/**
 * The wanted claim as it may be applied over the one that is there: what of it cannot be changed
 * any more stays as it is, and it does not shrink. To leave out what was applied before would be a
 * change as well. A claim that is being deleted takes no finalizer: do not apply to it.
 */
export function claimOver(wanted: KubeObject, present: KubeObject): KubeObject {
  const { spec } = claimSchema.parse(wanted);
  const { spec: { accessModes, storageClassName, volumeName, resources } } = claimSchema.parse(
    present,
  );
  const [is, shall] = [resources, spec.resources].map((one) => one?.requests?.["storage"] ?? "0");
  return {
    ...wanted,
    spec: {
      ...(accessModes && { accessModes }),
      ...(storageClassName !== undefined && { storageClassName }),
      ...(volumeName !== undefined && { volumeName }),
      resources: { requests: { storage: larger(is ?? "0", shall ?? "0") } },
    },
  };
}

function larger(one: string, other: string): string {
  return bytesOf(one) >= bytesOf(other) ? one : other;
}

const annotated = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).optional() }),
});
const templated = z.looseObject({ spec: z.looseObject({ template: annotated }) });

/**
 * Whether two StatefulSets or Pods, one of them may be as the server gives it back, have the same
 * containers but for their processors and memory: then a running pod can be turned into the other.
 */
export function differsOnlyInResources(one: KubeObject, other: KubeObject): boolean {
  const digest = templateDigest(one);
  return digest !== undefined && digest === templateDigest(other);
}

/** Undefined where it was not made here. */
function templateDigest(object: KubeObject): string | undefined {
  const { metadata } = object.kind === "StatefulSet"
    ? templated.parse(object).spec.template
    : annotated.parse(object);
  return metadata.annotations?.[TEMPLATE_DIGEST];
}

export interface RenderInput {
  readonly userId: string;
  readonly tier: TierName;
  readonly settings: Settings;
}

/**
 * The objects as YAML, for `kubectl apply -f`: all that the manager would apply, but the Secret,
 * which is no more to be kept in a file than to be made anew each time. Its head says how to make
 * it; until then the pod waits. And without finalizers: where no manager takes them off, what has
 * them could never be deleted. Throws `invalid_user_id`.
 */
export function render({ userId, tier, settings }: RenderInput): string {
  const record = firstRecord(userId, tier, "rendered", "1970-01-01T00:00:00.000Z");
  const capabilities = {
    resize: true,
    disruptionBudgets: "policy/v1",
    readWriteOncePod: settings.readWriteOncePod,
  } as const;
  const input = { record, tier: TIERS[tier], settings, capabilities };
  const objects = [...walls(input), ...insides(input)].map(withoutFinalizers);
  return yamlOf(head(record, settings), objects);
}

function withoutFinalizers(object: KubeObject): KubeObject {
  const { finalizers: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function head({ slug, tier }: UserRecord, { hasEmbeddingKey }: Settings): string[] {
  const inNamespace = `kubectl -n ${namespaceOf(slug)}`;
  return [
    `A brain of the tier ${tier}, made by \`second-brain manager render\`; for a server from 1.33 on.`,
    "The service knows nothing of it, and takes over no namespace that is there: it is yours alone,",
    "and so is its volume, which goes with it.",
    "After it was applied its pod waits for its key:",
    `  ${inNamespace} create secret generic ${KEY_SECRET} --from-literal=previous= \\`,
    `    --from-literal=key="$(head -c 32 /dev/urandom | base64 | tr -d '\\n')"`,
    ...(hasEmbeddingKey
      ? [
        "It starts without the embedding provider's, and with it after a restart:",
        `  ${inNamespace} create secret generic ${EMBEDDING_SECRET} --from-file=key=FILE`,
      ]
      : []),
  ];
}
