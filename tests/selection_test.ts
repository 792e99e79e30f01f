/** Picking a page must give what sorting everything and cutting would. */
import assert from "node:assert/strict";
import { Best } from "../src/ranking.ts";
import { compareKeys, selectWindow } from "../src/selection.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";

Deno.test("keys are compared by code unit and by size", () => {
  const table: [string | number, string | number, number][] = [
    ["a", "b", -1],
    ["b", "a", 1],
    ["a", "a", 0],
    ["Z", "a", -1],
    [2, 10, -1],
    [-0, 0, 0],
  ];
  for (const [a, b, wanted] of table) assert.equal(compareKeys(a, b), wanted);
});

Deno.test(`a window is the slice of the sorted whole, with any ties (seed ${seed})`, async () => {
  const random = randomOf(seed);
  const shapes: ((n: number, size: number) => number)[] = [
    () => below(random, 1_000_000),
    () => below(random, 4),
    (n) => n,
    (n, size) => size - n,
    () => 7,
    (n, size) => Math.abs(n - size / 2),
  ];
  for (let round = 0; round < 1_500; round++) {
    const size = below(random, 120);
    const shape = shapes[round % shapes.length] ?? assert.fail();
    const items = Array.from({ length: size }, (_, n) => ({ key: shape(n, size), n }));
    const order = (a: { key: number; n: number }, b: { key: number; n: number }) =>
      compareKeys(a.key, b.key) || compareKeys(a.n, b.n);
    const from = below(random, size + 3);
    const to = from + below(random, 30);
    const wanted = items.toSorted(order).slice(from, to);
    assert.deepEqual(await selectWindow([...items], order, from, to), wanted);
  }
});

/** Falling, then rising, as they lie in the heap of the best: pivots at set places are bad there. */
function heapOrder(count: number): number[] {
  const best = new Best<number>(count, (a, b) => a - b);
  for (let n = 0; n < count; n++) best.offer(Math.abs(n - count / 2));
  return best.items().reverse();
}

Deno.test("a page of many takes comparisons in proportion to their number", async () => {
  const random = randomOf(1);
  const items = Array.from({ length: 100_000 }, () => random());
  for (
    const shaped of [
      items,
      items.toSorted((a, b) => a - b),
      items.map((x) => Math.round(x * 3)),
      heapOrder(items.length),
    ]
  ) {
    for (const from of [12_500, 50_000]) {
      let comparisons = 0;
      const counting = (a: number, b: number) => {
        comparisons++;
        return a - b;
      };
      await selectWindow([...shaped], counting, from, from + 20);
      assert.ok(comparisons < 12 * items.length, `${comparisons}`);
    }
  }
});
