/** A vector on its way: shorter to write, and no other direction. */
import assert from "node:assert/strict";
import { dotProduct, inverseLength } from "../src/cosine.ts";
import { numbersOf } from "../src/vector_index/qdrant/numbers.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";

function cosine(a: Float32Array, b: Float32Array): number {
  return dotProduct(a, 0, b) * inverseLength(a) * inverseLength(b);
}

Deno.test("what is sent has the same cosines, whatever the length and the size of the numbers", () => {
  const random = randomOf(seed);
  for (const length of [1, 2, 3, 384, 1536, 8192]) {
    for (const size of [1, 3e38, 1e-37, 1e-44]) {
      const [a, b] = [1, 2].map(() => {
        return Float32Array.from({ length }, () => (random() - 0.5) * 2 * size);
      });
      assert.ok(a !== undefined && b !== undefined);
      // Never all zero, as no vector is.
      a[0] = b[0] = Math.fround(size);
      const sent = [a, b].map((vector) => Float32Array.from(numbersOf(vector)));
      const error = Math.abs(cosine(a, b) - cosine(sent[0] ?? a, sent[1] ?? b));
      assert.ok(error < 1e-6, `${length} numbers up to ${size}: ${error}`);
    }
  }
});

Deno.test("numbers are sent with eight digits and a length of 1", () => {
  assert.deepEqual(numbersOf(Float32Array.of(1, -2, 2)), [0.33333333, -0.66666667, 0.66666667]);
  assert.deepEqual(JSON.stringify(numbersOf(Float32Array.of(3e38, 0, -0, 1e-45))), "[1,0,0,0]");
  const thousand = numbersOf(new Float32Array(1000).fill(Math.fround(0.1)));
  assert.equal(JSON.stringify(thousand).length, 11_001);
});
