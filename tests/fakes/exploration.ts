/**
 * Goes through what power cuts and kills may leave of a store's life: the life runs once, every
 * moment of its disk is kept, and each disk that may be left of each moment is recovered. Disks
 * that are the same are recovered once, and judged by what was known at each of their moments.
 */
import assert from "node:assert/strict";
import {
  type History,
  type Knowledge,
  printKey,
  randomSteps,
  settle,
  type Step,
} from "./crash_lab.ts";
import { assertUnharmed, carryOut } from "./crash_lab.ts";
import { crashStates, killedDisk, type Moment, momentOf, sameMoment } from "./crash_states.ts";
import type { SimulatedDisk, SimulatedOptions } from "./file_system.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./inode.ts";
import { below, open, type Opened, putOf, randomOf, simulated } from "./store_kit.ts";

export interface Tally {
  /** Crash states gone through. */
  states: number;
  /** Disks among them that differ, each recovered. */
  distinct: number;
  /** Lives gone through, and operations of theirs at which the power went. */
  lives: number;
  moments: number;
  /** Called now and then. */
  readonly progress?: () => void;
}

/** A moment of a life, just before an operation. */
interface Recorded {
  readonly where: string;
  /**
   * False between a failed sync and the cut that answers it: the file reads as it never will again,
   * and against a kill just then nothing can be done.
   */
  readonly mayBeKilled: boolean;
  readonly moment: Moment;
  readonly knowledge: Knowledge;
  readonly history: History;
}

/** Lets everything run on that waits for no operation: whoever was answered knows it then. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
}

async function record(
  disk: SimulatedDisk,
  options: SimulatedOptions,
  history: History,
  steps: readonly Step[],
  where: string,
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  const note = (where: string, mayBeKilled: boolean) => {
    const moment = momentOf(disk), knowledge = history.knowledge();
    const last = recorded.at(-1);
    const same = last !== undefined && sameMoment(last.moment, moment) &&
      last.knowledge.prints.join() === knowledge.prints.join();
    if (same) return;
    recorded.push({ where, mayBeKilled, moment, knowledge, history: history.copy() });
  };
  const gate: SimulatedOptions["gate"] = async (kind, path) => {
    await settled();
    note(`${where}, before ${opened.fs.calls.length} (${kind} ${path})`, kind !== "truncate");
  };
  const opened = simulated(disk, { ...options, gate });
  opened.recovery = await opened.store.open(opened.state);
  assertUnharmed(opened.recovery, where);
  settle(opened, history, where);
  await carryOut(opened, steps, history);
  await opened.store.close();
  note(`${where}, at its end`, true);
  opened.fs.kill();
  return recorded;
}

/** One in so many disks is also opened again after another power cut, and written to. */
const GOES_ON = 24;

/** Recovers disks and remembers what was found. */
class Judge {
  readonly #found = new Map<number, number>();
  readonly #tally: Tally;
  /** Its own count: a plan must go the same way whatever was gone through before it. */
  #recovered = 0;
  readonly #random: () => number;
  /** The state budget: beyond it nothing more is gone through. */
  readonly #most: number;
  readonly #strideBytes: number | undefined;

  constructor(tally: Tally, random: () => number, most: number, strideBytes?: number) {
    this.#tally = tally;
    this.#random = random;
    this.#most = most;
    this.#strideBytes = strideBytes;
  }

  get done(): boolean {
    return this.#tally.states >= this.#most;
  }

