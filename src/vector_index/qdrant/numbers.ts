/**
 * A vector as the numbers that are sent: of length 1, as Qdrant would make it, but here no float32
 * is too large or too small for that; and with 8 digits, half of what a float32 prints as. Of
 * 8,192 numbers, the most there are, a cosine changes by less than 1e-6.
 */
import { inverseLength } from "../../cosine.ts";

const SCALE = 1e8;

export function numbersOf(vector: Float32Array): number[] {
  const factor = SCALE * inverseLength(vector);
  return Array.from(vector, (x) => Math.round(x * factor) / SCALE);
}
