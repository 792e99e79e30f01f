/**
 * What happened to a user, for `kubectl get events`: on his record, in the manager's own namespace,
 * so that it outlives his. A server forgets events by itself, after an hour as a rule.
 */
import { createHash } from "node:crypto";
import type { KubeObject } from "../kube_object.ts";
import type { UserRecord } from "../record.ts";

export interface Happening {
  readonly record: UserRecord;
  readonly operationId: string;
  readonly reason: string;
  readonly message: string;
  readonly isWarning: boolean;
  readonly at: string;
}

/** A server takes 1,024 bytes of it. */
const MOST_MESSAGE = 900;

/** Named for what it tells: told again, it is the same one, so that a crash makes no crowd. */
export function eventOf(happening: Happening, namespace: string): KubeObject {
  const { record: { slug }, operationId, reason, message, isWarning, at } = happening;
  const digest = createHash("sha256").update(`${operationId} ${reason} ${message}`).digest("hex");
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      name: `user-${slug}.${digest.slice(0, 16)}`,
      namespace,
      labels: { "app.kubernetes.io/managed-by": "brain-manager", "second-brain/user": slug },
    },
    involvedObject: { apiVersion: "v1", kind: "ConfigMap", namespace, name: `user-${slug}` },
    reason,
    message: message.slice(0, MOST_MESSAGE),
    type: isWarning ? "Warning" : "Normal",
    firstTimestamp: seconds(at),
    lastTimestamp: seconds(at),
    count: 1,
    source: { component: "brain-manager" },
  };
}

/** These fields of the core kind know no fractions. */
function seconds(at: string): string {
  return at.replace(/\.\d+Z$/, "Z");
}
