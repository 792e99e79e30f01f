/** What a step works with: everything that the program has, seen for one user. */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Backups } from "../backups.ts";
import type { BrainAccess, BrainAddress } from "../brain_access.ts";
import type { Capabilities, Cluster } from "../cluster.ts";
import type { KubeObject } from "../kube_object.ts";
import { type BrainKeys, userObjects } from "../manifests.ts";
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import { TIERS } from "../tiers.ts";
import { namespaceOf } from "../user_id.ts";
import { eventOf } from "./events.ts";
import { fencedCluster } from "./fenced_cluster.ts";
import { isKeySecret, keySecretRef, requireKeys } from "./keys.ts";
import type { Preparation, StepContext } from "./step.ts";
import type { Tenure } from "./tenure.ts";

export interface Means {
  readonly cluster: Cluster;
  readonly brains: BrainAccess;
  readonly backups: Backups;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly randomBytes: (bytes: number) => Uint8Array;
  readonly newId: () => string;
  /** `OPENAI_API_KEY` and `QDRANT_API_KEY` of all brains. */
  readonly sharedKeys: Pick<BrainKeys, "embedding" | "qdrant">;
  readonly log: Log;
}

/** Every object of the user, with these keys in them. */
export function objectsOf(
  { settings, sharedKeys }: Pick<Means, "settings" | "sharedKeys">,
  record: UserRecord,
  capabilities: Capabilities,
  current: string,
): readonly KubeObject[] {
  const keys = { ...sharedKeys, current, previous: undefined };
  return userObjects({ record, tier: TIERS[record.tier], settings, capabilities, keys });
}

/** Without the Secret of his keys. */
export function wantedObjects(
  means: Pick<Means, "settings" | "sharedKeys">,
  record: UserRecord,
  capabilities: Capabilities,
): readonly KubeObject[] {
  return objectsOf(means, record, capabilities, "unused").filter((object) => !isKeySecret(object));
}

export async function addressOf(cluster: Cluster, record: UserRecord): Promise<BrainAddress> {
  const { current } = requireKeys(await cluster.get(keySecretRef(record)));
  return { url: `http://brain.${namespaceOf(record.slug)}.svc:8000`, key: current };
}

export function preparationOf(
  means: Means,
  record: UserRecord,
  capabilities: Capabilities,
  signal: AbortSignal,
): Preparation {
  const { cluster, brains, backups, settings, clock, newId } = means;
  return {
    record,
    cluster,
    brains,
    backups,
    settings,
    capabilities,
    clock,
    newId,
    signal,
    wantedObjects: (wanted) => wantedObjects(means, wanted, capabilities),
    keysOf: async (of) => requireKeys(await cluster.get(keySecretRef(of))),
    addressOf: (of) => addressOf(cluster, of),
  };
}

export function stepContextOf(
  means: Means,
  tenure: Tenure,
  capabilities: Capabilities,
  signal: AbortSignal,
): StepContext {
  const cluster = fencedCluster(means.cluster, () => tenure.ensure());
  const fenced = { ...means, cluster };
  return {
    ...preparationOf(fenced, tenure.record, capabilities, signal),
    get record() {
      return tenure.record;
    },
    get operation() {
      return tenure.operation;
    },
    objectsWith: (record, key) => objectsOf(means, record, capabilities, key),
    randomBytes: means.randomBytes,
    update: (change) => tenure.update(change),
    remember: async (args) => {
      await tenure.update((record) => {
        const { operation } = record;
        if (operation === null) return record;
        return { ...record, operation: { ...operation, args: { ...operation.args, ...args } } };
      });
    },
    remove: () => tenure.remove(),
    event: (reason, message) => tell(means, tenure.record, { reason, message, isWarning: false }),
  };
}

/** Never throws: what is told is not worth failing for. */
export async function tell(
  { cluster, settings, clock, log }: Pick<Means, "cluster" | "settings" | "clock" | "log">,
  record: UserRecord,
  news: { readonly reason: string; readonly message: string; readonly isWarning: boolean },
): Promise<void> {
  const operationId = record.operation?.id ?? record.lastOperation?.id ?? record.life;
  const at = new Date(clock.now()).toISOString();
  try {
    await cluster.apply(eventOf({ record, operationId, ...news, at }, settings.managerNamespace));
  } catch (error) {
    const said = error instanceof Error ? error.message : "unknown";
    log("warn", "event_not_told", { slug: record.slug, reason: news.reason, error: said });
  }
}
