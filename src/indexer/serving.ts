import type { Memory } from "../memory.ts";
import type { VectorIndex } from "../vector_index.ts";

/** What searches go to: an index, and what turns a question into a vector of the same kind. Whoever
 * asked it for the one must ask the very same for the other: another may take its place between. */
export interface Serving {
  readonly vectorIndex: VectorIndex;
  /** Within 1.5 seconds. Throws `EmbedderError`. */
  embedQuery(text: string): Promise<Float32Array>;
  /** The vectors that a memory is found by, one for each chunk of its text: its own, or what is
   * remembered of the provider's; undefined where one of them is not to be had without a call. */
  vectorsOf(memory: Memory): Promise<readonly Float32Array[] | undefined>;
}
