/**
 * Port: finds memories by the direction of their vectors (cosine). Derived and rebuildable: the
 * state is the truth, and a reader joins every hit with it.
 */
import type { MemoryFilter } from "./memory.ts";

export interface VectorEntry {
  /** The memory's. */
  readonly id: string;
  /** One; or, of a long memory, one for each of its chunks, in order. */
  readonly vectors: readonly Float32Array[];
}

export interface VectorHit {
  readonly id: string;
  /** Cosine, -1 to 1, of the vector that is nearest. */
  readonly score: number;
}

export interface VectorQuery {
  readonly vector: Float32Array;
  readonly limit: number;
  /** The same condition twice: as data for an index that filters elsewhere, as a test for one
   * that filters here. Both hold before the best are chosen. */
  readonly filter?: MemoryFilter | undefined;
  readonly accept?: ((id: string) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VectorResult {
  /** Best first; equal scores by `id`. */
  readonly hits: readonly VectorHit[];
  /** How many entries the filter let through. */
  readonly total: number;
}

export interface NearPairs {
  /** Best first. */
  readonly pairs: readonly VectorPair[];
  /** False where it is known that not all were compared that may be near, or that more were found
   * than asked for: one now and then is missed in any case. */
  readonly isComplete: boolean;
}

export interface NearPairsQuery {
  readonly minScore: number;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

/** Two memories that mean much the same; `a` is below `b`. */
export interface VectorPair {
  readonly a: string;
  readonly b: string;
  /** Cosine; of chunked memories the mean over the chunks of the one that is matched worse. */
  readonly score: number;
}

/** Vectors as they were given, from where they are kept: an index may hold less than that. For each
 * id undefined where they are not to be had now. */
export type FullVectors = (
  ids: readonly string[],
) => Promise<readonly (readonly Float32Array[] | undefined)[]>;

export interface VectorIndex {
  readonly kind: "memory" | "qdrant";
  /** Length of the vectors; the first one fixes it, and an index that is empty again has none. */
  readonly dimensions: number | undefined;
  /** How many memories it holds. */
  readonly size: number;
  /** Bytes held in this process. */
  readonly bytes: number;
  has(id: string): boolean;
  /** Adds or replaces. Throws `invalid` for another length than the index's, changing nothing. */
  upsert(entries: readonly VectorEntry[]): Promise<void>;
  /** Forgets the ids; unknown ones are no error. */
  delete(ids: readonly string[]): Promise<void>;
  /** Throws `invalid` for a vector of another length, `VectorIndexUnavailable` when out of reach. */
  search(query: VectorQuery): Promise<VectorResult>;
  /**
   * The pairs with a score of at least `minScore`, at most `limit` of them. Of memories with the
   * very same vector the one with the lowest id is paired with each of the others, and those with
   * nothing else.
   */
  nearPairs(query: NearPairsQuery): Promise<NearPairs>;
}

/** The index cannot be reached now: the caller goes on without it and says so. */
export class VectorIndexUnavailable extends Error {
  override readonly name = "VectorIndexUnavailable";
}
