/**
 * What each tier gets: data, in this one place. The manifests are made from it, the brain enforces
 * what it is told of it, and `tierProblems` is asked when the manager starts.
 */
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const TIER_NAMES = ["free", "pro", "enterprise"] as const;
export type TierName = (typeof TIER_NAMES)[number];

export interface Tier {
  readonly memory: { readonly requestBytes: number; readonly limitBytes: number };
  /** Thousandths of a processor. */
  readonly cpu: { readonly requestMillis: number; readonly limitMillis: number };
  /** Of the volume. */
  readonly storageBytes: number;
  /** STORAGE_QUOTA_BYTES: three times it, and the room that is kept free, fit the volume. */
  readonly quotaBytes: number;
  /** MIN_FREE_BYTES. */
  readonly minFreeBytes: number;
  readonly requestsPerMinute: number;
  /** 0 is no limit. */
  readonly mostMemories: number;
  /** V8's old space, in MiB; null where V8 takes its part of the container's limit by itself. */
  readonly heapMib: number | null;
  readonly backups: { readonly everyHours: number; readonly keep: number };
  readonly embeddingModel: string;
  readonly qdrant: "none" | "shared" | "sidecar";
  readonly hasDisruptionBudget: boolean;
}

export const TIERS: Readonly<Record<TierName, Tier>> = {
  free: {
    memory: { requestBytes: 512 * MIB, limitBytes: GIB },
    cpu: { requestMillis: 250, limitMillis: 500 },
    storageBytes: GIB,
    quotaBytes: 256 * MIB,
    minFreeBytes: 64 * MIB,
    requestsPerMinute: 300,
    mostMemories: 10_000,
    heapMib: null,
    backups: { everyHours: 24, keep: 7 },
    embeddingModel: "text-embedding-3-small",
    qdrant: "none",
    hasDisruptionBudget: false,
  },
  pro: {
    memory: { requestBytes: 2 * GIB, limitBytes: 4 * GIB },
    cpu: { requestMillis: 1_000, limitMillis: 2_000 },
    storageBytes: 10 * GIB,
    quotaBytes: 3 * GIB,
    minFreeBytes: 64 * MIB,
    requestsPerMinute: 3_000,
    mostMemories: 100_000,
    heapMib: null,
    backups: { everyHours: 6, keep: 30 },
    embeddingModel: "text-embedding-3-small",
    qdrant: "none",
    hasDisruptionBudget: false,
  },
  enterprise: {
    memory: { requestBytes: 8 * GIB, limitBytes: 16 * GIB },
    cpu: { requestMillis: 4_000, limitMillis: 8_000 },
    storageBytes: 100 * GIB,
    quotaBytes: 32 * GIB,
    minFreeBytes: 256 * MIB,
    requestsPerMinute: 30_000,
    mostMemories: 0,
    heapMib: 10_240,
    backups: { everyHours: 1, keep: 90 },
    embeddingModel: "text-embedding-3-large",
    qdrant: "sidecar",
    hasDisruptionBudget: true,
  },
};
