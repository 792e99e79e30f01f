/**
 * The crash lab for longer than a commit has time for. Part of `deno task torture`; alone:
 *
 *     deno run -A tests/torture/simulated.ts --states 10000000 --chains 100000 --seed 1
 *     deno run -A tests/torture/simulated.ts --plans 1 --seed 4711      what failed with that seed
 *     deno run -A tests/torture/simulated.ts --states 0 --journal 100000
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import type { Change } from "../../src/memory.ts";
import { randomChain } from "../fakes/chains.ts";
import { History } from "../fakes/crash_lab.ts";
import { JournalToDamage, MUTATIONS } from "../fakes/damage_lab.ts";
import { explore, randomPlan, type Tally } from "../fakes/exploration.ts";
import { SimulatedDisk } from "../fakes/file_system.ts";
import { below, putOf, randomOf } from "../fakes/store_kit.ts";
import { huntAll, UNBROKEN } from "../mutants/table.ts";

/** One line of the table that is printed at the end. */
export interface Row {
  readonly name: string;
  readonly figure: string;
  readonly detail: string;
  /** What prints it again. */
  readonly command: string;
}

const SIZES = {
  commit: { states: 200_000, chains: 2_000, journalBytes: 4_000 },
  full: { states: 10_000_000, chains: 100_000, journalBytes: 100_000 },
} as const;
const COMMAND = "deno run -A tests/torture/simulated.ts";
const PROGRESS_MS = 10_000;

type Size = keyof typeof SIZES;

export function simulatedCrashes(size: Size, seed: number): Promise<Row> {
  return crashes({ seed, states: SIZES[size].states, plans: Infinity });
}

export function simulatedChains(size: Size, seed: number): Promise<Row> {
  return chains({ seed, count: SIZES[size].chains });
}

export function damagedJournals(size: Size, seed: number): Promise<Row> {
  return damages({ seed, bytes: SIZES[size].journalBytes });
}

/** The hunt is as long as it takes: there is no smaller one. */
export async function brokenEngines(): Promise<Row> {
  const found = await huntAll(console.log);
  const through = found.filter(({ result }) => result.by === null).map(({ variant }) => variant);
  assert.deepEqual(through, [UNBROKEN]);
  return {
    name: "broken engines caught",
    figure: `${found.length - 1} of ${found.length - 1}`,
    detail: "the engine as it is gets through the same hunt",
    command: "deno run -A tests/mutants/table.ts",
  };
}

interface CrashLimits {
  readonly seed: number;
  readonly states: number;
  readonly plans: number;
}

async function crashes({ seed, states, plans }: CrashLimits): Promise<Row> {
  const progress = progressOf(() => `${tally.states} crash states, ${tally.distinct} recovered`);
  const tally: Tally = { states: 0, distinct: 0, lives: 0, moments: 0, progress };
  let n = 0;
  for (; n < plans && tally.states < states; n++) {
    try {
      await explore(randomPlan(seed + n), new History(), new SimulatedDisk(), tally, states);
    } catch (error) {
      console.error(`FAILED, and does so again with: ${COMMAND} --plans 1 --seed ${seed + n}`);
      throw error;
    }
  }
  return {
    name: "simulated crash states",
    figure: tally.states.toLocaleString("en"),
    detail: `${tally.distinct.toLocaleString("en")} disks differ, each recovered; ` +
      `${tally.moments.toLocaleString("en")} moments of ${tally.lives} lives; ` +
      `seeds ${seed} to ${seed + n - 1}; 0 lost, 0 invented, 0 called damage`,
    command: `${COMMAND} --states ${states} --seed ${seed}`,
  };
}

async function chains({ seed, count }: { seed: number; count: number }): Promise<Row> {
  let lives = 0, n = 0;
  const progress = progressOf(() => `${n} chains, ${lives} crashes`);
  for (; n < count; n++) {
    lives += await randomChain(seed + n);
    progress();
  }
  return {
    name: "chains of simulated crashes",
    figure: n.toLocaleString("en"),
    detail: `${lives.toLocaleString("en")} crashes, each life begun on what the last one left; ` +
      `seeds ${seed} to ${seed + n - 1}`,
    command: `${COMMAND} --states 0 --chains ${count} --seed ${seed}`,
  };
}

/** Cuts it at every byte, and damages it at every byte in every way. */
async function damages({ seed, bytes }: { seed: number; bytes: number }): Promise<Row> {
  const random = randomOf(seed);
  const changes: Change[] = [];
  // Lines of all lengths, each memory once: so that what is lost can be told.
  for (let n = 0, size = 0; size < bytes; n++) {
    const content = "wörd ".repeat(1 + below(random, 300));
    changes.push(putOf(n, { content }));
    size += 300 + content.length * 1.2;
  }
  const journal = await JournalToDamage.of(changes);
  let files = 0, damaged = 0;
  const progress = progressOf(() => `${files} files, ${damaged} damaged`);
  for (let at = 0; at < journal.whole.length; at++) {
    await journal.assertCut(at);
    files++;
    for (const [name, mutation] of Object.entries(MUTATIONS)) {
      if (await journal.assertTold(name, mutation, at)) damaged++;
      files++;
    }
    progress();
  }
  return {
    name: "journals cut and damaged at every byte",
    figure: files.toLocaleString("en"),
    detail:
      `${journal.whole.length.toLocaleString("en")} bytes in ${changes.length} lines; a cut and ` +
      `${Object.keys(MUTATIONS).length} mutations at each; 0 values invented, 0 lines lost that ` +
      `were not hit, 0 of ${damaged.toLocaleString("en")} damages unsaid`,
    command: `${COMMAND} --states 0 --journal ${bytes} --seed ${seed}`,
  };
}

function progressOf(say: () => string): () => void {
  const begun = performance.now();
  let next = PROGRESS_MS;
  return () => {
    const passed = performance.now() - begun;
    if (passed < next) return;
    next = passed + PROGRESS_MS;
    console.log(`${Math.round(passed / 1000)} s: ${say()}`);
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
      states: { type: "string", default: String(SIZES.commit.states) },
      plans: { type: "string" },
      chains: { type: "string", default: "0" },
      journal: { type: "string", default: "0" },
    },
  });
  const seed = Number(values.seed), states = Number(values.states), count = Number(values.chains);
  const bytes = Number(values.journal);
  console.log(`seed ${seed}`);
  const plans = values.plans === undefined ? Infinity : Number(values.plans);
  const most = values.plans === undefined ? states : Infinity;
  if (most > 0) console.log(await crashes({ seed, states: most, plans }));
  if (count > 0) console.log(await chains({ seed, count }));
  if (bytes > 0) console.log(await damages({ seed, bytes }));
}
