/** An index elsewhere, and what stands in for it, with time turned by hand. */
import assert from "node:assert/strict";
import { VectorIndexUnavailable } from "../../src/vector_index.ts";
import { StandbyVectorIndex } from "../../src/vector_index/standby.ts";
import { FarVectorIndex } from "./far_index.ts";
import { drain, FakeClock } from "./indexing.ts";

export const MINUTE_MS = 60_000;
export const NORTH = Float32Array.of(0, 1, 0);
export const EAST = Float32Array.of(1, 0, 0);
export const NORTH_EAST = Float32Array.of(3, 4, 0);
export const ALL = { vector: NORTH, limit: 100 };

export class StandbyPlace {
  readonly far = new FarVectorIndex();
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  /** Whether scores are put right by what is kept; else they are those of the copy. */
  isPutRight = true;
  readonly index: StandbyVectorIndex;

  constructor(maxBytes?: number, breathe?: () => Promise<void>) {
    this.index = new StandbyVectorIndex({
      remote: this.far,
      vectors: { fullVectors: (ids) => this.#full(ids), allVectors: this.far.vectors },
      clock: this.clock,
      log: (message) => this.logged.push(message),
      maxBytes,
      quantised: { pace: breathe && (() => ({ due: true, breathe })) },
    });
  }

  /** With three memories, and away. */
  static async away(maxBytes?: number): Promise<StandbyPlace> {
    const place = new StandbyPlace(maxBytes);
    await place.index.upsert([
      { id: "east", vectors: [EAST] },
      { id: "north", vectors: [NORTH] },
      { id: "long", vectors: [EAST, NORTH_EAST] },
    ]);
    place.far.isAway = true;
    return place;
  }

  /** The same, answering by itself. */
  static async standing(): Promise<StandbyPlace> {
    const place = await StandbyPlace.away();
    await place.refuses();
    await drain();
    assert.deepEqual(await place.ids(), ["north", "long", "east"]);
    return place;
  }

  async ids(): Promise<string[]> {
    return (await this.index.search(ALL)).hits.map(({ id }) => id);
  }

  async refuses(): Promise<void> {
    await assert.rejects(this.index.search(ALL), VectorIndexUnavailable);
  }

  #full(ids: readonly string[]) {
    return Promise.resolve(ids.map((id) => this.isPutRight ? this.far.kept.get(id) : undefined));
  }
}
