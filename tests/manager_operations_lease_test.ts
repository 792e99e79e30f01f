/** Who holds an operation, until when, and what one does who lost it without knowing. */
import assert from "node:assert/strict";
import { PATIENT, recordOf, running, stuck, waited } from "./manager/kit.ts";
import { stateOf } from "./manager/world_state.ts";

Deno.test("what a program holds that is gone, another one takes once the lease ran out", async () => {
  const { here, program } = await running();
  await program.manager.restartUser("ada");
  await here.clock.advance(500);
  program.cluster.isDead = true;
  const second = here.start("two");
  await here.clock.advance(10_000);
  await waited(here, second.operations.run("ada"));
  assert.equal((await recordOf(second))?.operation?.lease?.holder, "one");
  await here.clock.advance(30_000);
  await waited(here, second.operations.run("ada"));
  assert.equal((await recordOf(second))?.lastOperation?.outcome, "succeeded");
});

for (const aheadMs of [-300_000, -45_000, 45_000, 300_000]) {
  Deno.test(`a clock that is ${aheadMs / 1000} s ahead takes over what is dead, and nothing else`, async () => {
    const { here, program } = await stuck();
    const second = here.start("two", aheadMs);
    const holder = async () => (await recordOf(second))?.operation?.lease?.holder;
    const looked = async (seconds: number) => {
      for (let n = 0; n < seconds; n++) {
        await waited(here, second.operations.run("ada"));
        assert.equal(await holder(), "one", `after ${n} s`);
        await here.clock.advance(1_000);
      }
    };
    await looked(180);
    program.cluster.isDead = true;
    await looked(10);
    await here.clock.advance(30_000);
    void second.operations.run("ada");
    await here.clock.advance(1_000);
    assert.equal(await holder(), "two");
    await second.operations.stop();
  });
}

Deno.test("a program that stops lets others go on at once", async () => {
  const { here, program } = await running();
  await program.manager.restartUser("ada");
  await here.clock.advance(500);
  await waited(here, program.operations.stop());
  assert.equal((await recordOf(program))?.operation?.lease, null);
  const second = here.start("two");
  await waited(here, second.operations.run("ada"));
  assert.equal((await recordOf(second))?.lastOperation?.outcome, "succeeded");
});

Deno.test("one whose lease was taken over writes nothing more", async () => {
  const { here, program } = await stuck();
  const second = here.start("two");
  const asleep = Promise.withResolvers<void>();
  program.cluster.asleep = asleep.promise;
  await here.clock.advance(5 * 60_000);
  await waited(here, second.manager.deleteUser("ada", { backup: false, ...PATIENT }));
  const before = stateOf(here);
  asleep.resolve();
  await here.clock.advance(5 * 60_000);
  assert.deepEqual(stateOf(here), before);
});

Deno.test("one that wakes up in the middle of a step has one call left, and no more", async () => {
  const { here, program } = await running();
  const second = here.start("two");
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  const asleep = Promise.withResolvers<void>();
  here.cluster.faults = {
    before: ({ verb, ref }) => {
      if (verb !== "apply" || ref?.kind !== "ResourceQuota") return;
      program.cluster.asleep = asleep.promise;
      here.cluster.faults = {};
    },
  };
  await program.manager.resumeUser("ada");
  await here.clock.advance(60_000);
  await waited(here, second.operations.run("ada"));
  await here.clock.advance(30_000);
  await waited(here, second.operations.run("ada"));
  await waited(here, second.manager.suspendUser("ada", PATIENT));
  const before = stateOf(here);
  asleep.resolve();
  await here.clock.advance(5 * 60_000);
  assert.deepEqual(stateOf(here), before);
});

Deno.test("clocks that jump end nothing that could go on", async () => {
  for (const jumpMs of [3_600_000, 24 * 3_600_000]) {
    const { here, program } = await running();
    await program.manager.restartUser("ada");
    await here.clock.advance(1_500);
    await here.clock.leap(jumpMs);
    await here.clock.advance(60_000);
    const record = await recordOf(program);
    assert.deepEqual([record?.operation, record?.lastOperation?.verb], [null, "restart"]);
    assert.deepEqual(here.cluster.violations, []);
  }
});
