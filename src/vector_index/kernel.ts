/**
 * The arithmetic of quantised vectors over one memory: with WebAssembly SIMD, or where the machine
 * has none with plain TypeScript that gives the same bits.
 */
import { KERNEL_BYTES } from "./kernel_bytes.ts";
import { PlainKernel } from "./plain_kernel.ts";

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

type Arithmetic = Omit<Kernel, "memory" | "grow">;

const WASM_PAGE_BYTES = 64 * 1024;

class WasmKernel implements Kernel {
  readonly #memory: WebAssembly.Memory;
  readonly hamming: Kernel["hamming"];
  readonly dots: Kernel["dots"];
  readonly spread: Kernel["spread"];
  readonly quantise: Kernel["quantise"];

  constructor(module: WebAssembly.Module, maxBytes: number) {
    const maximum = Math.ceil(maxBytes / WASM_PAGE_BYTES);
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum });
    const { exports } = new WebAssembly.Instance(module, { kernel: { memory: this.#memory } });
    // What the module exports is known from its text, which a test compares with the bytes.
    const { hamming, dots, spread, quantise } = exports as unknown as Arithmetic;
    this.hamming = hamming;
    this.dots = dots;
    this.spread = spread;
    this.quantise = quantise;
  }

  get memory(): ArrayBuffer {
    const { buffer } = this.#memory;
    if (buffer instanceof ArrayBuffer) return buffer;
    throw new TypeError("Cannot read the kernel's memory: it is shared");
  }

  grow(bytes: number): void {
    const missing = bytes - this.memory.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / WASM_PAGE_BYTES));
  }
}

/** The fastest kernel that this machine runs. */
export function fastestKernel(): NewKernel {
  const module = compiled();
  if (module === undefined) return (maxBytes) => new PlainKernel(maxBytes);
  return (maxBytes) => {
    try {
      return new WasmKernel(module, maxBytes);
    } catch (error) {
      // Each memory takes some GiB of addresses, which a process may be denied.
      if (error instanceof RangeError) return new PlainKernel(maxBytes);
      throw error;
    }
  };
}

/** Undefined where there is no WebAssembly, or no SIMD in it. */
function compiled(): WebAssembly.Module | undefined {
  if (typeof WebAssembly === "undefined") return undefined;
  const bytes = Uint8Array.fromBase64(KERNEL_BYTES);
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined;
}
