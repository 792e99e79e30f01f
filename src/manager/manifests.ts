/**
 * All that one user has in the cluster, as plain values: made of his record, his tier and the
 * operator's settings, and of nothing else. The same input gives the same objects, word for word.
 */
import type { KubeObject } from "./kube_object.ts";
import type { UserRecord } from "./record.ts";
import type { Settings } from "./settings.ts";
import type { Tier } from "./tiers.ts";

export interface ManifestInput {
  readonly record: UserRecord;
  /** What `record.tier` means. */
  readonly tier: Tier;
  readonly settings: Settings;
  /** Of the cluster's capabilities those that decide how something is written. */
  readonly capabilities: {
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

/** In the order in which they are applied. */
export function userObjects(_input: ManifestInput): KubeObject[] {
  throw new Error("not yet");
}

export function claimName(number: number): string {
  return `data-${number}`;
}

/**
 * Whether two StatefulSets or Pods, one of them may be as the server gives it back, have the same
 * containers but for their processors and memory: then a running pod can be turned into the other.
 */
export function differsOnlyInResources(_one: KubeObject, _other: KubeObject): boolean {
  throw new Error("not yet");
}
