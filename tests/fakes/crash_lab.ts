/**
 * Runs a store on a simulated disk until it dies, and judges what comes back: everything that was
 * acknowledged, perhaps any of what was on its way, and nothing else.
 *
 * Any, not a first part: what is on its way is one batch, of which a power cut may leave any
 * sectors. Each change in it is a line, and what it puts or deletes does not depend on the others;
 * a later one may be there without an earlier one, of which nobody was told either.
 */
import assert from "node:assert/strict";
import { AppError } from "../../src/errors.ts";
import type { Change } from "../../src/memory.ts";
import { State } from "../../src/state.ts";
import type { Recovery } from "../../src/store.ts";
import { keyOf, textDigest } from "./digest.ts";
import type { Fault } from "./disk_faults.ts";
import type { SimulatedDisk, SimulatedOptions } from "./file_system.ts";
import { below, contentsOf, type Opened, printOf, randomChange, simulated } from "./store_kit.ts";

/** One thing to do with a store. */
export type Step =
  | { readonly do: "append"; readonly changes: readonly Change[] }
  | { readonly do: "import"; readonly changes: readonly Change[] }
  | { readonly do: "abandon"; readonly changes: readonly Change[] }
  | { readonly do: "compact"; readonly changes: readonly Change[] }
  /** Changes one after the other, while the snapshot is written. */
  | { readonly do: "overlap"; readonly changes: readonly Change[] }
  /** Changes at once while the disk fails, and then time to heal. */
  | { readonly do: "suffer"; readonly changes: readonly Change[]; readonly fault: DiskFault };

export type DiskFault = Pick<Fault, "code" | "only" | "part">;

/** Changes that count as one: a single one, or an import. */
interface Unit {
  readonly changes: readonly Change[];
  fate: "sent" | "unknown" | "answered";
}

/** The prints of every state that may be found: what was answered, with any of the rest. */
export interface Knowledge {
  readonly prints: readonly number[];
}

/** What a client knows: what it sent, in order, and what became of that. */
export class History {
  /** Without what was refused, and without what a healed store has let go of. */
  #units: Unit[] = [];
  /** What was known last, and of how many units. */
  #known: Knowledge & { readonly answered: number; readonly units: number } | undefined;

  copy(): History {
    const copy = new History();
    copy.#units = this.#units.map((unit) => ({ ...unit }));
    return copy;
  }

  get #answered(): number {
    return this.#units.findLastIndex(({ fate }) => fate === "answered") + 1;
  }

  async track(changes: readonly Change[], work: () => Promise<void>): Promise<void> {
    const unit: Unit = { changes, fate: "sent" };
    this.#units.push(unit);
    try {
      await work();
      unit.fate = "answered";
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "storage_failed") unit.fate = "unknown";
      else this.#keep((other) => other !== unit);
    }
  }

  /** A store that is healed holds what was answered, and nothing that was not. */
  healed(): void {
    this.#keep(({ fate }) => fate !== "unknown");
  }

  #keep(belongs: (unit: Unit) => boolean): void {
    const left = this.#units.filter(belongs);
    if (left.length === this.#units.length) return;
    this.#units = left;
    this.#known = undefined;
  }

  knowledge(): Knowledge {
    const answered = this.#answered, units = this.#units.length;
    if (this.#known?.answered !== answered || this.#known.units !== units) {
      assert.ok(units - answered <= MOST_ON_THE_WAY, "too much is on its way at once");
      const choices = Array.from({ length: 2 ** (units - answered) }, (_, choice) => choice);
      const prints = choices.map((choice) => printKey(this.#stateOf(this.#chosen(choice))));
      this.#known = { answered, units, prints };
    }
    return this.#known;
  }

  /** What was answered, and of the rest what has its bit set. */
  #chosen(choice: number): Unit[] {
    const answered = this.#answered;
    return this.#units.filter((_, n) => n < answered || (choice >>> (n - answered) & 1) === 1);
  }

  #stateOf(units: readonly Unit[]): State {
    const state = new State();
    for (const { changes } of units) for (const change of changes) state.apply(change);
    return state;
  }

  /** Goes on from a recovered state: what was read must stay. False where it may not be. */
  settle(state: State): boolean {
    const found = this.knowledge().prints.indexOf(printKey(state));
    if (found < 0) return false;
    const left = new Set(this.#chosen(found));
    this.#keep((unit) => left.has(unit));
    for (const unit of left) unit.fate = "answered";
    return true;
  }

  /** What was answered, for a failure's message. */
  answeredState(): State {
    return this.#stateOf(this.#chosen(0));
  }
}

