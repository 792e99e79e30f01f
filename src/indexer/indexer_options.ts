/** What the indexer is given. */
import type { Clock } from "../clock.ts";
import type { AnyEmbedder, ServedModels } from "../embedder.ts";
import type { Memory } from "../memory.ts";
import type { VectorIndex, VectorsKind } from "../vector_index.ts";

export interface IndexerOptions {
  /** Left out: only vectors that clients send are indexed. */
  readonly embedder?: AnyEmbedder | undefined;
  readonly models?: ServedModels | undefined;
  readonly newVectorIndex: (kind: VectorsKind) => VectorIndex;
  /** The state's memory of an id, now. */
  readonly memory: (id: string) => Memory | undefined;
  /** The index that serves holds what is wanted of this memory. */
  readonly indexed?: (id: string) => void;
  /** Another index serves now. */
  readonly indexChanged?: () => void;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly log?: ((message: string) => void) | undefined;
}
