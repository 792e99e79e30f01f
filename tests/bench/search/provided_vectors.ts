/** What the provider of embeddings says of a text: the same for the same text. */
import { crc32 } from "node:zlib";
import { ClusteredVectors } from "./clustered_vectors.ts";

const SEED = 77;
/** Numbers are told with so many places. */
export const PLACES = 1e5;

export class ProvidedVectors {
  readonly #vectors: ClusteredVectors;

  constructor(dimensions: number) {
    this.#vectors = new ClusteredVectors({ dimensions, seed: SEED });
  }

  of(text: string): Float32Array {
    return this.#vectors.vector(crc32(text)).map((number) => Math.round(number * PLACES) / PLACES);
  }
}