/** What a step sends at once, and no more. */
const MOST_ON_THE_WAY = 8;

/**
 * Without the order: a memory that is deleted and put again while a snapshot is written may come
 * back in another place.
 */
export function printKey(state: State): number {
  const { entries, receipts } = contentsOf(state);
  const print = printOf({
    entries: () => entries.sort((a, b) => a.memory.id < b.memory.id ? -1 : 1),
    receipts: () => receipts.sort((a, b) => a.key < b.key ? -1 : 1),
  });
  return keyOf(textDigest(print));
}

export async function carryOut(opened: Opened, steps: readonly Step[], history: History) {
  const { store } = opened;
  const append = (changes: readonly Change[]) =>
    Promise.all(changes.map((change) => history.track([change], () => store.append(change))));
  for (const step of steps) {
    if (step.do === "append") await append(step.changes);
    if (step.do === "compact") await Promise.all([store.compact(), append(step.changes)]);
    if (step.do === "overlap") {
      const compaction = store.compact();
      for (const change of step.changes) await append([change]);
      await compaction;
    }
    if (step.do === "import") await importTracked(opened, step.changes, history);
    if (step.do === "abandon") {
      const unit = await store.beginImport();
      await unit.stage(step.changes);
      unit.finish();
    }
    if (step.do === "suffer") {
      const { fs, clock } = opened;
      fs.faults = [{ ...step.fault, at: fs.calls.length + 1 }];
      await append(step.changes);
      fs.faults = [];
      if (store.status().disk !== "ok") await clock.advance(HEAL_MS);
      assert.equal(store.status().disk, "ok", "did not heal");
      history.healed();
    }
  }
}

const HEAL_MS = 600_000;

/** An import counts as sent when its commit is. */
async function importTracked(opened: Opened, changes: readonly Change[], history: History) {
  const unit = await opened.store.beginImport();
  const half = changes.length >> 1;
  await unit.stage(changes.slice(0, half));
  await unit.stage(changes.slice(half));
  await history.track(changes, async () => {
    await unit.commit();
    for (const change of changes) opened.state.apply(change);
  });
  unit.finish();
}

/** A process from start to death, or to a clean end where it outlives its steps. */
export async function live(
  disk: SimulatedDisk,
  options: SimulatedOptions,
  history: History,
  steps: readonly Step[],
  where: string,
  close = true,
): Promise<Opened> {
  const opened = simulated(disk, options);
  const run = async () => {
    opened.recovery = await opened.store.open(opened.state);
    assertUnharmed(opened.recovery, where);
    settle(opened, history, where);
    await carryOut(opened, steps, history);
    if (close) await opened.store.close();
  };
  await Promise.race([run(), opened.fs.died]);
  opened.fs.kill();
  return opened;
}

export function settle(opened: Opened, history: History, where: string): void {
  if (history.settle(opened.state)) return;
  const answered = contentsOf(history.answeredState());
  assert.deepEqual(contentsOf(opened.state), answered, `${where}: not what was acknowledged`);
  assert.fail(`${where}: not what was acknowledged, but for the order`);
}

/** A crash is no damage. */
export function assertUnharmed({ integrity, notes }: Recovery, where: string): void {
  assert.deepEqual(notes.filter(({ kind }) => kind === "damage"), [], `${where}: damage reported`);
  assert.equal(integrity, "ok", where);
}

export const FAULTS: readonly [DiskFault, DiskFault, DiskFault, DiskFault] = [
  { code: "ENOSPC", only: (kind) => kind === "write", part: 0.5 },
  { code: "ENOSPC", only: (kind) => kind === "write", part: 1 },
  { code: "EIO", only: (kind) => kind === "write", part: 0.7 },
  { code: "EIO", only: (kind) => kind === "sync" },
];

export function randomSteps(random: () => number, from: number): Step[] {
  return Array.from({ length: below(random, 10) }, (_, i) => {
    const size = 1 + below(random, 5);
    const changes = Array.from({ length: size }, () => randomChange(random, from + i));
    const kind = random();
    if (kind < 0.15) return { do: "compact", changes };
    if (kind < 0.3) return { do: "import", changes };
    if (kind < 0.35) return { do: "abandon", changes };
    if (kind < 0.5) return { do: "overlap", changes };
    const fault = FAULTS[below(random, FAULTS.length)];
    if (kind < 0.56 && fault !== undefined) return { do: "suffer", changes, fault };
    return { do: "append", changes };
  });
}
