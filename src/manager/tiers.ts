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
  /**
   * V8's old space, in MiB; null where V8 takes its part of the container's limit by itself. What
   * `deno compile` makes takes no such flag when it is run (denoland/deno, issue 19808): there V8
   * goes to 4192 MiB at most, and the rest of the memory is for vectors, which lie outside of it.
   */
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

/** A file system keeps some of its volume for itself. */
const USABLE = 0.97;
/** Beside V8's old space there are new values, code, and all that is outside of its heap. */
const MOST_HEAP = 0.75;
const MOST_HOURS = 8784;

/** What is wrong with tiers, in words; the manager does not start with any of it. */
export function tierProblems(tiers: Readonly<Record<TierName, Tier>>): string[] {
  const each = TIER_NAMES.flatMap((name) =>
    problemsOf(tiers[name]).map((problem) => `${name}: ${problem}`)
  );
  const steps = TIER_NAMES.slice(1).flatMap((name, index) => {
    const below = TIER_NAMES[index] ?? name;
    return shrunken(tiers[below], tiers[name]).map((what) => `${name}: below ${below} in ${what}`);
  });
  return [...each, ...steps];
}

/** What must be so in one tier, and what is said where it is not. */
function problemsOf(tier: Tier): string[] {
  const { memory, cpu, storageBytes, quotaBytes, minFreeBytes, heapMib, backups } = tier;
  const isWhole = amountsOf(tier).every((one) => Number.isSafeInteger(one) && one >= 0);
  const isBurstable = 0 < memory.requestBytes && memory.requestBytes < memory.limitBytes &&
    0 < cpu.requestMillis && cpu.requestMillis < cpu.limitMillis;
  // The snapshot before the last one, the last one, and the one being written.
  const fitsVolume = 3 * quotaBytes + minFreeBytes <= USABLE * storageBytes;
  const fitsMemory = heapMib === null || heapMib * MIB <= MOST_HEAP * memory.limitBytes;
  const rules: readonly (readonly [boolean, string])[] = [
    [isWhole, "an amount is no whole number from 0 on"],
    // A pod cannot be resized into another class than the one it was born with.
    [isBurstable, "memory and processors are not both asked for, and less than their limits"],
    [fitsVolume, "three times the quota, and what is kept free, do not fit the volume"],
    [quotaBytes > 0, "there is no quota, so the volume could run full"],
    [heapMib !== 0 && fitsMemory, "the heap does not fit the memory"],
    [tier.requestsPerMinute > 0, "no limit is put on requests"],
    [
      1 <= backups.everyHours && backups.everyHours <= MOST_HOURS,
      "backups are not between an hour and a year apart",
    ],
    [backups.keep > 0, "no backup is kept"],
    [/^[\x21-\x7e]{1,200}$/.test(tier.embeddingModel), "the embedding model has no name"],
  ];
  return rules.filter(([holds]) => !holds).map(([, problem]) => problem);
}

function amountsOf(tier: Tier): number[] {
  return [
    ...Object.values(tier.memory),
    ...Object.values(tier.cpu),
    ...Object.values(tier.backups),
    tier.storageBytes,
    tier.quotaBytes,
    tier.minFreeBytes,
    tier.requestsPerMinute,
    tier.mostMemories,
    tier.heapMib ?? 0,
  ];
}

/** Who pays for more gets no less of anything: the names of what he would. */
function shrunken(below: Tier, above: Tier): string[] {
  const memories = ({ mostMemories }: Tier) => mostMemories === 0 ? Infinity : mostMemories;
  const amounts: readonly (readonly [string, (tier: Tier) => number])[] = [
    ["memory", ({ memory }) => memory.limitBytes],
    ["memory asked for", ({ memory }) => memory.requestBytes],
    ["cpu", ({ cpu }) => cpu.limitMillis],
    ["cpu asked for", ({ cpu }) => cpu.requestMillis],
    ["storage", ({ storageBytes }) => storageBytes],
    ["quota", ({ quotaBytes }) => quotaBytes],
    ["requests a minute", ({ requestsPerMinute }) => requestsPerMinute],
    ["memories", memories],
    ["backups a day", ({ backups }) => 24 / backups.everyHours],
    ["backups kept", ({ backups }) => backups.keep],
  ];
  return amounts.filter(([, amount]) => amount(above) < amount(below)).map(([name]) => name);
}
