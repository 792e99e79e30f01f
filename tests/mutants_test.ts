/**
 * What the store's tests are worth: engines that are broken on purpose must not get through them,
 * and the one that is not broken must. A short hunt with fixed seeds stands for the tests.
 */
import assert from "node:assert/strict";
import { huntAll, UNBROKEN } from "./mutants/table.ts";
import { VARIANTS } from "./mutants/variants.ts";

Deno.test(`${VARIANTS.length} broken engines are caught, and the real one is not`, async () => {
  const found = await huntAll(console.log);
  const through = found.filter(({ result }) => result.by === null);
  assert.deepEqual(through.map(({ variant }) => variant), [UNBROKEN]);
  assert.equal(found.length, VARIANTS.length + 1);
});
