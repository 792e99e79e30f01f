/**
 * A vector as the numbers that are sent: of length 1, as Qdrant would make it anyway, but here in
 * doubles, which no float32 is too large or too small for; and with 8 digits, half of what a
 * float32 prints as. Of 8,192 numbers, the most there are, a cosine changes by less than 1e-6.
 */

const SCALE = 1e8;

export function numbersOf(vector: Float32Array): number[] {
  let squares = 0;
  for (const x of vector) squares += x * x;
  const factor = SCALE / Math.sqrt(squares);
  return Array.from(vector, (x) => Math.round(x * factor) / SCALE);
}
