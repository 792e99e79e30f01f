/**
 * A Qdrant beside the brain, in its pod. It listens on the pod's own loopback, so it has no key. It
 * is a second container, not one that must have started first: without it the brain starts too.
 */
import type { Container } from "kubernetes-types/core/v1";
import type { Tier } from "../tiers.ts";
import { QDRANT_CLAIM } from "./names.ts";
import { qdrantShare, resourcesOf } from "./shares.ts";

const PORT = 6333;
export const SIDECAR_URL = `http://127.0.0.1:${PORT}`;

/** The image has bash, but neither curl nor wget, and the kubelet does not reach the loopback. */
const IS_ALIVE = [
  "bash",
  "-c",
  [
    `exec 3<>/dev/tcp/127.0.0.1/${PORT} &&`,
    "printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 &&",
    "read -r line <&3 && [[ $line == *' 200 '* ]]",
    "",
  ].join("\n"),
];

export function qdrantContainer(image: string, tier: Tier, hasResize: boolean) {
  return {
    name: "qdrant",
    image,
    env: [
      { name: "QDRANT__SERVICE__HOST", value: "127.0.0.1" },
      { name: "QDRANT__SERVICE__ENABLE_CORS", value: "false" },
      { name: "QDRANT__SERVICE__ENABLE_STATIC_CONTENT", value: "false" },
      { name: "QDRANT__TELEMETRY_DISABLED", value: "true" },
      { name: "QDRANT__LOG_LEVEL", value: "WARN" },
      // All that it writes outside of its volume, since its root is read-only.
      { name: "QDRANT__STORAGE__SNAPSHOTS_PATH", value: "/tmp/snapshots" },
      { name: "QDRANT_INIT_FILE_PATH", value: "/tmp/initialized" },
    ],
    resources: resourcesOf(qdrantShare(tier)),
    ...(hasResize && { resizePolicy: RESIZE_POLICY }),
    securityContext: {
      // The image's own user, who cannot read the brain's files by being their owner.
      runAsUser: 1000,
      runAsGroup: 1000,
      ...CONFINED,
    },
    startupProbe: {
      exec: { command: IS_ALIVE },
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: 120,
    },
    livenessProbe: {
      exec: { command: IS_ALIVE },
      periodSeconds: 20,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
    volumeMounts: [
      { name: "qdrant", mountPath: "/qdrant/storage" },
      { name: "scratch", mountPath: "/tmp" },
    ],
  } satisfies Container;
}

export const QDRANT_VOLUMES = [
  { name: "qdrant", persistentVolumeClaim: { claimName: QDRANT_CLAIM } },
  { name: "scratch", emptyDir: { sizeLimit: "1Gi" } },
];

export const CONFINED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Memory is shared out when a process starts: the heap's limit, and caches. */
export const RESIZE_POLICY = [
  { resourceName: "cpu", restartPolicy: "NotRequired" },
  { resourceName: "memory", restartPolicy: "RestartContainer" },
];
