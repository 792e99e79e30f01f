/**
 * The kernel with WebAssembly SIMD, or where the machine has none with plain TypeScript, which
 * gives the same bits.
 */
import type { Kernel, NewKernel } from "./kernel.ts";
import { KERNEL_BYTES } from "./kernel_bytes.ts";
import { PlainKernel } from "./plain_kernel.ts";

type Arithmetic = Omit<Kernel, "memory" | "grow">;

const WASM_PAGE_BYTES = 64 * 1024;

class WasmKernel implements Kernel {
  readonly #memory: WebAssembly.Memory;
  readonly hamming: Kernel["hamming"];
  readonly hammingOf: Kernel["hammingOf"];
  readonly dots: Kernel["dots"];
  readonly spread: Kernel["spread"];
  readonly quantise: Kernel["quantise"];

  constructor(module: WebAssembly.Module, maxBytes: number) {
    const maximum = Math.ceil(maxBytes / WASM_PAGE_BYTES);
    this.#memory = new WebAssembly.Memory({ initial: 1, maximum });
    const { exports } = new WebAssembly.Instance(module, { kernel: { memory: this.#memory } });
    // What the module exports is known from its text, which a test compares with the bytes.
    const { hamming, hammingOf, dots, spread, quantise } = exports as unknown as Arithmetic;
    this.hamming = hamming;
    this.hammingOf = hammingOf;
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
