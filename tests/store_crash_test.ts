/**
 * Crashes: the power goes at every file operation of fixed and of random lives, leaving any part of
 * what was not synced; the process is killed; recovery itself is cut off. What was acknowledged is
 * always there. `deno run -A tests/torture/simulated.ts` does the same for longer.
 */
import assert from "node:assert/strict";
import type { Change } from "../src/memory.ts";
import { randomChain } from "./fakes/chains.ts";
import { carryOut, History, type Step } from "./fakes/crash_lab.ts";
import { explore, type Plan, randomPlan, type Tally } from "./fakes/exploration.ts";
import { SimulatedDisk, type SimulatedOptions } from "./fakes/file_system.ts";
import { nothingSurvives } from "./fakes/inode.ts";
import { deleteOf, open, printOf, putOf, receiptOf, seed } from "./fakes/store_kit.ts";
import { REGRESSIONS } from "./regressions.ts";

console.log(`TEST_SEED=${seed}`);

const receipted: Change = { ...deleteOf(3), receipt: receiptOf(1) };

/** Two lives that pass through everything the engine does. */
const LIVES: readonly (readonly Step[])[] = [
  [
    { do: "append", changes: [putOf(1)] },
    { do: "append", changes: [putOf(2), putOf(3), putOf(4), putOf(1, { content: "again" })] },
    { do: "import", changes: [putOf(10), putOf(11), deleteOf(2), putOf(12)] },
    { do: "compact", changes: [putOf(5), receipted, deleteOf(4)] },
    { do: "append", changes: [putOf(4), deleteOf(1)] },
    { do: "abandon", changes: [putOf(20), putOf(21)] },
    { do: "compact", changes: [] },
    { do: "append", changes: [putOf(6), deleteOf(10)] },
    { do: "overlap", changes: [deleteOf(6), putOf(22), deleteOf(11), putOf(12), putOf(6)] },
  ],
  [
    { do: "append", changes: [putOf(7), putOf(8)] },
    { do: "compact", changes: [putOf(9)] },
    { do: "import", changes: [putOf(13), deleteOf(7)] },
    { do: "append", changes: [deleteOf(13)] },
  ],
];

const plain: SimulatedOptions = {};
const meagre: SimulatedOptions = { withoutLinks: true, shorten: (n) => Math.max(1, n >> 1) };

async function explored(plan: Plan, tally: Tally, most?: number): Promise<void> {
  await explore(plan, new History(), new SimulatedDisk(), tally, most);
}

function newTally(): Tally {
  return { states: 0, distinct: 0, lives: 0, moments: 0 };
}

function say({ states, distinct, moments, lives }: Tally): void {
  console.log(
    `${states} crash states at ${moments} moments of ${lives} lives; ` +
      `${distinct} disks differ, each recovered`,
  );
}

for (
  const [name, options, strideBytes] of [
    ["in every way", plain, 1],
    ["without links and with short writes", meagre, 8],
  ] as const
) {
  Deno.test(`the power goes at every operation of fixed lives, ${name}`, async () => {
    const tally = newTally();
    await explored({ seed, lives: LIVES, options, strideBytes }, tally);
    say(tally);
  });
}

Deno.test(`the power goes at every operation of random lives (TEST_SEED=${seed})`, async () => {
  const tally = newTally();
  for (let n = 0; tally.states < RANDOM_STATES; n++) {
    await explored(randomPlan(seed + n), tally, RANDOM_STATES);
  }
  say(tally);
});

const RANDOM_STATES = 40_000;

Deno.test("what once failed does not fail again", async () => {
  for (const { seed, states } of REGRESSIONS) await explored(randomPlan(seed), newTally(), states);
});

// TEST_CHAINS=100000 is what `deno task torture --full` does.
Deno.test(`random lives that end in crashes (TEST_SEED=${seed})`, async () => {
  const chains = Number(Deno.env.get("TEST_CHAINS") ?? 500);
  let crashes = 0;
  for (let n = 0; n < chains; n++) crashes += await randomChain(seed + n);
  console.log(`${crashes} crashes in ${chains} chains`);
});

Deno.test("many changes at once share few syncs, and each is durable when answered", async () => {
  const opened = await open();
  const before = opened.fs.count("sync");
  const changes = Array.from({ length: 2_500 }, (_, n) => putOf(n));
  const history = new History();
  await carryOut(opened, [{ do: "append", changes }], history);
  assert.equal(opened.fs.count("sync") - before, 3);
  const after = await open(opened.disk.afterPowerCut(nothingSurvives));
  assert.equal(printOf(after.state), printOf(opened.state));
});
