/**
 * What the index asks of Qdrant: one brain's points in one collection, and nothing of how Qdrant is
 * spoken to. A memory has one point for each of its vectors; every call is about this brain's
 * points only, whoever else's lie in the same collection.
 */
import type { Memory, MemoryFilter } from "../../memory.ts";

/** A point as a scroll shows it. */
export interface StoredPoint {
  /** Its id. */
  readonly point: string;
  readonly memoryId: string;
  /** Which of the memory's vectors it has, from 0. */
  readonly chunk: number;
  /** How many there were when it was written. */
  readonly chunks: number;
  readonly contentHash: string;
  readonly fieldsHash: string;
}

export interface NearPoint {
  readonly memoryId: string;
  readonly contentHash: string;
  /** Cosine, -1 to 1. */
  readonly score: number;
}

/** What tells whether a memory's points are as it is now: without its vectors, and without a word
 * of it. */
export interface Stamp {
  /** Of what its vectors are made from, and by which model. */
  readonly contentHash: string;
  /** Of what filters look at. */
  readonly fieldsHash: string;
}

export interface PointsQuery {
  readonly filter?: MemoryFilter | undefined;
  /** A memory that is not to be found. */
  readonly except?: string | undefined;
}

export interface NearQuery extends PointsQuery {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly offset: number;
}

export interface Restamped {
  readonly memory: Memory;
  readonly stamp: Stamp;
}

export interface PointsEntry extends Restamped {
  /** In order; one at least. */
  readonly vectors: readonly Float32Array[];
  /** How many points it has there already; undefined where nobody knows. */
  readonly formerChunks: number | undefined;
}

/**
 * Every call has a deadline of its own, and throws `QdrantError` only, or the reason of the signal
 * it was given. A write is done when it returns: a search that begins then sees it.
 */
export interface Points {
  readonly collection: string;
  /** Whose points they are. */
  readonly brain: string;
  /** Of every vector. */
  readonly length: number;
  /** Makes the collection and its payload indexes where they are lacking; throws `unfit` where the
   * collection is another one's, or for other vectors. */
  ensure(signal: AbortSignal): Promise<void>;
  /** All of them, in pages of at most 1,000, in no order that means anything. */
  scroll(signal: AbortSignal): AsyncIterable<readonly StoredPoint[]>;
  countPoints(signal: AbortSignal): Promise<number>;
  /** Exact. */
  countMemories(query: PointsQuery, signal: AbortSignal): Promise<number>;
  /** Best first; a memory may come several times, and equal scores in any order. */
  nearest(query: NearQuery, signal: AbortSignal): Promise<readonly NearPoint[]>;
  /** Adds or replaces, and removes what points a memory has beyond those it is given. In as many
   * requests as it takes: after an error some of it may be done. */
  upsert(entries: readonly PointsEntry[], signal: AbortSignal): Promise<void>;
  /** What filters look at, anew; the vectors stay. A memory without points is passed over. */
  setFields(entries: readonly Restamped[], signal: AbortSignal): Promise<void>;
  deleteMemories(ids: readonly string[], signal: AbortSignal): Promise<void>;
  deletePoints(points: readonly string[], signal: AbortSignal): Promise<void>;
  /** Removes this brain's points from the other collections that have a name of ours, as they are
   * left behind by former models, except from those named. Best effort: what the key may not do
   * is passed over. */
  forgetFormer(living: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

/**
 * - `busy`: no reply in time, 429, 5xx, or a reply that is none: the next call may do better.
 *
 * Of the others the next call would fail in just the same way:
 * - `away`: nobody takes the connection.
 * - `denied`: the key, or what it may do.
 * - `missing`: there is no such collection.
 * - `unfit`: the collection is for other vectors, or not ours to change.
 * - `rejected`: Qdrant will not take this very request.
 */
export type QdrantFault = "busy" | "away" | "denied" | "missing" | "unfit" | "rejected";

/** The message is fit to be shown: no key, no address and nothing of a memory is in it. */
export class QdrantError extends Error {
  override readonly name = "QdrantError";

  constructor(
    readonly fault: QdrantFault,
    message: string,
    /** Asked for by Qdrant. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  /** Whether there is no use in another try at once. */
  get isFinal(): boolean {
    return this.fault !== "busy";
  }
}
