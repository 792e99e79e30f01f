/**
 * An import is one unit, whatever ends it: the service, its store and its backup run on a simulated
 * disk, and the power goes at every operation. After a restart there is all of it or none, with its
 * receipt, so that the client's retry has one effect in all.
 */
import assert from "node:assert/strict";
import type { ImportReport } from "../src/import_draft.ts";
import type { Memory } from "../src/memory.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import type { SimulatedDisk } from "./fakes/file_system.ts";
import { canonical, type Housed, housed, importLines, opened } from "./fakes/housed_brain.ts";
import { everythingSurvives, nothingSurvives, randomSurvival } from "./fakes/inode.ts";
import { idOf, randomOf, seed } from "./fakes/store_kit.ts";

console.log(`TEST_SEED=${seed}`);

const MODES = ["skip", "overwrite", "newest"] as const;
type Mode = typeof MODES[number];

const backupPlan = { intervalMs: 86_400_000, keep: 3 };

function recordOf(n: number, content: string, year: number): object {
  const updated_at = `${year}-01-01T00:00:00.000Z`;
  return { id: idOf(n), content, created_at: "2020-01-01T00:00:00.000Z", updated_at };
}

const THERE = [1, 2, 3, 4].map((n) => recordOf(n, `there ${n}`, 2024));
const IMPORTED = [
  recordOf(2, "newer", 2025),
  recordOf(10, "new", 2025),
  { ...recordOf(3, "older", 2023), embedding: [1, 2, 3] },
  // More than fits one line of the journal.
  ...[11, 12, 13, 14, 15, 16].map((n) => recordOf(n, "x".repeat(99_000), 2025)),
  recordOf(2, "newer still", 2026),
];

/** Words are no matter here, and take their time. */
class WordlessIndex extends Bm25Index {
  override put(): void {}
}

async function filledDisk(): Promise<SimulatedDisk> {
  const { brain, disk } = await opened();
  await importLines(brain, THERE, "error");
  await brain.close();
  const again = await opened({ disk });
  again.brain.memories.read(idOf(3));
  await again.brain.memories.delete(idOf(4), () => true);
  return disk.afterPowerCut(everythingSurvives);
}

interface Ended extends Housed {
  /** Undefined where the power went first. */
  readonly report: ImportReport | undefined;
}

async function runImport(disk: SimulatedDisk, mode: Mode, dieAt?: number): Promise<Ended> {
  const all = await housed({
    disk,
    backupPlan,
    textIndex: new WordlessIndex(),
    simulated: dieAt === undefined ? {} : { dieAt },
  });
  const run = async () => {
    await all.exportFolder.open();
    await all.brain.open();
    const report = await importLines(all.brain, IMPORTED, mode, "the client's key");
    await all.brain.close();
    return report;
  };
  const report = await Promise.race([run(), all.fs.died.then(() => undefined)]);
  all.fs.kill();
  return { ...all, report };
}

async function contentsOf(disk: SimulatedDisk): Promise<string> {
  const { brain } = await opened({ disk, textIndex: new WordlessIndex() });
  const text = await canonical(brain);
  await brain.close();
  return text;
}

for (const mode of MODES) {
  Deno.test(`the power goes at every operation of an import (${mode}): all of it or none`, async () => {
    const random = randomOf(seed);
    const made = await filledDisk();
    const before = await contentsOf(made.afterPowerCut(everythingSurvives));
    const whole = await runImport(made.afterPowerCut(everythingSurvives), mode);
    const after = await contentsOf(whole.disk.afterPowerCut(nothingSurvives));
    assert.notEqual(after, before);
    const seen = { before: 0, after: 0 };
    for (let dieAt = 1; dieAt <= whole.fs.calls.length; dieAt++) {
      const { disk, report } = await runImport(made.afterPowerCut(everythingSurvives), mode, dieAt);
      const ends = [nothingSurvives, everythingSurvives, randomSurvival(random)];
      for (const [i, survival] of ends.entries()) {
        const where = `dead at ${dieAt}, end ${i}, TEST_SEED=${seed}`;
        const left = disk.afterPowerCut(survival);
        const found = await contentsOf(left.afterPowerCut(everythingSurvives));
        assert.ok(found === before || found === after, `${where}: a part of the import`);
        if (report !== undefined) assert.equal(found, after, `${where}: it was answered`);
        seen[found === after ? "after" : "before"]++;
        if (i < 2) continue; // The retry takes its time, and the third end may be either of them.
        const again = await runImport(left, mode);
        assert.deepEqual(again.report, whole.report, `${where}: another answer to the retry`);
        assert.equal(await contentsOf(left), after, `${where}: not one effect`);
      }
    }
    assert.ok(seen.before > 0 && seen.after > 0);
    console.log(
      `${mode}: ${seen.before + seen.after} crash states, ${seen.after} after the commit`,
    );
  });
}

/** Fails on one memory, as a defect in whatever follows the state might. */
class TrippingIndex extends Bm25Index {
  override put(memory: Memory): void {
    if (memory.id === idOf(11)) throw new Error("tripped");
    super.put(memory);
  }
}

Deno.test("where an index fails in the middle of a committed import, nothing of it is lost", async () => {
  const { brain, disk } = await opened({ textIndex: new TrippingIndex() });
  await assert.rejects(importLines(brain, IMPORTED, "newest", "key"), { message: "tripped" });
  const held = await canonical(brain);
  const retried = await importLines(brain, IMPORTED, "newest", "key");
  assert.deepEqual([retried.imported, retried.updated], [9, 0]);
  await brain.close(); // It writes a snapshot of the state, and lets go of the journal.
  const expected = await opened();
  await importLines(expected.brain, IMPORTED, "newest");
  assert.equal(held, await canonical(expected.brain));
  await expected.brain.close();
  assert.equal(await contentsOf(disk), held);
});

Deno.test("where an index fails on one change, the change is there all the same", async () => {
  const { brain, disk } = await opened({ textIndex: new TrippingIndex() });
  const created = brain.memories.create({ id: idOf(11), content: "a" });
  await assert.rejects(created, { message: "tripped" });
  const held = await canonical(brain);
  assert.match(held, /"content":"a"/);
  await brain.close();
  assert.equal(await contentsOf(disk), held);
});
