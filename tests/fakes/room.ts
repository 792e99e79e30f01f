/** Disks with little room, stores on them, and how to fill both. */
import assert from "node:assert/strict";
import { SimulatedDisk, type SimulatedOptions } from "./file_system.ts";
import { FakeClock } from "./indexing.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./inode.ts";
import { codeOf, open, type Opened, printOf, putOf, randomOf, seed } from "./store_kit.ts";

export const BALLAST = "/data/ballast.bin";
export const BALLAST_BYTES = 4096;
export const LOOK_MS = 10_000;

interface Room {
  readonly minFreeBytes?: number;
  readonly simulated?: SimulatedOptions;
  readonly disk?: SimulatedDisk;
}

export function openOn(
  { minFreeBytes = 0, simulated = {}, disk = new SimulatedDisk() }: Room = {},
) {
  const limits = { minFreeBytes, ballastBytes: BALLAST_BYTES };
  return open(disk, simulated, new FakeClock(), limits);
}

export function large(n: number) {
  return putOf(n, { content: "x".repeat(1_000) });
}

/** Writes until the disk is full; returns the number of the first memory that was refused. */
export async function fill({ store }: Opened): Promise<number> {
  for (let n = 1;; n++) {
    const code = await codeOf(store.append(large(n)));
    if (code === "stored") continue;
    assert.equal(code, "insufficient_storage");
    return n;
  }
}

/** What a power cut with little and with some luck leaves is just what was acknowledged. */
export async function assertDurable({ disk, state }: Opened): Promise<void> {
  const random = randomOf(seed);
  for (const survival of [nothingSurvives, randomSurvival(random), everythingSurvives]) {
    const cut = disk.afterPowerCut(survival);
    cut.capacityBytes = undefined;
    const after = await openOn({ disk: cut });
    assert.equal(printOf(after.state), printOf(state));
    assert.deepEqual(after.recovery, { integrity: "ok", notes: [] });
  }
}
