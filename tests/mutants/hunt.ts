/**
 * Hunts for a fault in the engine that lies beside this file, with fixed seeds, and stops at the
 * first one. Prints one line of JSON: what found it, or null, and how many disks were looked at.
 */
import assert from "node:assert/strict";
import { FAULTS, History, type Step } from "../fakes/crash_lab.ts";
import { CHANGES } from "../fakes/damage.ts";
import { JournalToDamage, MUTATIONS } from "../fakes/damage_lab.ts";
import { explore, type Plan, type Tally } from "../fakes/exploration.ts";
import { SimulatedDisk, type SimulatedOptions } from "../fakes/file_system.ts";
import { deleteOf, open, putOf, randomOf, receiptOf } from "../fakes/store_kit.ts";
import { cutOffStarts, tornDisk } from "../fakes/torn_starts.ts";

const tally: Tally = { states: 0, distinct: 0, lives: 0, moments: 0 };

const long = { content: "word ".repeat(150) };

/** As short as they can be and still meet each step of the engine. */
const LIVES: readonly (readonly Step[])[] = [
  [
    { do: "append", changes: [putOf(1)] },
    { do: "append", changes: [putOf(2, long), putOf(3, long), putOf(4)] },
    { do: "import", changes: [putOf(10), deleteOf(2)] },
    { do: "compact", changes: [{ ...deleteOf(3), receipt: receiptOf(1) }] },
    { do: "suffer", changes: [putOf(5), putOf(6)], fault: FAULTS[0] },
    { do: "suffer", changes: [putOf(5)], fault: FAULTS[1] },
    { do: "append", changes: [putOf(7)] },
    { do: "suffer", changes: [putOf(8)], fault: FAULTS[3] },
    { do: "append", changes: [putOf(9), deleteOf(1)] },
    { do: "compact", changes: [] },
    { do: "compact", changes: [putOf(1)] },
    { do: "overlap", changes: [deleteOf(1), putOf(11)] },
  ],
  [{ do: "append", changes: [putOf(12)] }],
  [{ do: "append", changes: [deleteOf(12)] }, { do: "compact", changes: [] }],
];

function crashes(options: SimulatedOptions, strideBytes: number): () => Promise<void> {
  const plan: Plan = { seed: 7, lives: LIVES, options, strideBytes };
  return () => explore(plan, new History(), new SimulatedDisk(), tally);
}

async function secondProcess(): Promise<void> {
  const first = await open();
  await first.store.append(putOf(1));
  tally.states++;
  await assert.rejects(open(first.disk));
}

async function damage(): Promise<void> {
  const journal = await JournalToDamage.of(CHANGES);
  for (const [name, mutation] of Object.entries(MUTATIONS)) {
    for (let at = 0; at < journal.whole.length; at += 23) {
      tally.states++;
      await journal.assertTold(name, mutation, at);
    }
  }
}

async function tornStarts(): Promise<void> {
  tally.states += await cutOffStarts(await tornDisk(), randomOf(7));
}

const HUNTS: readonly (readonly [string, () => Promise<void>])[] = [
  ["two processes", secondProcess],
  ["damage", damage],
  ["starts on a torn batch", tornStarts],
  ["crash states", crashes({}, 64)],
  ["crash states, short writes", crashes({ shorten: (n) => Math.max(1, n >> 1) }, 512)],
];

let by: string | null = null, message = "";
const begun = performance.now();
for (const [name, hunt] of HUNTS) {
  console.log(JSON.stringify({ hunting: name }));
  try {
    await hunt();
  } catch (error) {
    by = name;
    message = String(error).slice(0, 300);
    break;
  }
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(
  JSON.stringify({ by, states: tally.states, recovered: tally.distinct, seconds, message }),
);
Deno.exit(0);
