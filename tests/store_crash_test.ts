/**
 * Crashes: the power goes at every file operation of a fixed life, and at random ones of random
 * lives; the process is killed; recovery itself is cut off. What was acknowledged is always there.
 */
import assert from "node:assert/strict";
import type { Change } from "../src/memory.ts";
import { carryOut, History, live, type Step } from "./fakes/crash_lab.ts";
import { SimulatedDisk, type SimulatedOptions } from "./fakes/file_system.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./fakes/inode.ts";
import {
  below,
  deleteOf,
  open,
  printOf,
  putOf,
  randomChange,
  randomOf,
  receiptOf,
  seed,
} from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

/**
 * What happens to the disk when the process ends: none, all or some of what was not synced. Only
 * the last goes on with the very same disk.
 */
const ENDS = ["power_nothing", "power_everything", "power_some", "power_some", "kill"] as const;
type End = typeof ENDS[number];

function diskAfter(disk: SimulatedDisk, end: End, random: () => number): SimulatedDisk {
  switch (end) {
    case "power_nothing":
      return disk.afterPowerCut(nothingSurvives);
    case "power_everything":
      return disk.afterPowerCut(everythingSurvives);
    case "power_some":
      return disk.afterPowerCut(randomSurvival(random));
    case "kill":
      return disk.afterKill();
  }
}

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

/** The fixed lives one after the other; the process of one of them dies at one operation. */
async function fixedRun(
  dying: number,
  dieAt: number | undefined,
  options: SimulatedOptions,
): Promise<{ disk: SimulatedDisk; history: History; calls: number }> {
  const disk = new SimulatedDisk(), history = new History();
  let calls = 0;
  for (const [i, steps] of LIVES.slice(0, dying + 1).entries()) {
    const mortal = i === dying && dieAt !== undefined ? { ...options, dieAt } : options;
    const { fs } = await live(disk, mortal, history, steps, `life ${i}`);
    calls = fs.calls.length;
  }
  return { disk, history, calls };
}

/** Opens twice, the second time after the power went again; then writes, closes, opens. */
async function assertGoesOn(disk: SimulatedDisk, history: History, where: string): Promise<void> {
  await live(disk, {}, history, [], where, false);
  disk = disk.afterPowerCut(nothingSurvives);
  history.sent.splice(history.answered);
  await live(disk, {}, history, [{ do: "append", changes: [putOf(30)] }], `${where}, again`);
  await live(disk, {}, history, [], `${where}, closed`);
}

const plain: SimulatedOptions = {};
const meagre: SimulatedOptions = { withoutLinks: true, shorten: (n) => Math.max(1, n >> 1) };

for (
  const [name, options, step] of [
    ["at every operation", plain, 1],
    ["at every third, without links and with short writes", meagre, 3],
  ] as const
) {
  Deno.test(`the power goes ${name}`, async () => {
    const random = randomOf(seed);
    let states = 0;
    for (const life of LIVES.keys()) {
      const { calls } = await fixedRun(life, undefined, options);
      for (let dieAt = 1; dieAt <= calls; dieAt += step) {
        const { disk, history } = await fixedRun(life, dieAt, options);
        for (const end of ENDS) {
          const where = `life ${life}, dead at ${dieAt}, ${end}, TEST_SEED=${seed}`;
          await assertGoesOn(diskAfter(disk, end, random), history.copy(), where);
          states++;
        }
      }
    }
    console.log(`${states} crash states`);
  });
}

Deno.test("recovery is cut off at each of its operations, and tried again", async () => {
  const random = randomOf(seed);
  let states = 0;
  const { calls } = await fixedRun(0, undefined, {});
  for (let dieAt = 1; dieAt <= calls; dieAt += 6) {
    const { disk, history } = await fixedRun(0, dieAt, {});
    const torn = disk.afterPowerCut(randomSurvival(random));
    for (let again = 1;; again++) {
      const where = `dead at ${dieAt} and ${again}, TEST_SEED=${seed}`;
      const second = torn.afterPowerCut(everythingSurvives);
      const known = history.copy();
      const { fs } = await live(second, { dieAt: again }, known, [], where, false);
      if (fs.calls.length < again) break;
      await assertGoesOn(second.afterPowerCut(randomSurvival(random)), known, where);
      states++;
    }
  }
  console.log(`${states} crash states`);
});

function randomSteps(random: () => number, from: number): Step[] {
  return Array.from({ length: below(random, 10) }, (_, i) => {
    const size = 1 + below(random, 5);
    const changes = Array.from({ length: size }, () => randomChange(random, from + i));
    const kind = random();
    if (kind < 0.15) return { do: "compact", changes };
    if (kind < 0.3) return { do: "import", changes };
    if (kind < 0.35) return { do: "abandon", changes };
    if (kind < 0.5) return { do: "overlap", changes };
    return { do: "append", changes };
  });
}

async function randomChain(chainSeed: number): Promise<number> {
  const random = randomOf(chainSeed);
  const options: SimulatedOptions = {
    ...random() < 0.3 ? { shorten: (length) => 1 + below(random, length) } : {},
    ...random() < 0.15 ? { withoutLinks: true } : {},
  };
  const history = new History();
  let disk = new SimulatedDisk();
  const lives = 2 + below(random, 5);
  for (let n = 0; n < lives; n++) {
    const where = `chain of TEST_SEED=${chainSeed}, life ${n}`;
    const mortal = random() < 0.8 ? { ...options, dieAt: 1 + below(random, 150) } : options;
    const steps = randomSteps(random, n * 100);
    await live(disk, mortal, history, steps, where, random() < 0.5);
    disk = diskAfter(disk, ENDS[below(random, ENDS.length)] ?? "kill", random);
  }
  await assertGoesOn(disk, history, `chain of TEST_SEED=${chainSeed}, its end`);
  return lives;
}

// TEST_SECONDS=600 goes on for ten minutes.
Deno.test(`random lives that end in crashes (TEST_SEED=${seed})`, async () => {
  const budgetMs = 1000 * Number(Deno.env.get("TEST_SECONDS") ?? 4), begun = performance.now();
  let chains = 0, crashes = 0;
  while (performance.now() - begun < budgetMs) crashes += await randomChain(seed + chains++);
  console.log(`${crashes} crashes in ${chains} chains`);
  assert.ok(chains > 50);
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
