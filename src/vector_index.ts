/**
 * Port: finds memories by the direction of their vectors (cosine). Derived and rebuildable: the
 * state is the truth, and a reader joins every hit with it.
 */
import type { Memory, MemoryFilter } from "./memory.ts";

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
  /** A memory that is not to be found: a part of the condition, which `accept` tests as well. */
  readonly except?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface VectorResult {
  /** Best first; equal scores by `id`. */
  readonly hits: readonly VectorHit[];
  /** How many entries the filter let through. */
  readonly total: number;
  /** True where the index is out of reach, and this is what could be found without it. */
  readonly isPoorer?: boolean | undefined;
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

/** What a memory's vectors are made from: the vector that a client sent with it, or else its text,
 * which is the state's own string and not a copy. */
export type Source = string | Float32Array;

/** What one generation of vectors makes a memory's from. */
export type SourceOf = (memory: Memory) => Source;

/** What an index may ask of the generation of vectors that it is for. */
export interface VectorsKind {
  /** For a search that waits: of long memories only the first few. */
  readonly fullVectors: FullVectors;
  /** Whatever is to be had without a call, however long it takes: ask for a slice at a time. */
  readonly allVectors: FullVectors;
  /** The state's memory of an id, now. */
  readonly memory: (id: string) => Memory | undefined;
  readonly sourceOf: SourceOf;
  /** Of the model that makes them; null where only clients do. */
  readonly model: string | null;
  /** Their length, where it is known before the first of them comes. */
  readonly length: () => number | undefined;
  /** Whether they are of a model that is not set any more, and serve until those of the other one
   * are complete. */
  readonly isFormer: boolean;
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
  /** Left out: what is upserted is in this process, and nothing else need be done for it. */
  readonly elsewhere?: VectorsElsewhere | undefined;
}

export interface VectorStoreStatus {
  /** `unavailable`: it is tried again by itself; what changes meanwhile follows then. */
  readonly state: "ok" | "unavailable";
  /** Why, in words fit to be shown; null where all is well. */
  readonly detail: string | null;
  /** How many memories it may not hold as they are now. */
  readonly pending: number;
}

/**
 * What is to be known of an index whose vectors are kept by a service of its own, which outlives
 * this process and may lose them. `upsert` and `delete` never throw for its being out of reach: it
 * is compared with the state as soon as it can be reached, and brought in line.
 */
export interface VectorsElsewhere {
  readonly status: VectorStoreStatus;
  /** Of every memory that it holds; may be walked while that changes. */
  ids(): Iterable<string>;
  /**
   * Which of the memories it holds from before, as they are now: those need not be upserted. Waits
   * until it is known what it holds, or that it is out of reach; then there are none.
   */
  adopt(memories: readonly Memory[]): Promise<ReadonlySet<string>>;
  /** These memories may have other fields than when they were upserted; their vectors are the same. */
  refresh(ids: readonly string[]): Promise<void>;
  /** Compares all that it holds with the state, and brings it in line. Throws
   * `VectorIndexUnavailable`. */
  converge(): Promise<void>;
  /** To be told of memories whose vectors it lost, and that are not to be had in full: they must be
   * upserted again. */
  whenLost(listener: (ids: readonly string[]) => void): void;
  /** To be told of memories that it has from before and was not asked to `adopt` since that is
   * known, as it was out of reach at the start. */
  whenFound(listener: (ids: readonly string[]) => void): void;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** The index cannot be reached now: the caller goes on without it and says so. */
export class VectorIndexUnavailable extends Error {
  override readonly name = "VectorIndexUnavailable";
}
