/** The record of a user who only just came. */
import type { UserRecord } from "./record.ts";
import { type TierName, TIERS } from "./tiers.ts";
import { slugOf } from "./user_id.ts";

export function firstRecord(
  userId: string,
  tier: TierName,
  life: string,
  createdAt: string,
): UserRecord {
  return {
    version: 1,
    userId,
    slug: slugOf(userId),
    life,
    generation: 1,
    createdAt,
    tier,
    state: "active",
    claim: { number: 1, storageBytes: TIERS[tier].storageBytes },
    keptClaims: [],
    keptVolumes: [],
    volume: null,
    deletedAt: null,
    purgeAt: null,
    restartedAt: null,
    previousKeyUntil: null,
    lastBackup: null,
    operation: null,
    lastOperation: null,
    requests: [],
  };
}
