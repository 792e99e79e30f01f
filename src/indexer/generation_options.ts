/** What a generation of vectors is given: what it is of, and what is around it. */
import type { Clock } from "../clock.ts";
import type { AnyEmbedder } from "../embedder.ts";
import type { Memory } from "../memory.ts";
import type { VectorIndex, VectorsKind } from "../vector_index.ts";

export interface GenerationOptions {
  /** Left out: only vectors that clients send are indexed. */
  readonly embedder?: AnyEmbedder | undefined;
  /** Of the vectors that are remembered, where it is known; and whether the provider said it. */
  readonly length?: number | undefined;
  readonly isSettled?: boolean | undefined;
  readonly newVectorIndex: (kind: VectorsKind) => VectorIndex;
  /** Its model is not set any more. */
  readonly isFormer?: boolean | undefined;
  /** The state's memory of an id, now. */
  readonly memory: (id: string) => Memory | undefined;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  /** Ends what is asked for now, where the work of a generation ends before. */
  readonly stopping: AbortSignal;
  /** The provider's vectors have this length, and the index is one of another. */
  readonly outgrown: (length: number, isSettled: boolean) => void;
  /** The index holds what is wanted of this memory. */
  readonly indexed: (id: string) => void;
  /** Something is over, well or not. */
  readonly settled: () => void;
  readonly log: (message: string) => void;
}
