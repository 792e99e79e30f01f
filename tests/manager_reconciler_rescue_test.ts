/** A namespace that is lost while something is being done to its user. */
import assert from "node:assert/strict";
import { bringUp, releaseRights } from "../src/manager/namespaces.ts";
import { Reconciler } from "../src/manager/reconciler.ts";
import { memoriesOn } from "./manager/brains.ts";
import type { BrainManager } from "../src/manager/brain_manager.ts";
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
const NAMESPACE = { apiVersion: "v1", kind: "Namespace", name: HIS } as const;
const MEMORIES = [["1", "the fence gets cedar posts"]];

function reconcilerOf(here: World, program: Program): Reconciler {
  const { settings, clock } = here;
  return new Reconciler({ ...program, settings, clock, random: () => 0.5, log: () => {} });
}

/** A user, a loop that runs, and a namespace that somebody deletes a while after a verb began. */
async function lostDuring(
  begin: (manager: BrainManager, backup: string) => Promise<unknown>,
  afterMs: number,
) {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  await waited(here, program.manager.backupUser("ada", PATIENT));
  const backup = (await recordOf(program))?.lastBackup?.id ?? "";
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await begin(program.manager, backup);
  await here.clock.advance(afterMs);
  if (here.cluster.peek(NAMESPACE) !== undefined) here.cluster.remove(NAMESPACE);
  await here.clock.advance(3 * 3_600_000);
  const record = await recordOf(program) ?? assert.fail();
  await reconciler.stop();
  await program.operations.stop();
  const disks = here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined);
  assert.deepEqual(here.cluster.violations, []);
  assert.equal(record.operation, null);
  return { here, record, disks };
}

const VERBS: Readonly<Record<string, Parameters<typeof lostDuring>[0]>> = {
  suspend: (manager) => manager.suspendUser("ada"),
  restart: (manager) => manager.restartUser("ada"),
  rotate: (manager) => manager.rotateKey("ada"),
  backup: (manager) => manager.backupUser("ada"),
  restore: (manager, backup) => manager.restoreUser("ada", { backup }),
  upgrade: (manager) => manager.upgradeUser("ada", { tier: "pro" }),
  delete: (manager) => manager.deleteUser("ada"),
};

Deno.test("whatever is under way when a namespace is lost, the memories are not", async () => {
  for (const [verb, begin] of Object.entries(VERBS)) {
    for (const afterMs of [0, 300, 1_500, 3_000, 5_000, 8_000]) {
      const where = `${verb} ${afterMs}`;
      const { here, record, disks } = await lostDuring(begin, afterMs);
      const inUse = record.state === "deleted"
        ? disks.find(({ uid }) => uid === record.volume?.uid)
        : here.cluster.volumeOf(HIS, `data-${record.claim.number}`);
      assert.deepEqual(inUse && [...memoriesOn(inUse)], MEMORIES, where);
      if (record.state !== "active") continue;
      assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES, where);
      assert.equal(record.volume, null, where);
    }
  }
});

/** How he is so long after, where his namespace is deleted while the verb begins. */
async function tenMinutesAfter(verb: "delete" | "undelete", isFirst: boolean, afterMs: number) {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  if (verb === "undelete") await waited(here, program.manager.deleteUser("ada", PATIENT));
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await here.clock.advance(2_000);
  const lose = () => {
    if (here.cluster.peek(NAMESPACE) !== undefined) here.cluster.remove(NAMESPACE);
  };
  if (isFirst) lose();
  if (verb === "delete") await program.manager.deleteUser("ada");
  else await program.manager.undeleteUser("ada");
  await here.clock.advance(afterMs);
  if (!isFirst) lose();
  await here.clock.advance(10 * 60_000);
  const record = await recordOf(program);
  await reconciler.stop();
  await program.operations.stop();
  assert.deepEqual(here.cluster.violations, []);
  return {
    state: record?.state,
    isOver: record?.operation === null,
    disks: here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined)
      .map((disk) => [...memoriesOn(disk)]),
  };
}

Deno.test("a namespace that is lost holds up neither a deletion nor a return", async () => {
  for (
    const [verb, isFirst, afterMs] of [
      ["delete", true, 0],
      ["delete", false, 0],
      ["delete", false, 500],
      ["delete", false, 1_500],
      ["undelete", false, 500],
      ["undelete", false, 2_000],
      ["undelete", false, 4_000],
      ["undelete", false, 6_000],
    ] as const
  ) {
    const after = await tenMinutesAfter(verb, isFirst, afterMs);
    const state = verb === "delete" ? "deleted" : "active";
    const where = `${verb} ${isFirst} ${afterMs}`;
    assert.deepEqual(after, { state, isOver: true, disks: [MEMORIES] }, where);
  }
});

Deno.test("a record that was read before the volume was set aside makes no empty brain", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const stale = await recordOf(program) ?? assert.fail();
  here.cluster.remove(NAMESPACE);
  const reconciler = reconcilerOf(here, program);
  await waited(here, reconciler.pass());
  await reconciler.stop();
  await here.clock.advance(10_000);
  await releaseRights(here.cluster, stale);
  await here.clock.advance(10_000);
  assert.equal(here.cluster.peek(NAMESPACE), undefined);
  const wanted = program.operations.wantedObjects(stale, await program.operations.capabilities());
  const noKey = () => Promise.resolve();
  await assert.rejects(bringUp(here.cluster, stale, wanted, noKey), { fault: "unavailable" });
  const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
  assert.deepEqual(here.cluster.all(CLAIM, { namespace: HIS }), []);
});
