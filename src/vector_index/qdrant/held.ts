/** What Qdrant should hold: what the indexer upserted, or took over from before, and did not
 * delete. No vectors, and nothing of a memory but what tells whether its points are right. */
import type { Source } from "../../vector_index.ts";
import type { Stamp } from "./points.ts";

export interface HeldMemory extends Stamp {
  readonly chunks: number;
  /** What its vectors are made from: the state's own, and no copy. */
  readonly source: Source;
}

/** Measured: an entry of the map, the object and its two hashes; the id is the state's own. */
const BYTES_EACH = 180;

export class Held {
  readonly #memories = new Map<string, HeldMemory>();
  #points = 0;
  #changes = 0;

  get size(): number {
    return this.#memories.size;
  }

  /** One for each vector. */
  get points(): number {
    return this.#points;
  }

  /** Another number after every change. */
  get changes(): number {
    return this.#changes;
  }

  get bytes(): number {
    return this.size * BYTES_EACH;
  }

  get(id: string): HeldMemory | undefined {
    return this.#memories.get(id);
  }

  has(id: string): boolean {
    return this.#memories.has(id);
  }

  set(id: string, { contentHash, fieldsHash, chunks, source }: HeldMemory): void {
    this.#points += chunks - (this.get(id)?.chunks ?? 0);
    this.#changes++;
    this.#memories.set(id, { contentHash, fieldsHash, chunks, source });
  }

  delete(id: string): void {
    const memory = this.get(id);
    if (memory === undefined) return;
    this.#points -= memory.chunks;
    this.#changes++;
    this.#memories.delete(id);
  }

  ids(): Iterable<string> {
    return this.#memories.keys();
  }

  entries(): Iterable<readonly [string, HeldMemory]> {
    return this.#memories;
  }
}
