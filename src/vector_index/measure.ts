/** Which vectors an index can compare, whatever it keeps them in. */
import { inverseLength } from "../cosine.ts";
import { AppError } from "../errors.ts";

/** The inverse length of a vector that can be compared; any other is refused. */
export function measure(vector: Float32Array, dimensions: number, action: string): number {
  checkLength(vector, dimensions, action);
  const inverse = inverseLength(vector);
  if (Number.isNaN(inverse)) {
    throw new AppError("invalid", `Cannot ${action}: the vector has a number that is not finite`);
  }
  if (inverse === Infinity) {
    throw new AppError("invalid", `Cannot ${action}: the vector is empty or all zeros`);
  }
  return inverse;
}

export function checkLength(vector: Float32Array, dimensions: number, action: string): void {
  if (vector.length === dimensions) return;
  throw new AppError(
    "invalid",
    `Cannot ${action}: the vector has ${vector.length} numbers, the index holds ${dimensions}`,
  );
}
