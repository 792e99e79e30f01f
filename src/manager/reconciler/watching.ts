/**
 * Watches one kind of objects for as long as it is let: what is there is told first, then every
 * change. Where too much happened to be told, or the connection breaks, it begins anew.
 */
import type { Clock } from "../../clock.ts";
import { paced } from "../../pace.ts";
import { type Cluster, ClusterError, type Selection } from "../cluster.ts";
import type { KubeKind, KubeObject } from "../kube_object.ts";

export interface WatchingOptions {
  readonly cluster: Cluster;
  readonly kind: KubeKind;
  readonly selection: Selection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly changed: (object: KubeObject, how: "listed" | "put" | "deleted") => void;
  readonly failed: (error: unknown) => void;
}

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 60_000;

/** Over once the signal aborts. */
export async function watching(options: WatchingOptions): Promise<void> {
  const { signal } = options;
  let failures = 0;
  let from: string | undefined;
  while (!signal.aborted) {
    try {
      from ??= await listed(options);
      for await (const { type, object } of watched(options, from)) {
        failures = 0;
        from = object.metadata.resourceVersion ?? from;
        if (type !== "bookmark") options.changed(object, type);
      }
    } catch (error) {
      if (signal.aborted) return;
      // Also of a version that cannot be watched from, whatever the server says to it.
      const isBroken = error instanceof ClusterError && error.fault === "unavailable";
      if (!isBroken || failures > 0) from = undefined;
      const isGone = error instanceof ClusterError && error.fault === "gone";
      if (!isGone) options.failed(error);
    }
    await pause(options, Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10)));
    failures++;
  }
}

async function listed({ cluster, kind, selection, changed }: WatchingOptions): Promise<string> {
  const { items, resourceVersion } = await cluster.list(kind, selection);
  await paced(items, (item) => changed(item, "listed"));
  return resourceVersion;
}

function watched({ cluster, kind, selection, signal }: WatchingOptions, resourceVersion: string) {
  return cluster.watch(kind, { ...selection, resourceVersion }, signal);
}

async function pause({ clock, random, signal }: WatchingOptions, mostMs: number): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = clock.after(mostMs * (0.5 + random() / 2), wake);
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  timer.cancel();
  signal.removeEventListener("abort", wake);
}
