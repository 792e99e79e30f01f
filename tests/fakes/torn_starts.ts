/**
 * Starts on a disk whose journal ends in a batch with a hole, cut off by a power cut, or by a kill
 * and then a power cut in the next start. Whatever is left, each start must find the same.
 */
import assert from "node:assert/strict";
import { bytesAt, copyOf, JOURNAL } from "./damage.ts";
import type { SimulatedDisk } from "./file_system.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./inode.ts";
import { open, printOf, putOf, simulated } from "./store_kit.ts";

/** Six changes in one batch, the second sector of which is missing. */
export async function tornDisk(): Promise<SimulatedDisk> {
  const { store, disk } = await open();
  await store.append(putOf(1));
  const changes = Array.from(
    { length: 6 },
    (_, n) => putOf(10 + n, { content: "word ".repeat(80) }),
  );
  await Promise.all(changes.map((change) => store.append(change)));
  const torn = copyOf(disk);
  torn.put(JOURNAL, bytesAt(disk, JOURNAL).slice().fill(0, 1024, 1536));
  return torn;
}

/** Returns how many disks were looked at. */
export async function cutOffStarts(torn: SimulatedDisk, random: () => number): Promise<number> {
  const { state, recovery } = await open(copyOf(torn));
  assert.deepEqual([state.size, recovery.integrity], [5, "ok"]);
  const print = printOf(state);
  let disks = 0;
  const check = async (disk: SimulatedDisk, where: string) => {
    const survivals = [nothingSurvives, everythingSurvives];
    for (let n = 0; n < DRAWN; n++) survivals.push(randomSurvival(random));
    for (const survival of survivals) {
      const again = await open(disk.afterPowerCut(survival));
      assert.equal(printOf(again.state), print, where);
      assert.equal(again.recovery.integrity, "ok", where);
      disks++;
    }
  };
  for (let dieAt = 1, opened = false; !opened; dieAt++) {
    const first = copyOf(torn);
    opened = await start(first, dieAt);
    await check(first, `dead at ${dieAt}`);
    // Before the new file has its name there is nothing for the next start to find.
    if (!first.files().has("/data/journal/000002.log")) continue;
    for (let next = 1, again = false; !again; next++) {
      const second = copyOf(torn);
      await start(second, dieAt);
      again = await start(second.afterKill(), next);
      await check(second, `dead at ${dieAt}, then at ${next}`);
    }
  }
  return disks;
}

const DRAWN = 6;

/** False where it died first. */
async function start(disk: SimulatedDisk, dieAt: number): Promise<boolean> {
  const { store, state, fs } = simulated(disk, { dieAt });
  const opened = await Promise.race([
    store.open(state).then(() => true),
    fs.died.then(() => false),
  ]);
  fs.kill();
  return opened;
}
