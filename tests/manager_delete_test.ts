/** The end of a user, and his coming back: nothing of his is lost, and nothing of anybody else's. */
import assert from "node:assert/strict";
import { ClusterError } from "../src/manager/cluster.ts";
import { memoriesOn } from "./manager/brains.ts";
import { atEveryCall } from "./manager/dying.ts";
import {
  PATIENT,
  type Program,
  recordOf,
  signedUp,
  stuck,
  waited,
  type World,
  world,
} from "./manager/kit.ts";

const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const HIS = "user-ada";
const DAY_MS = 24 * 3_600_000;

/** A user with two memories. */
async function settled(here: World, program: Program): Promise<void> {
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts").set("2", "ada likes tea");
}

const MEMORIES = [["1", "the fence gets cedar posts"], ["2", "ada likes tea"]];

async function deleted(here: World, program: Program, backup = true): Promise<void> {
  await waited(here, program.manager.deleteUser("ada", { backup, ...PATIENT }));
}

/** What is left of a deleted user: his volume, kept, and nothing else in the cluster. */
async function assertDeleted(here: World, program: Program, where: string): Promise<void> {
  const record = await recordOf(program);
  assert.equal(record?.state, "deleted", where);
  assert.equal(record.operation, null, where);
  assert.equal(record.lastOperation?.outcome, "succeeded", where);
  assert.equal(here.cluster.peek({ ...NAMESPACE, name: HIS }), undefined, where);
  const [volume, ...others] = here.cluster.all(VOLUME);
  assert.deepEqual(others, [], where);
  assert.deepEqual(
    record.volume,
    { name: volume?.metadata.name, uid: volume?.metadata.uid, storageBytes: 2 ** 30 },
    where,
  );
  assert.deepEqual(
    here.cluster.volumes().map((disk) => [disk.destroyed, [...memoriesOn(disk)]]),
    [[undefined, MEMORIES]],
    where,
  );
  assert.deepEqual(here.cluster.violations, [], where);
}

async function backupsOf(program: Program): Promise<number[]> {
  const { backups, damaged } = await program.manager.listBackups(
    "ada",
    new AbortController().signal,
  );
  assert.equal(damaged, 0);
  return backups.map(({ memories }) => memories);
}

Deno.test("a deleted user leaves a backup and a volume that is kept, and nothing else", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await deleted(here, program);
  await assertDeleted(here, program, "");
  assert.deepEqual(await backupsOf(program), [2]);
  const record = await recordOf(program);
  assert.equal(
    Date.parse(record?.purgeAt ?? "") - Date.parse(record?.deletedAt ?? ""),
    30 * DAY_MS,
  );
  const [volume] = here.cluster.all(VOLUME);
  assert.equal(volume?.metadata.labels?.["second-brain/life"], record?.life);
});

Deno.test("wherever its program dies, a deletion is gone on with, and no data is lost", async () => {
  const calls = await atEveryCall({
    setUp: settled,
    ask: (program) => program.manager.deleteUser("ada"),
    check: async (here, program, where) => {
      await assertDeleted(here, program, where);
      assert.deepEqual(await backupsOf(program), [2], where);
    },
  });
  assert.ok(calls.writes.length > 20 && calls.others > 5);
});

Deno.test("one whose brain cannot be reached is not deleted with a backup, and is without", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  here.cluster.setNodeLost(true);
  await program.manager.deleteUser("ada");
  await waited(here, program.operations.run("ada"));
  const record = await recordOf(program);
  assert.equal(record?.state, "active");
  assert.equal(record.lastOperation?.failure?.code, "backup_failed");
  here.cluster.setNodeLost(false);
  await here.clock.advance(10_000);
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);

  here.brains.fault = (call) => {
    if (call === "export") throw new Error("the brain is broken");
  };
  await deleted(here, program, false);
  await assertDeleted(here, program, "");
  assert.deepEqual(await backupsOf(program), []);
});

Deno.test("a sign-up is cut off by a deletion also before its namespace lets us look", async () => {
  const { here, program } = await stuck();
  const get = program.cluster.get.bind(program.cluster);
  program.cluster.get = (ref) =>
    ref.kind === "PersistentVolumeClaim"
      ? Promise.reject(new ClusterError("forbidden", 403, "Forbidden", "not yet"))
      : get(ref);
  const { outcome, operation } = await program.manager.deleteUser("ada");
  assert.deepEqual([outcome, operation?.verb], ["under_way", "delete"]);
  program.cluster.get = get;
  await here.clock.advance(60_000);
});

