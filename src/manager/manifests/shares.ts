/**
 * What the containers and volumes of a user are given, in numbers: the brain's own share is its
 * tier's, that of a Qdrant beside it follows from it. The quota is twice what one pod needs, since
 * the next template is tried out while the pod of the last one runs.
 */
import type { UserRecord } from "../record.ts";
import type { Tier } from "../tiers.ts";
import { bytesText, millisText } from "./quantities.ts";

export type Share = Pick<Tier, "memory" | "cpu">;

/**
 * Half the memory and a quarter of the processors. 100,000 vectors of 1,536 numbers want 600 MiB
 * there, and as many bytes count against the brain's own quota.
 */
export function qdrantShare({ memory, cpu }: Tier): Share {
  const half = (bytes: number) => Math.ceil(bytes / 2);
  const quarter = (millis: number) => Math.ceil(millis / 4);
  return {
    memory: { requestBytes: half(memory.requestBytes), limitBytes: half(memory.limitBytes) },
    cpu: { requestMillis: quarter(cpu.requestMillis), limitMillis: quarter(cpu.limitMillis) },
  };
}

/** Vectors count against the quota in the brain; here a log and what is being rewritten come on
 * top. */
export function qdrantStorageBytes({ quotaBytes }: Tier): number {
  return 2 * quotaBytes;
}

/** A claim never shrinks: after a downgrade it stays as large as it was. */
export function storageBytesOf(record: UserRecord, { storageBytes }: Tier): number {
  return Math.max(storageBytes, record.claim.storageBytes);
}

export function sharesOf(tier: Tier): readonly Share[] {
  const own = { memory: tier.memory, cpu: tier.cpu };
  return tier.qdrant === "sidecar" ? [own, qdrantShare(tier)] : [own];
}

export function resourcesOf({ memory, cpu }: Share) {
  return {
    requests: { cpu: millisText(cpu.requestMillis), memory: bytesText(memory.requestBytes) },
    limits: { cpu: millisText(cpu.limitMillis), memory: bytesText(memory.limitBytes) },
  };
}
