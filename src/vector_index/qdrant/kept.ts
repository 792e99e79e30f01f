/**
 * The Qdrant that is set, with what stands in for it while it is away: a collection for each model
 * and length, or the one that the operator names.
 */
import type { Clock } from "../../clock.ts";
import type { Say } from "../../log.ts";
import type { QdrantSettings } from "../../qdrant_settings.ts";
import type { VectorIndex, VectorsKind } from "../../vector_index.ts";
import { QdrantVectorIndex } from "../qdrant.ts";
import { StandbyVectorIndex } from "../standby.ts";
import { UnstoredVectorIndex } from "../standby/unstored.ts";
import { Client } from "./client.ts";
import { collectionName } from "./collection.ts";
import { type Points, QdrantError } from "./points.ts";
import { RestPoints, type RestPointsOptions } from "./rest_points.ts";

export interface KeptVectorsOptions {
  readonly qdrant: QdrantSettings;
  /** The brain's own id. */
  readonly brain: string;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random: () => number;
  readonly log: Say;
}

/** Makes the index of each generation of vectors. */
export function vectorsInQdrant(options: KeptVectorsOptions): (kind: VectorsKind) => VectorIndex {
  const { qdrant, brain, clock, random, log } = options;
  const { collection, timeoutMs, quantization } = qdrant;
  const client = new Client({ ...qdrant, clock });
  const former = new FormerCollections(log);
  const newPoints = (kind: VectorsKind) => (length: number): Points => {
    const name = collection ?? collectionName(kind.model, length);
    return new RestPoints({
      ...{ client, collection: name, length, brain, timeoutMs },
      isQuantised: quantization === "scalar",
      ensured: collection === undefined ? former.sparing(name) : undefined,
    });
  };
  return (kind) => {
    former.areInUse ||= kind.isFormer;
    // The one collection has the vectors of the model that is set.
    const isUnstored = kind.isFormer && collection !== undefined;
    const remote = isUnstored
      ? new UnstoredVectorIndex()
      : new QdrantVectorIndex({ kind, newPoints: newPoints(kind), clock, random, log, timeoutMs });
    return new StandbyVectorIndex({ remote, vectors: kind, clock, log });
  };
}

/**
 * What a brain left in the collections of models that it does not use any more: removed once, by
 * the first run of the program that never needs it. Not where the operator names the collection:
 * the others may be those of a copy of this brain.
 */
class FormerCollections {
  readonly #log: Say;
  readonly #living = new Set<string>();
  #areForgotten = false;
  areInUse = false;

  constructor(log: Say) {
    this.#log = log;
  }

  /** This collection stays; what is left of former ones goes as soon as it can be reached. */
  sparing(collection: string): RestPointsOptions["ensured"] {
    this.#living.add(collection);
    return (points, signal) => this.#forget(points, signal);
  }

  async #forget(points: Points, signal: AbortSignal): Promise<void> {
    if (this.#areForgotten || this.areInUse) return;
    try {
      await points.forgetFormer(this.#living, signal);
      this.#areForgotten = true;
    } catch (error) {
      if (!(error instanceof QdrantError)) throw error;
      this.#log("what former models left in Qdrant could not be removed; it is tried again later");
    }
  }
}
