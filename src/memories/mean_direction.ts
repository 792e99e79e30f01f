/** One vector that stands for several, such as those of a long memory's chunks. */

import { inverseLength } from "../cosine.ts";

/**
 * The mean of the directions, of length 1; of one vector that vector, bit for bit. Undefined where
 * there are none, or where they cancel out.
 */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array | undefined {
  const [first] = vectors;
  if (first === undefined || vectors.length === 1) return first;
  const sum = new Float32Array(first.length);
  for (const vector of vectors) {
    const inverse = inverseLength(vector);
    for (const [at, x] of vector.entries()) sum[at] = (sum[at] ?? 0) + x * inverse;
  }
  const inverse = inverseLength(sum);
  return Number.isFinite(inverse) ? sum.map((x) => x * inverse) : undefined;
}
