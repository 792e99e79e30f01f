/** Arrays of numbers are as long as they were made: one that is to be longer is made anew. */

type Numbers =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Another array with the numbers of one, as many as it has room for. */
export function resized<A extends Numbers>(from: A, to: A): A {
  to.set(from.subarray(0, to.length));
  return to;
}
