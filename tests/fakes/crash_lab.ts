/**
 * Runs a store on a simulated disk until it dies, and judges what comes back: everything that was
 * acknowledged, perhaps a first part of what was on its way, and nothing else.
 */
import assert from "node:assert/strict";
import type { SimulatedDisk, SimulatedOptions } from "./file_system.ts";
import { contentsOf, type Opened, printOf, simulated, stateOf } from "./store_kit.ts";
import type { Change } from "../../src/memory.ts";
import type { State } from "../../src/state.ts";
import type { Recovery } from "../../src/store.ts";

/** One thing to do with a store. */
export type Step =
  | { readonly do: "append"; readonly changes: readonly Change[] }
  | { readonly do: "import"; readonly changes: readonly Change[] }
  | { readonly do: "abandon"; readonly changes: readonly Change[] }
  | { readonly do: "compact"; readonly changes: readonly Change[] }
  /** Changes one after the other, while the snapshot is written. */
  | { readonly do: "overlap"; readonly changes: readonly Change[] };

/** What a client knows: what it sent, in order, and how much of that was answered. */
export class History {
  /** Changes, or imports as wholes, in the order in which they were sent. */
  readonly sent: (readonly Change[])[] = [];
  answered = 0;

  copy(): History {
    const copy = new History();
    copy.sent.push(...this.sent);
    copy.answered = this.answered;
    return copy;
  }

  async track(unit: readonly Change[], work: () => Promise<void>): Promise<void> {
    this.sent.push(unit);
    await work();
    this.answered++;
  }

  /** Checks a recovered state, and goes on from it: what was read must stay. */
  settle(opened: Opened, where: string): void {
    const found = sorted(opened.state);
    const sent = this.sent.length;
    for (let length = this.answered; length <= sent; length++) {
      const known = stateOf(this.sent.slice(0, length).flat());
      if (sorted(known) !== found) continue;
      this.sent.splice(length);
      this.answered = length;
      return;
    }
    const answered = contentsOf(stateOf(this.sent.slice(0, this.answered).flat()));
    console.error(where, opened.recovery);
    assert.deepEqual(contentsOf(opened.state), answered, `${where}: not what was acknowledged`);
  }
}

/**
 * Without the order: a memory that is deleted and put again while a snapshot is written may come
 * back in another place.
 */
function sorted(state: State): string {
  const { entries, receipts } = contentsOf(state);
  return printOf({
    entries: () => entries.sort((a, b) => a.memory.id < b.memory.id ? -1 : 1),
    receipts: () => receipts.sort((a, b) => a.key < b.key ? -1 : 1),
  });
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
  }
}

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
    history.settle(opened, where);
    await carryOut(opened, steps, history);
    if (close) await opened.store.close();
  };
  await Promise.race([run(), opened.fs.died]);
  opened.fs.kill();
  return opened;
}

/** A crash is no damage. */
export function assertUnharmed({ integrity, notes }: Recovery, where: string): void {
  assert.deepEqual(notes.filter(({ kind }) => kind === "damage"), [], `${where}: damage reported`);
  assert.equal(integrity, "ok", where);
}
