/** What a user's objects are made of. */
import type { UserRecord } from "../record.ts";
import type { Settings } from "../settings.ts";
import type { Tier } from "../tiers.ts";

export interface ManifestInput {
  readonly record: UserRecord;
  /** What `record.tier` means. */
  readonly tier: Tier;
  readonly settings: Settings;
  /** Of the cluster's capabilities those that decide how something is written. */
  readonly capabilities: {
    readonly resize: boolean;
    readonly disruptionBudgets: "policy/v1" | "policy/v1beta1" | undefined;
    readonly readWriteOncePod: boolean;
  };
  readonly keys: BrainKeys;
}

export interface BrainKeys {
  /** 256 random bits as text; of the brain's own door. */
  readonly current: string;
  /** The one before the last rotation, while it is let in. */
  readonly previous: string | undefined;
  /** `OPENAI_API_KEY`; undefined leaves the Secret that is there alone. */
  readonly embedding?: string | undefined;
  /** `QDRANT_API_KEY`, of a shared one. */
  readonly qdrant?: string | undefined;
}
