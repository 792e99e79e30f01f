/** The arithmetic of quantised vectors over one memory of bytes. */

/** Addresses are bytes in `memory`, multiples of 16; so are lengths, which count numbers. */
export interface Kernel {
  /** Another object after each `grow`. */
  readonly memory: ArrayBuffer;
  /** Makes the memory at least so large, at most as large as was said when it was made. */
  grow(bytes: number): void;
  /**
   * How many bits of the query and of each of `count` rows differ, as uint16 to `out`. The rows
   * are `bytes` long and lie one behind the other.
   */
  hamming(query: number, rows: number, count: number, bytes: number, out: number): void;
  /** The same of the rows whose addresses (uint32) `list` has, as int32 to `out`. */
  hammingOf(query: number, list: number, count: number, bytes: number, out: number): void;
  /**
   * The dot products of the query (int16) with the rows of int8 whose addresses (uint32) `list`
   * has, as int32 to `out`. The sums must fit.
   */
  dots(query: number, list: number, count: number, length: number, out: number): void;
  /**
   * Multiplies the vector (float32) with the factors, then with a Hadamard matrix, in place. The
   * length is a power of two.
   */
  spread(vector: number, factors: number, length: number): void;
  /**
   * Rounds the vector (float32, not all zeros) to int8 in units of a 127th of its greatest number,
   * gives the sign bits beside, and returns the unit.
   */
  quantise(vector: number, length: number, codes: number, signs: number): number;
}

/** Makes a kernel whose memory can grow to so many bytes. */
export type NewKernel = (maxBytes: number) => Kernel;