Deno.test("a suspended user is woken for his last backup", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  assert.equal(here.brains.running(HIS), undefined);
  await deleted(here, program);
  await assertDeleted(here, program, "");
  assert.deepEqual(await backupsOf(program), [2]);
});

Deno.test("a namespace of another life is not touched, whatever its name", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  const life = "another-life";
  for (const kind of [NAMESPACE, { apiVersion: "v1", kind: "PersistentVolumeClaim" }]) {
    const isNamespace = kind === NAMESPACE;
    const ref = isNamespace ? { ...kind, name: HIS } : { ...kind, namespace: HIS, name: "data-1" };
    here.cluster.edit(ref, (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, "second-brain/life": life },
      },
    }));
  }
  await deleted(here, program, false);
  assert.equal((await recordOf(program))?.state, "deleted");
  const found = here.cluster.peek({ ...NAMESPACE, name: HIS });
  assert.equal(found?.metadata.deletionTimestamp, undefined);
  assert.deepEqual(
    here.cluster.volumes().map(({ destroyed, data }) => [destroyed, data]),
    [[undefined, new Map(MEMORIES.map(([id = "", text = ""]) => [id, text]))]],
  );
});

Deno.test("a user who never started is deleted without a backup", async () => {
  const here = await world({ cluster: { node: { memoryBytes: 1, cpuMillis: 1 } } });
  const program = here.start("one");
  await program.manager.createUser("ada", { tier: "free" });
  await here.clock.advance(5_000);
  await deleted(here, program);
  assert.equal((await recordOf(program))?.state, "deleted");
  assert.equal(here.cluster.peek({ ...NAMESPACE, name: HIS }), undefined);
  assert.deepEqual(await backupsOf(program), []);
});

async function assertBack(here: World, program: Program, where: string): Promise<void> {
  const record = await recordOf(program);
  assert.deepEqual(
    [record?.state, record?.operation, record?.volume, record?.purgeAt, record?.deletedAt],
    ["active", null, null, null, null],
    where,
  );
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES, where);
  assert.equal(here.cluster.volumes().length, 1, where);
  assert.deepEqual(here.cluster.violations, [], where);
}

Deno.test("wherever its program dies, an undeletion brings everything back", async () => {
  const calls = await atEveryCall({
    setUp: async (here, program) => {
      await settled(here, program);
      await deleted(here, program, false);
    },
    ask: (program) => program.manager.undeleteUser("ada"),
    check: assertBack,
  });
  assert.ok(calls.writes.length > 20);
});

Deno.test("a kept volume is nobody else's while it is brought back", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await deleted(here, program);
  await waited(here, program.manager.createUser("eve", { tier: "free", ...PATIENT }));
  assert.deepEqual([...here.brains.running("user-eve") ?? []], []);
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
});

Deno.test("what fails to come back stays deleted, with its volume", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await deleted(here, program);
  here.cluster.setNodeLost(true);
  await program.manager.undeleteUser("ada");
  await here.clock.advance(31 * 60_000);
  here.cluster.setNodeLost(false);
  await waited(here, program.operations.run("ada"));
  const record = await recordOf(program);
  assert.deepEqual([record?.state, record?.lastOperation?.failure?.code], [
    "deleted",
    "rolled_back",
  ]);
  assert.equal(here.cluster.peek({ ...NAMESPACE, name: HIS }), undefined);
  assert.deepEqual(here.cluster.volumes().map((disk) => [...memoriesOn(disk)]), [MEMORIES]);
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  await assertBack(here, program, "");
});

Deno.test("once his time is over, nobody is brought back", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.deleteUser("ada", { retainDays: 3, ...PATIENT }));
  await here.clock.leap(3 * DAY_MS);
  await assert.rejects(
    waited(here, program.manager.undeleteUser("ada", PATIENT)),
    { name: "ManagerError", code: "no_such_user" },
  );
});

Deno.test("a deletion in the middle of a restore keeps the claim that has the data", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.backupUser("ada", PATIENT));
  const backup = (await recordOf(program))?.lastBackup?.id ?? "";
  here.brains.fault = (call) => {
    if (call === "import") throw new Error("not yet");
  };
  await program.manager.restoreUser("ada", { backup });
  await here.clock.advance(8_000);
  assert.equal((await recordOf(program))?.operation?.step, "import");
  await deleted(here, program);
  assert.deepEqual(await backupsOf(program), [2, 2]);
  const record = await recordOf(program);
  assert.equal(record?.state, "deleted");
  const kept = here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined);
  assert.deepEqual(kept.map((disk) => [...memoriesOn(disk)]), [MEMORIES]);
});
