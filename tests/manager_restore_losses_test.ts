/** Restores of those who lost something: what is left is not written over, what is gone comes back. */
import assert from "node:assert/strict";
import { releaseRights } from "../src/manager/namespaces.ts";
import { Reconciler } from "../src/manager/reconciler.ts";
import {
  PATIENT,
  type Program,
  recordOf,
  refusal,
  signedUp,
  waited,
  type World,
  world,
} from "./manager/kit.ts";

const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const HIS = "user-ada";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const THEN = [["1", "the fence gets cedar posts"]];
const SINCE = [["1", "the fence is gone"], ["2", "ada likes tea"]];

function reconcilerOf(here: World, program: Program): Reconciler {
  const { settings, clock } = here;
  return new Reconciler({ ...program, settings, clock, random: () => 0.5, log: () => {} });
}

/** Backed up, and changed since. */
async function changed(): Promise<{ here: World; program: Program; backup: string }> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  await waited(here, program.manager.backupUser("ada", PATIENT));
  here.brains.running(HIS)?.set("1", "the fence is gone").set("2", "ada likes tea");
  const backup = (await recordOf(program))?.lastBackup?.id ?? assert.fail("no backup");
  return { here, program, backup };
}

function memories(here: World): string[][] {
  return [...here.brains.running(HIS) ?? [["none"]]];
}

function removeVolume(here: World): void {
  const [volume] = here.cluster.all(VOLUME);
  here.cluster.remove({ ...VOLUME, name: volume?.metadata.name ?? "" });
}

/** Restores while somebody deletes the claim so long before it (or after it, where negative). */
async function claimLost(beforeMs: number): Promise<{ outcome: string; memories: string[][] }> {
  const { here, program, backup } = await changed();
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await here.clock.advance(2_000);
  const lose = () => here.cluster.remove({ ...CLAIM, namespace: HIS, name: "data-1" });
  if (beforeMs >= 0) lose();
  await here.clock.advance(Math.max(0, beforeMs));
  const asked = await program.manager.restoreUser("ada", { backup }).then(() => true, () => false);
  await here.clock.advance(Math.max(0, -beforeMs));
  if (beforeMs < 0) lose();
  await here.clock.advance(5 * 60 * MINUTE_MS);
  const record = await recordOf(program);
  await reconciler.stop();
  await program.operations.stop();
  assert.deepEqual([record?.operation, record?.volume], [null, null]);
  const outcome = asked ? record?.lastOperation?.outcome ?? "" : "refused";
  return { outcome, memories: memories(here) };
}

Deno.test("a restore is never loaded over the volume that was set aside meanwhile", async () => {
  for (const beforeMs of [0, 500, 1_500, -1, -500, -1_500, -3_000]) {
    const { outcome, memories } = await claimLost(beforeMs);
    assert.deepEqual(memories, outcome === "succeeded" ? THEN : SINCE, `${beforeMs} ${outcome}`);
  }
});

Deno.test("a deleted user whose volume is lost comes back from a backup", async () => {
  const { here, program, backup } = await changed();
  await waited(here, program.manager.deleteUser("ada", { backup: false, ...PATIENT }));
  await assert.rejects(
    waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT })),
    refusal("deleted"),
  );
  removeVolume(here);
  await here.clock.advance(5_000);
  await assert.rejects(program.manager.undeleteUser("ada"), refusal("wrong_state", /restore a/));
  await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
  assert.deepEqual(memories(here), THEN);
  const record = await recordOf(program);
  assert.deepEqual(
    [record?.state, record?.volume, record?.deletedAt, record?.purgeAt, record?.claim.number],
    ["active", null, null, null, 2],
  );
});

Deno.test("where that restore fails, or his time is over, he stays deleted", async () => {
  const { here, program, backup } = await changed();
  await waited(here, program.manager.deleteUser("ada", { backup: false, ...PATIENT }));
  removeVolume(here);
  await here.clock.advance(5_000);
  here.brains.fault = (call) => {
    if (call === "import") throw new Error("the brain is broken");
  };
  await program.manager.restoreUser("ada", { backup });
  await waited(here, program.operations.run("ada"));
  const record = await recordOf(program);
  assert.deepEqual(
    [record?.state, record?.operation, record?.lastOperation?.outcome, record?.claim.number],
    ["deleted", null, "failed", 1],
  );
  assert.equal(here.cluster.peek({ ...NAMESPACE, name: HIS }), undefined);
  assert.deepEqual(here.cluster.all(VOLUME), []);
  await here.clock.leap(30 * DAY_MS);
  await assert.rejects(program.manager.restoreUser("ada", { backup }), refusal("deleted"));
});

Deno.test("one whose volume is lost before it is bound again comes back from a backup", async () => {
  const { here, program, backup } = await changed();
  here.cluster.remove({ ...NAMESPACE, name: HIS });
  const reconciler = reconcilerOf(here, program);
  const claim = { ...CLAIM, namespace: HIS, name: "data-1" };
  for (let n = 0; n < 30 && here.cluster.peek(claim) !== undefined; n++) {
    await waited(here, reconciler.pass());
    await here.clock.advance(1_000);
  }
  await reconciler.stop();
  await assert.rejects(program.manager.restoreUser("ada", { backup }), refusal("wrong_state"));
  removeVolume(here);
  await releaseRights(here.cluster, await recordOf(program) ?? assert.fail());
  await here.clock.advance(20_000);
  assert.notEqual((await recordOf(program))?.volume, null);
  await assert.rejects(
    waited(here, program.manager.deleteUser("ada", PATIENT)),
    refusal("backup_failed", /without a backup/),
  );
  await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
  assert.deepEqual(memories(here), THEN);
  assert.equal((await recordOf(program))?.volume, null);
});
