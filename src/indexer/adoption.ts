/** Takes over what an index that another service keeps has from before: of that, no vector need be
 * looked up. At the start; and later what only then shows, as the service was out of reach. */
import type { Memory } from "../memory.ts";
import type { SourceOf, VectorIndex } from "../vector_index.ts";
import type { IndexWriter } from "./index_writer.ts";
import type { Remembered } from "./remembered.ts";
import { inSlices, memoriesOf } from "./slices.ts";

export interface AdoptionOptions {
  readonly vectorIndex: VectorIndex;
  readonly writer: IndexWriter;
  readonly remembered: Remembered;
  /** The state's memory of an id, now. */
  readonly memory: (id: string) => Memory | undefined;
  readonly sourceOf: SourceOf;
  readonly stopping: AbortSignal;
  /** Nothing else need be done for this memory. */
  readonly adopted: (id: string) => void;
  /** Nothing that was found is left to be taken over. */
  readonly settled: () => void;
}

export class Adoption {
  readonly #options: AdoptionOptions;

  constructor(options: AdoptionOptions) {
    this.#options = options;
    options.vectorIndex.elsewhere?.whenFound((ids) => void this.#found(ids));
  }

  async take(memories: readonly Memory[]): Promise<void> {
    const { vectorIndex, writer, remembered, sourceOf } = this.#options;
    if (vectorIndex.elsewhere === undefined) return;
    const text = memories.find((memory) => typeof sourceOf(memory) === "string")?.content;
    // But one: it tells the length, and later whether the provider still makes such vectors.
    if (text !== undefined && !remembered.hasSample) await remembered.ofContents([text]);
    await writer.adopt(memories);
  }

  async #found(ids: readonly string[]): Promise<void> {
    const { writer, memory, stopping, adopted, settled } = this.#options;
    await inSlices(memoriesOf(ids, memory), stopping, async (slice) => {
      await this.take(slice);
      // Edited or deleted meanwhile, it is what its change made of it.
      for (const { id } of slice) {
        if (memory(id) !== undefined && writer.isCurrent(id)) adopted(id);
      }
    });
    settled();
  }
}
