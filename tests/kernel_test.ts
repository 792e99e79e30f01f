/** The WebAssembly kernel: its bytes are its text's, and it gives the bits that TypeScript gives. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import wabt from "wabt";
import type { Kernel } from "../src/vector_index/kernel.ts";
import { KERNEL_BYTES } from "../src/vector_index/kernel_bytes.ts";
import { PlainKernel } from "../src/vector_index/plain_kernel.ts";
import { Quantiser } from "../src/vector_index/quantiser.ts";
import { fastestKernel } from "../src/vector_index/wasm_kernel.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

const FOLDER = new URL("../src/vector_index/", import.meta.url);

/** The TypeScript file that holds the module. */
function sourceOf(bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,94}/g) ?? [];
  return `/** \`kernel.wat\` in base64; \`tests/kernel_test.ts\` makes it and compares. */
export const KERNEL_BYTES =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
}

Deno.test("the committed bytes are what the text of the kernel gives", async () => {
  const { parseWat } = await wabt();
  const text = await readFile(new URL("kernel.wat", FOLDER), "utf8");
  const module = parseWat("kernel.wat", text, { simd: true });
  const { buffer } = module.toBinary({});
  module.destroy();
  const path = fileURLToPath(new URL("kernel_bytes.ts", FOLDER));
  if (Deno.env.get("UPDATE_KERNEL") === "1") await writeFile(path, sourceOf(buffer));
  else assert.equal(KERNEL_BYTES, buffer.toBase64());
});

Deno.test("this machine runs the WebAssembly kernel", () => {
  assert.ok(!(fastestKernel()(64 * 1024) instanceof PlainKernel));
});

Deno.test("without SIMD, or without WebAssembly, the plain kernel takes its place", () => {
  const { validate } = WebAssembly;
  try {
    WebAssembly.validate = () => false;
    assert.ok(fastestKernel()(64 * 1024) instanceof PlainKernel);
  } finally {
    WebAssembly.validate = validate;
  }
});

Deno.test("a machine that gives no room for a memory of WebAssembly gets the plain kernel", () => {
  const newKernel = fastestKernel();
  const { Memory } = WebAssembly;
  try {
    WebAssembly.Memory = class {
      constructor() {
        throw new RangeError("could not allocate memory");
      }
    } as unknown as typeof Memory;
    assert.ok(newKernel(64 * 1024) instanceof PlainKernel);
  } finally {
    WebAssembly.Memory = Memory;
  }
});

/** Both kernels over the same random bytes. */
function twins(bytes: number, random: () => number): readonly [Kernel, Kernel] {
  const kernels = [fastestKernel()(bytes), new PlainKernel(bytes)] as const;
  for (const kernel of kernels) kernel.grow(bytes);
  const noise = Uint8Array.from({ length: bytes }, () => below(random, 256));
  for (const { memory } of kernels) new Uint8Array(memory).set(noise);
  return kernels;
}

Deno.test(`both kernels count differing bits alike (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (const bytes of [16, 48, 192, 512, 8192]) {
    const [fast, plain] = twins(64 * 1024, random);
    const count = 1 + below(random, Math.floor(40_000 / bytes));
    for (const kernel of [fast, plain]) kernel.hamming(0, 8192, count, bytes, 60_000);
    const distances = ({ memory }: Kernel) =>
      new Uint16Array(memory, 60_000, Math.min(count, 2500));
    assert.deepEqual(distances(fast), distances(plain), `${bytes}`);
    assert.ok(distances(fast).some((distance) => distance > 0));
  }
});

Deno.test(`both kernels count the differing bits of listed rows alike (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (const bytes of [16, 64, 128, 448]) {
    const [fast, plain] = twins(64 * 1024, random);
    const list = Uint32Array.from({ length: 33 }, () => 16 * (1024 + below(random, 2048)));
    for (const kernel of [fast, plain]) {
      new Uint32Array(kernel.memory, 8192, list.length).set(list);
      kernel.hammingOf(0, 8192, list.length, bytes, 12_288);
    }
    const distances = ({ memory }: Kernel) => new Int32Array(memory, 12_288, list.length);
    assert.deepEqual(distances(fast), distances(plain), `${bytes}`);
    assert.ok(distances(fast).every((distance) => distance > 0));
  }
});

Deno.test(`both kernels give the same dot products (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (const length of [16, 112, 1536, 4096]) {
    const [fast, plain] = twins(256 * 1024, random);
    const list = Uint32Array.from({ length: 33 }, () => 16 * (1024 + below(random, 8192)));
    for (const kernel of [fast, plain]) {
      const query = new Int16Array(kernel.memory, 0, length);
      for (let at = 0; at < length; at++) query[at] = (query[at] ?? 0) >> 4;
      new Uint32Array(kernel.memory, 8192, list.length).set(list);
      kernel.dots(0, 8192, list.length, length, 12_288);
    }
    const products = ({ memory }: Kernel) => new Int32Array(memory, 12_288, list.length);
    assert.deepEqual(products(fast), products(plain), `${length}`);
  }
});

Deno.test(`both kernels quantise alike, to the bit (seed ${seed})`, () => {
  const random = randomOf(seed);
  for (const dimensions of [1, 3, 8, 100, 384, 1000, 1536, 4096]) {
    const [fast, plain] = [fastestKernel(), (bytes: number) => new PlainKernel(bytes)]
      .map((newKernel) => new Quantiser(dimensions, newKernel));
    for (let round = 0; round < 5; round++) {
      const size = 10 ** (round - 2);
      const vector = Float32Array.from({ length: dimensions }, () => size * (random() - 0.4) ** 3);
      const inverse = 1 / Math.hypot(...vector);
      assert.deepEqual(fast?.quantise(vector, inverse), plain?.quantise(vector, inverse));
      assert.deepEqual(fast?.query(vector, inverse), plain?.query(vector, inverse));
    }
  }
});

Deno.test("a rotation keeps cosines, and lets no number stand out", () => {
  const quantiser = new Quantiser(1536, fastestKernel());
  const spike = new Float32Array(1536);
  spike[7] = 1;
  const { codes, unit } = quantiser.quantise(spike, 1);
  const square = codes.reduce((sum, code) => sum + (code * unit) ** 2, 0);
  assert.ok(Math.abs(square - 1) < 0.01, `${square}`);
  assert.ok(unit * 127 < 0.2, `${unit * 127}`);
});

Deno.test("a rotation spreads each half of a vector over all sign bits", () => {
  const random = randomOf(1);
  for (const dimensions of [384, 768, 1000, 1536, 1920]) {
    const quantiser = new Quantiser(dimensions, fastestKernel());
    const one = Float32Array.from({ length: dimensions }, () => random() - 0.5);
    // At a right angle to the other, all of it in the second half.
    const other = one.map((x, at) => at < dimensions / 2 ? x : -x);
    const signs = [one, other].map((vector) =>
      quantiser.quantise(vector, 1 / Math.hypot(...vector)).signs.slice()
    );
    const differs = (at: number) =>
      ((signs[0]?.[at >> 3] ?? 0) ^ (signs[1]?.[at >> 3] ?? 0)) >> (at & 7) & 1;
    const parts = [0, quantiser.length - 160].map((from) =>
      Array.from({ length: 160 }, (_, at) => differs(from + at)).reduce((sum, bit) => sum + bit)
    );
    assert.ok(parts.every((differing) => Math.abs(differing - 80) < 32), `${dimensions}: ${parts}`);
  }
});
