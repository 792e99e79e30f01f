/** What a stop does with an import that is under way, and with what no stop should meet. */
import assert from "node:assert/strict";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { contentsOf, open, PATH, putOf, stateOf } from "./fakes/store_kit.ts";

Deno.test("a close waits until the committed import is applied, and snapshots it", async () => {
  const { store, state, disk, clock } = await open();
  const unit = await store.beginImport();
  await unit.stage([putOf(1), putOf(2)]);
  await unit.commit();
  state.apply(putOf(1));
  let closed = false;
  const closing = store.close().then(() => closed = true);
  await clock.advance(4_000);
  assert.equal(closed, false);
  assert.equal(disk.locks.size, 1);
  state.apply(putOf(2));
  unit.finish();
  await closing;
  assert.deepEqual([disk.files().has(PATH), disk.locks.size, clock.waiting], [true, 0, 0]);
  const after = await open(disk);
  assert.deepEqual(contentsOf(after.state), contentsOf(stateOf([putOf(1), putOf(2)])));
});

Deno.test("a close does not wait for ever for an import; the journal has it", async () => {
  const { store, disk, clock } = await open();
  const unit = await store.beginImport();
  await unit.stage([putOf(1)]);
  await unit.commit();
  const closing = store.close();
  await clock.advance(5_000);
  await closing;
  unit.finish();
  await drain();
  assert.deepEqual([disk.files().has(PATH), disk.locks.size], [false, 0]);
  const after = await open(disk);
  assert.deepEqual(contentsOf(after.state), contentsOf(stateOf([putOf(1)])));
});

Deno.test("an import that was not committed is refused its next step by a close", async () => {
  const { store, disk } = await open();
  const unit = await store.beginImport();
  await unit.stage([putOf(1)]);
  const closing = store.close();
  await assert.rejects(unit.commit(), { code: "not_ready" });
  unit.finish();
  await closing;
  assert.equal((await open(disk)).state.size, 0);
});

/** A clock that can break: the one thing that a batch and what lies between two do not guard. */
class BrittleClock extends FakeClock {
  broken = false;

  override now(): number {
    if (this.broken) throw new Error("the clock is broken");
    return super.now();
  }
}

for (const place of ["while it writes a batch", "between two batches"]) {
  Deno.test(`after a defect in the writer ${place} no write hangs`, async () => {
    const clock = new BrittleClock();
    const { store, log, disk } = await open(undefined, {}, clock);
    const large = (n: number) => store.append(putOf(n, { content: "x".repeat(2_500_000) }));
    await large(1);
    if (place === "while it writes a batch") await drain();
    clock.broken = true;
    const [first, second] = await Promise.allSettled([large(2), large(3)]);
    assert.deepEqual([first.status, second.status], ["rejected", "rejected"]);
    assert.deepEqual(log.map(({ event }) => event), ["write_failed"]);
    clock.broken = false;
    await store.append(putOf(4));
    await store.close();
    assert.equal((await open(disk)).state.size, 2);
  });
}
