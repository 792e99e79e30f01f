/** Backups that are asked for, and a user as he was when one was made. */
import assert from "node:assert/strict";
import { memoriesOn } from "./manager/brains.ts";
import { atEveryCall } from "./manager/dying.ts";
import {
  PATIENT,
  type Program,
  recordOf,
  signedUp,
  waited,
  type World,
  world,
} from "./manager/kit.ts";

const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
const HIS = "user-ada";
const WEEK_MS = 7 * 24 * 3_600_000;
const THEN = [["1", "the fence gets cedar posts"], ["2", "ada likes tea"]];
const SINCE = [["1", "the fence is gone"], ["3", "ada likes coffee"]];

async function settled(here: World, program: Program): Promise<void> {
  await signedUp(here, program);
  write(here, THEN);
}

function write(here: World, memories: readonly string[][]): void {
  const brain = here.brains.running(HIS);
  assert.ok(brain);
  brain.clear();
  for (const [id = "", content = ""] of memories) brain.set(id, content);
}

/** Backed up, and changed since. Gives the backup. */
async function changed(here: World, program: Program): Promise<string> {
  await settled(here, program);
  await waited(here, program.manager.backupUser("ada", PATIENT));
  write(here, SINCE);
  return (await recordOf(program))?.lastBackup?.id ?? assert.fail("no backup");
}

function claims(here: World): string[] {
  return here.cluster.all(CLAIM, { namespace: HIS }).map(({ metadata: { name } }) => name);
}

Deno.test("wherever its program dies, there is one backup, and it is whole", async () => {
  const calls = await atEveryCall({
    setUp: settled,
    ask: (program) => program.manager.backupUser("ada"),
    check: async (here, program, where) => {
      const { signal } = new AbortController();
      const record = await recordOf(program) ?? assert.fail(where);
      const { backups, damaged } = await program.manager.listBackups("ada", signal);
      assert.deepEqual([backups.length, damaged], [1, 0], where);
      assert.deepEqual(record.lastBackup, backups[0], where);
      const read = await program.backups.verify(record, backups[0]?.id ?? "", signal);
      assert.equal(read.memories, 2, where);
      assert.deepEqual([...here.brains.running(HIS) ?? []], THEN, where);
    },
  });
  assert.ok(calls.writes.length > 5 && calls.others > 5);
});

Deno.test("wherever its program dies, a restore ends with the backup, and keeps what was", async () => {
  let backup = "";
  const calls = await atEveryCall({
    setUp: async (here, program) => {
      backup = await changed(here, program);
    },
    ask: (program) => program.manager.restoreUser("ada", { backup }),
    check: async (here, program, where) => {
      const record = await recordOf(program);
      assert.equal(record?.lastOperation?.outcome, "succeeded", where);
      assert.deepEqual([...here.brains.running(HIS) ?? []], THEN, where);
      const { number } = record.claim;
      assert.deepEqual(record.keptClaims.map((kept) => kept.number), [1], where);
      assert.deepEqual(claims(here), ["data-1", `data-${number}`], where);
      const former = here.cluster.volumeOf(HIS, "data-1") ?? assert.fail(where);
      assert.deepEqual([...memoriesOn(former)], SINCE, where);
      const untilDrop = Date.parse(record.keptClaims[0]?.dropAt ?? "") - here.clock.now();
      assert.ok(untilDrop > WEEK_MS - 600_000, where);
      assert.deepEqual(here.cluster.violations, [], where);
    },
  });
  assert.ok(calls.writes.length > 20);
});

Deno.test("a restore that fails leaves everything as it was", async () => {
  const here = await world();
  const program = here.start("one");
  const backup = await changed(here, program);
  for (const [name, file] of here.sink.files) {
    if (!/manifest/.test(name)) file.bytes[file.bytes.length >> 1]! ^= 1;
  }
  await assert.rejects(
    waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT })),
    { name: "ManagerError" },
  );
  const record = await recordOf(program);
  assert.equal(record?.lastOperation?.outcome, "failed");
  assert.deepEqual([record.claim.number, record.keptClaims], [1, []]);
  assert.deepEqual([...here.brains.running(HIS) ?? []], SINCE);
  await here.clock.advance(10_000);
  assert.deepEqual(claims(here), ["data-1"]);
});

Deno.test("a suspended user is restored, and stays suspended", async () => {
  const here = await world();
  const program = here.start("one");
  const backup = await changed(here, program);
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
  assert.equal(here.brains.running(HIS), undefined);
  await waited(here, program.manager.resumeUser("ada", PATIENT));
  assert.deepEqual([...here.brains.running(HIS) ?? []], THEN);
});

Deno.test("a backup of nobody, or of another user, is not restored", async () => {
  const here = await world();
  const program = here.start("one");
  const backup = await changed(here, program);
  await waited(here, program.manager.createUser("eve", { tier: "free", ...PATIENT }));
  for (const [user, id] of [["eve", backup], ["ada", "nothing"], ["ada", "snapshot-nothing"]]) {
    await assert.rejects(
      waited(here, program.manager.restoreUser(user ?? "", { backup: id ?? "", ...PATIENT })),
      { name: "ManagerError", code: "no_such_backup" },
    );
  }
});

Deno.test("a snapshot is made where class and driver allow, and can be restored", async () => {
  const here = await world({ settings: { snapshotClass: "snapshots" } });
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.backupUser("ada", { method: "snapshot", ...PATIENT }));
  const { id } = (await recordOf(program))?.lastOperation ?? assert.fail();
  write(here, SINCE);
  await waited(here, program.manager.restoreUser("ada", { backup: `snapshot-${id}`, ...PATIENT }));
  assert.deepEqual([...here.brains.running(HIS) ?? []], THEN);
});

Deno.test("where the cluster cannot make snapshots that last, it says so", async () => {
  for (
    const options of [
      { settings: { snapshotClass: undefined } },
      { settings: { snapshotClass: "unknown" } },
      { settings: { snapshotClass: "snapshots" }, cluster: { snapshots: false } },
    ]
  ) {
    const here = await world(options);
    const program = here.start("one");
    await settled(here, program);
    await assert.rejects(
      waited(here, program.manager.backupUser("ada", { method: "snapshot", ...PATIENT })),
      { name: "ManagerError", code: "snapshots_unavailable" },
    );
  }
});

Deno.test("a class that deletes its snapshots, or of another driver, makes none", async () => {
  const here = await world({ settings: { snapshotClass: "snapshots" } });
  const program = here.start("one");
  await settled(here, program);
  const ref = {
    apiVersion: "snapshot.storage.k8s.io/v1",
    kind: "VolumeSnapshotClass",
    name: "snapshots",
  };
  for (const change of [{ deletionPolicy: "Delete" }, { driver: "another.csi" }]) {
    const before = here.cluster.peek(ref) ?? assert.fail();
    here.cluster.edit(ref, (object) => ({ ...object, ...change }));
    await assert.rejects(
      waited(here, program.manager.backupUser("ada", { method: "snapshot", ...PATIENT })),
      { name: "ManagerError", code: "snapshots_unavailable" },
    );
    here.cluster.edit(ref, () => before);
  }
});
