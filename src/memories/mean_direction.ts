/** One vector that stands for several, such as those of a long memory's chunks. */

/**
 * The mean of the directions, of length 1; of one vector that vector, bit for bit. Undefined where
 * there are none, or where they cancel out.
 */
export function meanDirection(vectors: readonly Float32Array[]): Float32Array | undefined {
  const [first] = vectors;
  if (first === undefined || vectors.length === 1) return first;
  const sum = new Float64Array(first.length);
  for (const vector of vectors) {
    const length = lengthOf(vector);
    for (const [at, x] of vector.entries()) sum[at] = (sum[at] ?? 0) + x / length;
  }
  const length = lengthOf(sum);
  return length > 0 ? Float32Array.from(sum, (x) => x / length) : undefined;
}

function lengthOf(vector: Float32Array | Float64Array): number {
  let square = 0;
  for (const x of vector) square += x * x;
  return Math.sqrt(square);
}
