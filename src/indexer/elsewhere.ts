/** What is to be known of, and done for, vectors that another service keeps: of all generations. */
import { AppError } from "../errors.ts";
import type { Memory } from "../memory.ts";
import { type VectorIndex, VectorIndexUnavailable } from "../vector_index.ts";
import type { Generation } from "./generation.ts";
import { inSlices } from "./slices.ts";

interface VectorStoreStats {
  readonly kind: VectorIndex["kind"];
  readonly status: "ok" | "unavailable";
  /** Memories that it may not hold as they are now. */
  readonly pending: number;
  /** Why it is unavailable. */
  readonly detail: string | null;
}

const RETRY_S = 30;

/** The first generation is the one that serves. */
export function vectorStoreOf(generations: readonly Generation[]): VectorStoreStats {
  const kinds = generations.map(({ vectorIndex }) => vectorIndex.kind);
  const statuses = generations.flatMap(({ vectorIndex }) => vectorIndex.elsewhere?.status ?? []);
  return {
    kind: kinds.includes("qdrant") ? "qdrant" : "memory",
    status: statuses.every(({ state }) => state === "ok") ? "ok" : "unavailable",
    pending: statuses.reduce((sum, { pending }) => sum + pending, 0),
    detail: statuses.find(({ detail }) => detail !== null)?.detail ?? null,
  };
}

/** Throws `not_ready` where the service is out of reach for the newest of them: a former one may
 * have no place there any more. */
export async function converge(generations: readonly Generation[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    generations.map(({ vectorIndex }) => vectorIndex.elsewhere?.converge()),
  );
  const newest = outcomes.at(-1);
  if (newest?.status !== "rejected") return;
  const error: unknown = newest.reason;
  if (!(error instanceof VectorIndexUnavailable)) throw error;
  throw new AppError(
    "not_ready",
    "Cannot compare the vector store with the memories: it is out of reach. It is tried again " +
      "by itself, and compared then; /stats says why",
    { retryAfterS: RETRY_S, cause: error },
  );
}

/**
 * What was there from before was not asked for, and is in use all the same: without this, the cache
 * would take it for forgotten.
 */
export async function useAdopted(
  generations: readonly Generation[],
  memories: (ids: Iterable<string>) => Iterable<Memory>,
  stopping: AbortSignal,
): Promise<void> {
  for (const generation of generations) {
    if (generation.vectorIndex.elsewhere === undefined) continue;
    const known = memories([...generation.ids()]);
    await inSlices(known, stopping, (slice) => generation.use(slice));
  }
}
