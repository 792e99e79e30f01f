/**
 * The pod in which a brain runs, and the StatefulSet that keeps it: one writer on one volume. The
 * template's digest is in its own annotations, without processors and memory, so that a pod that
 * runs can be told from the wanted one whatever the server has added to either.
 */
import { createHash } from "node:crypto";
import type { StatefulSet } from "kubernetes-types/apps/v1";
import type { Container, EnvVar, PodTemplateSpec } from "kubernetes-types/core/v1";
import type { KubeObject } from "../kube_object.ts";
import type { ManifestInput } from "./input.ts";
import { hostsOf } from "./access.ts";
import {
  BRAIN,
  EMBEDDING_SECRET,
  HTTP_PORT,
  KEY_SECRET,
  LIMITS_MAP,
  metadataOf,
  POD_SELECTOR,
  podLabels,
  QDRANT_SECRET,
} from "./names.ts";
import { CONFINED, QDRANT_VOLUMES, qdrantContainer, RESIZE_POLICY, SIDECAR_URL } from "./qdrant.ts";
import { resourcesOf } from "./shares.ts";

type PodInput = Omit<ManifestInput, "keys">;

export const TEMPLATE_DIGEST = "second-brain/template";
const SECRETS = "/run/secrets/second-brain";
/** Of the image. */
const USER_ID = 65532;
const READ_BY_GROUP = 0o440;

export function statefulSet(input: PodInput, claim: string): KubeObject {
  const { record } = input;
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadataOf(record, BRAIN),
    spec: {
      // Never more: two writers on one volume are refused by the data folder's lock.
      replicas: record.state === "active" ? 1 : 0,
      serviceName: BRAIN,
      selector: { matchLabels: POD_SELECTOR },
      // The manager alone replaces a pod, at its own time: it may grow as it is.
      updateStrategy: { type: "OnDelete" },
      revisionHistoryLimit: 2,
      template: podTemplate(input, claim),
    },
  } satisfies StatefulSet;
}

function podTemplate(input: PodInput, claim: string) {
  const { record, tier, settings, capabilities: { resize } } = input;
  const hasQdrant = tier.qdrant === "sidecar";
  const spec = {
    serviceAccountName: BRAIN,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 60,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      brainContainer(input),
      ...(hasQdrant ? [qdrantContainer(settings.qdrantImage, tier, resize)] : []),
    ],
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: claim } },
      { name: "keys-and-limits", projected: keysAndLimits() },
      ...(hasQdrant ? QDRANT_VOLUMES : []),
    ],
  } satisfies PodTemplateSpec["spec"];
  const restartedAt = record.restartedAt === null
    ? {}
    : { "second-brain/restarted-at": record.restartedAt };
  const metadata = { labels: podLabels(record), annotations: restartedAt };
  const digest = digestOf({ metadata, spec });
  return {
    metadata: { ...metadata, annotations: { ...restartedAt, [TEMPLATE_DIGEST]: digest } },
    spec,
  };
}

function digestOf(template: unknown): string {
  const text = JSON.stringify(template, (key, value) => key === "resources" ? undefined : value);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** One volume, so that all of it changes in one step. Mounted as a whole: a single file of it would
 * never change. */
function keysAndLimits() {
  const keys = ["key", "previous"].map((name) => ({ key: name, path: name }));
  const limits = [{ key: "limits.json", path: "limits.json" }];
  return {
    defaultMode: READ_BY_GROUP,
    sources: [
      { secret: { name: KEY_SECRET, items: keys } },
      { configMap: { name: LIMITS_MAP, items: limits } },
    ],
  };
}

function brainContainer(input: PodInput) {
  const { tier, settings: { image }, capabilities: { resize } } = input;
  return {
    name: BRAIN,
    image,
    ports: [{ name: "http", protocol: "TCP", containerPort: HTTP_PORT }],
    env: environment(input),
    resources: resourcesOf(tier),
    ...(resize && { resizePolicy: RESIZE_POLICY }),
    securityContext: CONFINED,
    // The kubelet asks by the pod's address, which passes whatever hosts are allowed. Loading a
    // large brain may take its time: five minutes before it counts as failed.
    startupProbe: {
      httpGet: { path: "/health/ready", port: "http" },
      periodSeconds: 2,
      timeoutSeconds: 3,
      failureThreshold: 150,
    },
    livenessProbe: {
      httpGet: { path: "/health/live", port: "http" },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    readinessProbe: {
      httpGet: { path: "/health/ready", port: "http" },
      periodSeconds: 5,
      timeoutSeconds: 3,
    },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "keys-and-limits", mountPath: SECRETS, readOnly: true },
    ],
  } satisfies Container;
}

/**
 * A backup comes back in one import: four times the largest quota, since vectors are written out as
 * text. The same for every tier, so that a change of tier needs no restart for it.
 */
const MOST_IMPORT_BYTES = 128 * 2 ** 30;

/** Only what cannot change under a running brain; its limits lie in a file, which can. */
function environment({ record, tier, settings }: PodInput): EnvVar[] {
  const values: Record<string, string> = {
    ENVIRONMENT: "production",
    HOST: "0.0.0.0",
    PORT: String(HTTP_PORT),
    ALLOWED_HOSTS: hostsOf(record, settings).join(","),
    MEMORY_PERSIST_PATH: "/data/memories.json",
    CONTAINER_API_KEY_FILE: `${SECRETS}/key`,
    CONTAINER_API_KEY_PREVIOUS_FILE: `${SECRETS}/previous`,
    LIMITS_FILE: `${SECRETS}/limits.json`,
    MIN_FREE_BYTES: String(tier.minFreeBytes),
    MAX_IMPORT_BYTES: String(MOST_IMPORT_BYTES),
    EMBEDDING_MODEL: tier.embeddingModel,
    // Of Deno: without it the heap is sized by the machine, not by the container's limit.
    DENO_USE_CGROUPS: "1",
    // Heeded by `deno run`, and not by a compiled binary: see `heapMib`.
    ...(tier.heapMib !== null && { DENO_V8_FLAGS: `--max-old-space-size=${tier.heapMib}` }),
    ...(settings.embeddingBaseUrl !== undefined && { OPENAI_BASE_URL: settings.embeddingBaseUrl }),
  };
  const given: EnvVar[] = Object.entries(values).map(([name, value]) => ({ name, value }));
  if (settings.hasEmbeddingKey) given.push(fromSecret("OPENAI_API_KEY", EMBEDDING_SECRET));
  if (tier.qdrant === "sidecar") given.push({ name: "QDRANT_URL", value: SIDECAR_URL });
  if (tier.qdrant === "shared" && settings.qdrant !== undefined) {
    given.push({ name: "QDRANT_URL", value: settings.qdrant.url });
    given.push(fromSecret("QDRANT_API_KEY", QDRANT_SECRET));
  }
  return given;
}

/** A brain without it serves all the same, and says what it lacks. */
function fromSecret(name: string, secret: string): EnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret, key: "key", optional: true } } };
}
