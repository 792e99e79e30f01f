/** Whether a user can have another tier, and whether that takes a restart; changes nothing. */
import { BrainAccessError, type BrainStats } from "../brain_access.ts";
import { ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import type { KubeObject } from "../kube_object.ts";
import { differsOnlyInResources } from "../manifests.ts";
import { podRef } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { type Tier, TIER_NAMES, type TierName, TIERS } from "../tiers.ts";
import { requireThere } from "./asked_of.ts";
import { isReady } from "./pod.ts";
import type { Args, Preparation } from "./step.ts";

export async function prepareUpgrade(
  preparation: Preparation,
  asked: Args,
): Promise<Args | undefined> {
  const { record } = preparation;
  const to = TIER_NAMES.find((tier) => tier === asked["tier"]);
  if (to === undefined) throw new Error("An upgrade without a tier was asked for");
  requireThere(record, "change the tier of");
  if (record.tier === to) return undefined;
  if (isNarrower(TIERS[to], TIERS[record.tier])) await requireRoom(preparation, to);
  const allowed = asked["allow_restart"] !== false;
  if (!allowed) await requireNoRestart(preparation, to);
  return { tier: to, from: record.tier, allow_restart: allowed };
}

/** 0 memories is no limit. */
function isNarrower(to: Tier, from: Tier): boolean {
  const most = (tier: Tier) => tier.mostMemories === 0 ? Infinity : tier.mostMemories;
  return most(to) < most(from) || to.quotaBytes < from.quotaBytes;
}

async function requireRoom(preparation: Preparation, to: TierName): Promise<void> {
  const { record } = preparation;
  const { mostMemories, quotaBytes } = TIERS[to];
  const { memories, bytes } = await statsOf(preparation);
  const problems = [
    ...(mostMemories > 0 && memories > mostMemories
      ? [`${memories} memories, and the tier has room for ${mostMemories}`]
      : []),
    ...(bytes > quotaBytes ? [`${bytes} bytes, and the tier has room for ${quotaBytes}`] : []),
  ];
  if (problems.length === 0) return;
  throw new ManagerError(
    "storage_exceeds_tier",
    `Cannot change the tier from ${record.tier} to ${to}: the user has ${
      problems.join("; and ")
    }; ` +
      "he has to delete some first",
  );
}

async function statsOf(preparation: Preparation): Promise<BrainStats> {
  const { record, brains, signal } = preparation;
  if (record.state !== "active") {
    throw new ManagerError(
      "wrong_state",
      "Cannot go to a smaller tier: nobody can say what he stores while he is suspended; " +
        "resume him first",
    );
  }
  try {
    return await brains.stats(await preparation.addressOf(record), signal);
  } catch (error) {
    // Without a key it is only just being brought back.
    const hasNoKey = error instanceof ClusterError && error.fault === "not_found";
    if (!(error instanceof BrainAccessError) && !hasNoKey) throw error;
    throw new ManagerError(
      "cluster_unavailable",
      "Cannot go to a smaller tier: his brain does not say what it stores; try again",
      { cause: error, retryAfterS: 10 },
    );
  }
}

/**
 * A container that is started anew where it is counts as a restart: memory is shared out when a
 * process starts, so that is what a change of memory takes.
 */
async function requireNoRestart(preparation: Preparation, to: TierName): Promise<void> {
  const { record, cluster, capabilities } = preparation;
  if (record.state !== "active") return;
  const pod = await cluster.get(podRef(record));
  // Nobody is served by it: there is nothing to restart.
  if (pod === undefined || !isReady(pod)) return;
  const set = setOf(preparation, { ...record, tier: to });
  const isInPlace = capabilities.resize && differsOnlyInResources(pod, set);
  const isLive = TIERS[to].memory.limitBytes === TIERS[record.tier].memory.limitBytes &&
    TIERS[to].memory.requestBytes === TIERS[record.tier].memory.requestBytes;
  if (isInPlace && isLive) return;
  throw new ManagerError(
    "restart_needed",
    `Cannot change the tier from ${record.tier} to ${to} without a restart: ` +
      `${isInPlace ? "the brain takes up memory only when it starts" : "its pod is replaced"}; ` +
      'ask again with "allow_restart"',
  );
}

function setOf({ wantedObjects }: Preparation, record: UserRecord): KubeObject {
  const set = wantedObjects(record).find(({ kind }) => kind === "StatefulSet");
  if (set === undefined) throw new Error("The manifests have no StatefulSet");
  return set;
}
