/** The arithmetic of directions. Sums are float64: no float32 vector can overflow them. */

/** Four sums at a time keep the processor busy; `a` starts at `offset` and is as long as `b`. */
export function dotProduct(a: Float32Array, offset: number, b: Float32Array): number {
  const length = b.length;
  let first = 0, second = 0, third = 0, fourth = 0;
  let at = 0;
  for (; at + 3 < length; at += 4) {
    const from = offset + at;
    first += (a[from] ?? 0) * (b[at] ?? 0);
    second += (a[from + 1] ?? 0) * (b[at + 1] ?? 0);
    third += (a[from + 2] ?? 0) * (b[at + 2] ?? 0);
    fourth += (a[from + 3] ?? 0) * (b[at + 3] ?? 0);
  }
  for (; at < length; at++) first += (a[offset + at] ?? 0) * (b[at] ?? 0);
  return first + second + third + fourth;
}

/** 1 / |vector|: Infinity for a vector of zeros, NaN where a number is not finite. */
export function inverseLength(vector: Float32Array): number {
  const square = dotProduct(vector, 0, vector);
  return square === Infinity ? NaN : 1 / Math.sqrt(square);
}

/** Rounding takes the cosine of a vector with itself past 1. */
export function clampCosine(cosine: number): number {
  return Math.max(-1, Math.min(1, cosine));
}