  async judge(recorded: Recorded): Promise<void> {
    const { where, moment, knowledge: { prints } } = recorded;
    this.#tally.moments++;
    this.#tally.progress?.();
    for (const state of crashStates(moment, this.#random, this.#strideBytes)) {
      let print = this.#found.get(state.key);
      if (print === undefined) {
        const opened = await reopened(state.disk(), where);
        print = printKey(opened.state);
        this.#found.set(state.key, print);
        this.#tally.distinct++;
        if (this.#recovered++ % GOES_ON === 0) await this.#goOn(opened, print, where);
      }
      if (!prints.includes(print)) await explain(state.disk(), recorded);
      if (++this.#tally.states >= this.#most) return;
    }
    await this.#kill(recorded);
  }

  /** After a kill nothing is lost; but what was found then must also survive a power cut. */
  async #kill(recorded: Recorded): Promise<void> {
    if (!recorded.mayBeKilled) return;
    const where = `${recorded.where}, killed`;
    const opened = await reopened(killedDisk(recorded.moment), where);
    const print = printKey(opened.state);
    if (!recorded.knowledge.prints.includes(print)) {
      await explain(killedDisk(recorded.moment), recorded);
    }
    const again = await reopened(opened.disk.afterPowerCut(nothingSurvives), where);
    assert.equal(printKey(again.state), print, `${where}: what was found is lost`);
    this.#tally.states += 2;
    this.#tally.distinct += 2;
  }

  async #goOn(opened: Opened, print: number, where: string): Promise<void> {
    opened.fs.kill();
    const cut = opened.disk.afterPowerCut(randomSurvival(this.#random));
    const again = await reopened(cut, `${where}, again`);
    assert.equal(printKey(again.state), print, `${where}: another state the second time`);
    await again.store.append(putOf(30));
    const expected = printKey(again.state);
    const last = await reopened(again.disk.afterPowerCut(nothingSurvives), `${where}, and on`);
    assert.equal(printKey(last.state), expected, `${where}: lost after it went on`);
    this.#tally.states += 2;
    this.#tally.distinct += 2;
  }
}

async function reopened(disk: SimulatedDisk, where: string): Promise<Opened> {
  const opened = await open(disk);
  assertUnharmed(opened.recovery, where);
  return opened;
}

/** Fails, saying what was found and what should have been. */
async function explain(disk: SimulatedDisk, { where, history }: Recorded): Promise<never> {
  const files = [...disk.files()].map(([path, bytes]) => `${path} ${bytes.length}`).join("\n");
  const opened = await reopened(disk, where);
  settle(opened, history.copy(), `${where}\n${files}\n`);
  throw new Error(`${where}: found another state the second time`);
}

export interface Plan {
  readonly seed: number;
  /** What the process does in each of its lives. */
  readonly lives: readonly (readonly Step[])[];
  readonly options: SimulatedOptions;
  /** The distance between the lengths that a torn write may have; every one where it is left out. */
  readonly strideBytes?: number;
}

/** A plan for each seed. */
export function randomPlan(seed: number): Plan {
  const random = randomOf(seed ^ 0x5eed);
  const lives = Array.from(
    { length: 1 + below(random, 3) },
    (_, n) => randomSteps(random, n * 100),
  );
  const options: SimulatedOptions = {
    ...random() < 0.2 ? { shorten: (length) => 1 + below(random, length) } : {},
    ...random() < 0.15 ? { withoutLinks: true } : {},
  };
  return { seed, lives, options };
}

/** Each life begins on a disk that a crash of the one before left. */
export async function explore(
  { seed, lives, options, strideBytes }: Plan,
  history: History,
  disk: SimulatedDisk,
  tally: Tally,
  most = Infinity,
): Promise<void> {
  const random = randomOf(seed);
  const judge = new Judge(tally, random, most, strideBytes);
  for (const [n, steps] of lives.entries()) {
    const where = `seed ${seed}, life ${n}`;
    const recorded = await record(disk, options, history, steps, where);
    tally.lives++;
    for (const one of recorded) {
      await judge.judge(one);
      if (judge.done) return;
    }
    const end = recorded[below(random, recorded.length)];
    if (end === undefined) return;
    disk = killedDisk(end.moment);
    history = end.history;
    if (random() < 0.2 && end.mayBeKilled) continue;
    // What was found once after a power cut must be found again, also where recovery is cut off.
    disk = disk.afterPowerCut(randomSurvival(random));
    const found = await reopened(disk.afterPowerCut(everythingSurvives), where);
    settle(found, history, where);
  }
}
