/** The real `Points` of one brain, over the real client, against a stand-in server. */
import { systemClock } from "../../../src/clock.ts";
import type { Memory } from "../../../src/memory.ts";
import { Client } from "../../../src/vector_index/qdrant/client.ts";
import { stampOf } from "../../../src/vector_index/qdrant/payload.ts";
import type { PointsEntry, StoredPoint } from "../../../src/vector_index/qdrant/points.ts";
import {
  RestPoints,
  type RestPointsOptions,
} from "../../../src/vector_index/qdrant/rest_points.ts";

/** Of a test that gives nothing up. */
export const NEVER: AbortSignal = new AbortController().signal;

export const COLLECTION = "second-brain-m-3";

export function restPoints(
  url: string,
  { apiKey, ...options }: Partial<RestPointsOptions> & { readonly apiKey?: string } = {},
): RestPoints {
  return new RestPoints({
    client: new Client({ url, apiKey, clock: systemClock }),
    collection: COLLECTION,
    length: 3,
    brain: "b",
    isQuantised: false,
    timeoutMs: 5_000,
    ...options,
  });
}

export function entryOf(
  memory: Memory,
  vectors: readonly (readonly number[])[],
  formerChunks?: number,
): PointsEntry {
  return {
    memory,
    stamp: stampOf(memory, memory.content, "m"),
    vectors: vectors.map((numbers) => Float32Array.from(numbers)),
    formerChunks,
  };
}

/** All of them, by point. */
export async function scrolled(points: RestPoints): Promise<StoredPoint[]> {
  const all: StoredPoint[] = [];
  for await (const page of points.scroll(NEVER)) all.push(...page);
  return all.sort((a, b) => a.point < b.point ? -1 : 1);
}
