/** The end for good: volume, backups, snapshots and record, of this life and no other. */
import assert from "node:assert/strict";
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

const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const CONTENT = {
  apiVersion: "snapshot.storage.k8s.io/v1",
  kind: "VolumeSnapshotContent",
} as const;
const HIS = "user-ada";

async function settled(here: World, program: Program): Promise<void> {
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
}

async function deleted(here: World, program: Program): Promise<void> {
  await waited(here, program.manager.deleteUser("ada", PATIENT));
}

async function assertGone(here: World, program: Program, where: string): Promise<void> {
  assert.equal(await recordOf(program), undefined, where);
  assert.equal(here.cluster.peek({ ...NAMESPACE, name: HIS }), undefined, where);
  assert.deepEqual(here.cluster.all(VOLUME), [], where);
  assert.ok(here.cluster.volumes().every(({ destroyed }) => destroyed !== undefined), where);
  assert.deepEqual([...here.sink.files.keys()], [], where);
  assert.deepEqual(here.cluster.violations, [], where);
}

/** One that ended while the answer was on its way is gone already. */
async function purged(program: Program): Promise<void> {
  try {
    await program.manager.purgeUser("ada");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "no_such_user")) throw error;
  }
}

Deno.test("wherever its program dies, a purge leaves nothing of a deleted user", async () => {
  const calls = await atEveryCall({
    setUp: async (here, program) => {
      await settled(here, program);
      await deleted(here, program);
      assert.notEqual(here.sink.files.size, 0);
    },
    ask: purged,
    check: assertGone,
  });
  assert.ok(calls.writes.length > 10 && calls.others > 2);
});

Deno.test("a user in use is not purged; one whose deletion is under way is", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await assert.rejects(
    waited(here, program.manager.purgeUser("ada", PATIENT)),
    { name: "ManagerError", code: "wrong_state" },
  );
  await program.manager.deleteUser("ada");
  await here.clock.advance(100);
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  await waited(here, program.operations.run("ada"));
  await assertGone(here, program, "");
});

Deno.test("a purge takes snapshots with it, and nobody else's", async () => {
  const here = await world({ settings: { snapshotClass: "snapshots" } });
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.createUser("eve", { tier: "free", ...PATIENT }));
  for (const user of ["ada", "eve"]) {
    await waited(here, program.manager.backupUser(user, { method: "snapshot", ...PATIENT }));
  }
  await deleted(here, program);
  assert.equal(here.cluster.all(CONTENT).length, 2);
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  assert.equal(await recordOf(program), undefined);
  assert.equal(here.cluster.all(CONTENT).length, 1);
  assert.notEqual(here.brains.running("user-eve"), undefined);
});

Deno.test("after a purge the same id is a new user, with nothing of the former one", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  const before = await recordOf(program);
  await deleted(here, program);
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  await signedUp(here, program);
  assert.notEqual((await recordOf(program))?.life, before?.life);
  assert.deepEqual([...here.brains.running(HIS) ?? ["none"]], []);
});

Deno.test("the volume is its driver's to destroy, also one that was reserved for a claim that never came", async () => {
  for (const isReserved of [false, true]) {
    const here = await world();
    const program = here.start("one");
    await settled(here, program);
    await deleted(here, program);
    const [volume = assert.fail()] = here.cluster.all(VOLUME);
    const { name } = volume.metadata;
    if (isReserved) {
      here.cluster.edit({ ...VOLUME, name }, (object) => ({
        ...object,
        spec: {
          ...Object(object["spec"]),
          claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: HIS, name: "x" },
        },
      }));
      await here.clock.advance(1_000);
      const reserved = here.cluster.peek({ ...VOLUME, name });
      assert.deepEqual(reserved?.["status"], { phase: "Available" });
    }
    let deletions = 0;
    here.cluster.faults = {
      before: ({ verb, ref }) => {
        if (verb === "delete" && ref?.kind === VOLUME.kind) deletions++;
      },
    };
    await waited(here, program.manager.purgeUser("ada", PATIENT));
    await assertGone(here, program, `reserved: ${isReserved}`);
    assert.equal(deletions, 0, "who deletes the object leaves the storage behind");
  }
});

Deno.test("a purge that cut off a deletion and failed can be asked for again", async () => {
  const here = await world();
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.backupUser("ada", PATIENT));
  await program.manager.deleteUser("ada");
  await here.clock.advance(100);
  here.sink.fault = (call) => call === "delete" ? "full" : undefined;
  await assert.rejects(waited(here, program.manager.purgeUser("ada", PATIENT)), {
    name: "ManagerError",
  });
  const record = await recordOf(program);
  assert.deepEqual([record?.state, record?.operation], ["deleted", null]);
  await assert.rejects(program.manager.undeleteUser("ada"), { code: "no_such_user" });
  here.sink.fault = () => undefined;
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  await assertGone(here, program, "");
});

Deno.test("snapshots go before the volume, which some drivers keep as long as they are there", async () => {
  const here = await world({ settings: { snapshotClass: "snapshots" } });
  const program = here.start("one");
  await settled(here, program);
  await waited(here, program.manager.backupUser("ada", { method: "snapshot", ...PATIENT }));
  await deleted(here, program);
  const left: number[] = [];
  here.cluster.faults = {
    before: ({ verb, ref }) => {
      if (verb === "patch" && ref?.kind === VOLUME.kind) {
        left.push(here.cluster.all(CONTENT).length);
      }
    },
  };
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  await assertGone(here, program, "");
  assert.deepEqual(left, [0]);
});
