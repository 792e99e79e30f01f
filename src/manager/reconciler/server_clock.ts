/**
 * What cannot be undone is done by a clock that agrees with the cluster's: by one that jumped ahead,
 * all that is kept for a month would be over at once.
 */
import type { Clock } from "../../clock.ts";
import type { Cluster } from "../cluster.ts";

const MOST_APART_MS = 5 * 60_000;

/** The server says its time with an object that it was only asked to check, and does not keep. */
export async function agreesWithServer(
  clock: Clock,
  cluster: Cluster,
  namespace: string,
): Promise<boolean> {
  const { metadata: { creationTimestamp } } = await cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: "what-time-is-it",
      namespace,
      labels: { "app.kubernetes.io/managed-by": "brain-manager" },
    },
  }, { dryRun: true });
  return Math.abs(Date.parse(creationTimestamp ?? "") - clock.now()) <= MOST_APART_MS;
}
