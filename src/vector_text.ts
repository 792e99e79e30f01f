/** A float32 vector as JSON numbers: as short as they can be and still mean the same float32. */
export function plainNumbers(vector: Float32Array): number[] {
  return Array.from(vector, (value) => {
    // Seven digits are what people and models write; nine are always enough (IEEE 754).
    const short = Number(value.toPrecision(7));
    return Math.fround(short) === value ? short : Number(value.toPrecision(9));
  });
}
