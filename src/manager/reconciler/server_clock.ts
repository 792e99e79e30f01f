/**
 * What cannot be undone is done by a clock that agrees with the cluster's: by one that jumped ahead,
 * all that is kept for a month would be over at once.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Cluster } from "../cluster.ts";
import type { Settings } from "../settings.ts";

export interface TimeMeans {
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly settings: Pick<Settings, "managerNamespace">;
  readonly log: Log;
}

const MOST_APART_MS = 5 * 60_000;

/** The server says its time with an object that it was only asked to check, and does not keep. */
export async function isTimeSure({ clock, cluster, settings, log }: TimeMeans): Promise<boolean> {
  const { metadata: { creationTimestamp } } = await cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: "what-time-is-it",
      namespace: settings.managerNamespace,
      labels: { "app.kubernetes.io/managed-by": "brain-manager" },
    },
  }, { dryRun: true });
  const isSure = Math.abs(Date.parse(creationTimestamp ?? "") - clock.now()) <= MOST_APART_MS;
  if (!isSure) log("error", "clock_differs", { server: creationTimestamp ?? null });
  return isSure;
}
