/**
 * What the store's tests are worth: engines that are broken on purpose must not get through them,
 * and the one that is not broken must. A short hunt with fixed seeds stands for the tests. Each run
 * takes every fourth broken engine, beginning where the seed says; `deno task torture --only mutants`
 * takes them all.
 */
import assert from "node:assert/strict";
import { seed } from "./fakes/store_kit.ts";
import { huntAll, UNBROKEN } from "./mutants/table.ts";
import { VARIANTS } from "./mutants/variants.ts";
import { brokenFiles } from "./mutants/workshop.ts";

const STEP = 4;
const chosen = VARIANTS.filter((_, n) => n % STEP === seed % STEP);

Deno.test("what is broken in each of them is still there to be broken, once", async () => {
  for (const variant of VARIANTS) {
    const files = await brokenFiles(variant);
    assert.deepEqual(new Set(files.keys()), new Set(variant.edits.map(({ file }) => file)));
  }
});

Deno.test(`${chosen.length} of ${VARIANTS.length} broken engines are caught, and the real one is not (seed ${seed})`, async () => {
  const found = await huntAll(console.log, chosen);
  const through = found.filter(({ result }) => result.by === null);
  assert.deepEqual(through.map(({ variant }) => variant), [UNBROKEN]);
  assert.equal(found.length, chosen.length + 1);
});
