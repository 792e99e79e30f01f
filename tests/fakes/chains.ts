/** Lives of a store one after the other, each ended by a crash, all of it drawn by a seed. */
import { History, live, randomSteps, type Step } from "./crash_lab.ts";
import { SimulatedDisk, type SimulatedOptions } from "./file_system.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./inode.ts";
import { below, putOf, randomOf } from "./store_kit.ts";

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

/** Opens twice, the second time after the power went again; then writes, closes, opens. */
export async function assertGoesOn(disk: SimulatedDisk, history: History, where: string) {
  await live(disk, {}, history, [], where, false);
  disk = disk.afterPowerCut(nothingSurvives);
  const more: Step = { do: "append", changes: [putOf(30)] };
  await live(disk, {}, history, [more], `${where}, again`);
  await live(disk, {}, history, [], `${where}, closed`);
}

/** Returns how many lives there were. */
export async function randomChain(seed: number): Promise<number> {
  const random = randomOf(seed);
  const options: SimulatedOptions = {
    ...random() < 0.3 ? { shorten: (length) => 1 + below(random, length) } : {},
    ...random() < 0.15 ? { withoutLinks: true } : {},
  };
  const history = new History();
  let disk = new SimulatedDisk();
  const lives = 2 + below(random, 5);
  for (let n = 0; n < lives; n++) {
    const where = `chain of TEST_SEED=${seed}, life ${n}`;
    const mortal = random() < 0.8 ? { ...options, dieAt: 1 + below(random, 150) } : options;
    // A kill between a failed sync and what follows it is the one crash that nothing can be done
    // about; the states of `exploration.ts` leave out just that moment.
    const steps = randomSteps(random, n * 100).filter((step) => step.do !== "suffer");
    await live(disk, mortal, history, steps, where, random() < 0.5);
    disk = diskAfter(disk, ENDS[below(random, ENDS.length)] ?? "kill", random);
  }
  await assertGoesOn(disk, history, `chain of TEST_SEED=${seed}, its end`);
  return lives;
}
