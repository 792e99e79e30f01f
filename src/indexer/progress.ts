/** How far the indexer is and how it is doing: for `/stats` and `/health`. */
import type { Generation } from "./generation.ts";

export interface IndexerStats {
  /** Of the vectors that searches use. */
  readonly provider: string | null;
  readonly model: string | null;
  readonly dimensions: number | null;
  /** Memories that are found by meaning. */
  readonly indexed: number;
  /** Memories to be embedded by the model that is set. */
  readonly pending: number;
  readonly failed: number;
  /** Whether vectors that are in use cannot all be kept: some are paid for at each restart. */
  readonly cache_full: boolean;
  /** How far the vectors of another model are, which serve once they are complete. */
  readonly reindexing: {
    readonly model: string;
    readonly dimensions: number | null;
    readonly done: number;
    readonly total: number;
  } | null;
}

export interface IndexerStatus {
  /** `waiting`: tries again by itself; `misconfigured`: in vain until the operator acts. */
  readonly state: "off" | "ok" | "waiting" | "misconfigured";
  /** Why, in words fit to be shown; null where all is well. */
  readonly detail: string | null;
}

/** `next` is what is to serve once it is complete. */
export function statsOf(
  serving: Generation,
  next: Generation | undefined,
  isCacheFull: boolean,
): IndexerStats {
  const { embedder, dimensions, indexed, failed } = serving;
  return {
    provider: embedder?.provider ?? null,
    model: embedder?.model ?? null,
    dimensions: dimensions ?? null,
    indexed,
    pending: (next ?? serving).pending,
    failed,
    cache_full: isCacheFull,
    reindexing: next === undefined ? null : reindexingOf(next),
  };
}

function reindexingOf(next: Generation): IndexerStats["reindexing"] {
  const { embedder, dimensions, indexed, failed, pending } = next;
  if (embedder === undefined) return null;
  const done = indexed + failed;
  return {
    model: embedder.model,
    dimensions: dimensions ?? null,
    done,
    total: done + pending,
  };
}

export function statusOf({ embedder, trouble }: Generation): IndexerStatus {
  if (embedder === undefined) return { state: "off", detail: null };
  if (trouble === undefined) return { state: "ok", detail: null };
  return {
    state: trouble.fault === "config" ? "misconfigured" : "waiting",
    detail: trouble.message,
  };
}
