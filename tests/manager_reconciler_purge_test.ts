/** Purges that nobody asks for at that moment: only of those who are gone, by a clock that is right. */
import assert from "node:assert/strict";
import type { Clock } from "../src/clock.ts";
import { Reconciler } from "../src/manager/reconciler.ts";
import { memoriesOn } from "./manager/brains.ts";
import {
  PATIENT,
  type Program,
  recordOf,
  signedUp,
  waited,
  type World,
  world,
} from "./manager/kit.ts";

const HIS = "user-ada";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MEMORIES = [["1", "the fence gets cedar posts"]];

function reconcilerOf(here: World, program: Program, clock: Clock = here.clock): Reconciler {
  return new Reconciler({
    ...program,
    settings: here.settings,
    clock,
    random: () => 0.5,
    log: (level, event, detail = {}) => program.log.push({ level, event, detail }),
  });
}

/** A deleted user, who is kept for so many days. */
async function deleted(retainDays: number): Promise<{ here: World; program: Program }> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  await waited(here, program.manager.deleteUser("ada", { retainDays, ...PATIENT }));
  return { here, program };
}

function count(program: Program, wanted: string): number {
  return program.log.filter(({ event }) => event === wanted).length;
}

function disks(here: World): string[][][] {
  return here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined)
    .map((disk) => [...memoriesOn(disk)]);
}

Deno.test("a deleted user is purged when his time is over, and not before", async () => {
  const { here, program } = await deleted(2);
  const reconciler = reconcilerOf(here, program);
  for (const [afterMs, left] of [[DAY_MS, [MEMORIES]], [DAY_MS, []]] as const) {
    await here.clock.leap(afterMs);
    await waited(here, reconciler.pass());
    await here.clock.advance(MINUTE_MS);
    assert.deepEqual(disks(here), left);
  }
  await reconciler.stop();
  assert.deepEqual([await recordOf(program), here.sink.files.size], [undefined, 0]);
});

Deno.test("a volume that was kept for one whose record is lost is reported, and left alone", async () => {
  const { here, program } = await deleted(30);
  const reconciler = reconcilerOf(here, program);
  await waited(here, reconciler.pass());
  assert.equal(count(program, "orphaned_volume"), 0);
  const { managerNamespace: namespace } = here.settings;
  here.cluster.remove({ apiVersion: "v1", kind: "ConfigMap", namespace, name: HIS });
  await waited(here, reconciler.pass());
  await reconciler.stop();
  assert.equal(count(program, "orphaned_volume"), 1);
  assert.deepEqual(disks(here), [MEMORIES]);
});

Deno.test("a register of before his return does not purge one who lives", async () => {
  const { here, program } = await deleted(1);
  const old = await recordOf(program) ?? assert.fail();
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  await here.clock.leap(2 * DAY_MS);
  const now = await program.register.get("ada") ?? assert.fail();
  await program.register.replace(now, old);
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await here.clock.advance(20 * MINUTE_MS);
  await reconciler.stop();
  await program.operations.stop();
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  assert.deepEqual(disks(here), [MEMORIES]);
  assert.ok(here.sink.files.size > 0 && count(program, "purge_held_back") > 0);
});

Deno.test("a clock that jumped ahead ends nothing that is kept", async () => {
  const { here, program } = await deleted(30);
  for (const aheadMs of [40 * DAY_MS, 30 * DAY_MS + MINUTE_MS]) {
    const clock: Clock = {
      now: () => here.clock.now() + aheadMs,
      after: (ms, call) => here.clock.after(ms, call),
    };
    const reconciler = reconcilerOf(here, program, clock);
    await waited(here, reconciler.pass());
    await here.clock.advance(10 * MINUTE_MS);
    await reconciler.stop();
  }
  assert.equal((await recordOf(program))?.operation, null);
  assert.deepEqual(disks(here), [MEMORIES]);
  assert.equal(count(program, "clock_differs"), 2);
});

Deno.test("a due purge that fails is tried again half an hour later, and then goes on", async () => {
  const { here, program } = await deleted(0);
  here.sink.fault = (call) => call === "delete" ? "full" : undefined;
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  const before = count(program, "operation_ended");
  await here.clock.advance(100 * MINUTE_MS);
  const ended = count(program, "operation_ended") - before;
  assert.ok(ended >= 2 && ended <= 4, String(ended));
  here.sink.fault = () => undefined;
  await here.clock.advance(50 * MINUTE_MS);
  await reconciler.stop();
  await program.operations.stop();
  assert.equal(await recordOf(program), undefined);
  assert.deepEqual([disks(here), here.sink.files.size], [[], 0]);
});
