/** What a restore replaced, or did not come to fill: kept as long as was said, and then gone. */
import assert from "node:assert/strict";
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

const NAMESPACE = { apiVersion: "v1", kind: "Namespace" } as const;
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim" } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const HIS = "user-ada";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const THEN = [["1", "the fence gets cedar posts"]];
const SINCE = [["1", "the fence is gone"]];

async function changed(): Promise<{ here: World; program: Program; reconciler: Reconciler }> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  await waited(here, program.manager.backupUser("ada", PATIENT));
  here.brains.running(HIS)?.set("1", "the fence is gone");
  const { settings, clock } = here;
  const reconciler = new Reconciler({
    ...program,
    settings,
    clock,
    random: () => 0.5,
    log: () => {},
  });
  return { here, program, reconciler };
}

async function restored(here: World, program: Program): Promise<void> {
  const backup = (await recordOf(program))?.lastBackup?.id ?? assert.fail();
  await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
}

function disks(here: World): string[][][] {
  return here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined)
    .map((disk) => [...memoriesOn(disk)]);
}

function claims(here: World): string[] {
  return here.cluster.all(CLAIM, { namespace: HIS }).map(({ metadata: { name } }) => name);
}

async function kept(program: Program): Promise<[claims: number, volumes: number]> {
  const record = await recordOf(program) ?? assert.fail();
  return [record.keptClaims.length, record.keptVolumes.length];
}

Deno.test("the claim that a restore replaced goes after a week", async () => {
  const { here, program, reconciler } = await changed();
  await restored(here, program);
  await waited(here, reconciler.pass());
  assert.deepEqual(claims(here), ["data-1", "data-2"]);
  await here.clock.leap(7 * DAY_MS);
  await waited(here, reconciler.pass());
  await here.clock.advance(MINUTE_MS);
  await reconciler.stop();
  assert.deepEqual([await kept(program), claims(here)], [[0, 0], ["data-2"]]);
  assert.deepEqual(disks(here), [THEN]);
});

Deno.test("a lost namespace takes nothing with it of what a restore replaced, until its week is over", async () => {
  const { here, program, reconciler } = await changed();
  await restored(here, program);
  here.cluster.remove({ ...NAMESPACE, name: HIS });
  reconciler.start();
  await here.clock.advance(10 * MINUTE_MS);
  assert.deepEqual([...here.brains.running(HIS) ?? []], THEN);
  assert.deepEqual(disks(here), [SINCE, THEN]);
  assert.deepEqual([await kept(program), claims(here)], [[0, 1], ["data-2"]]);
  await here.clock.leap(7 * DAY_MS);
  await here.clock.advance(20 * MINUTE_MS);
  await reconciler.stop();
  await program.operations.stop();
  assert.deepEqual([await kept(program), disks(here)], [[0, 0], [THEN]]);
  assert.deepEqual(here.cluster.violations, []);
});

Deno.test("a volume that somebody has bound again is his to keep", async () => {
  const { here, program, reconciler } = await changed();
  await restored(here, program);
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  const [{ name } = assert.fail()] = (await recordOf(program))?.keptVolumes ?? [];
  const claimRef = { ...CLAIM, namespace: HIS, name: "mine" };
  here.cluster.edit({ ...VOLUME, name }, (object) => ({
    ...object,
    spec: { ...Object(object["spec"]), claimRef },
  }));
  await here.cluster.create({
    ...CLAIM,
    metadata: { name: "mine", namespace: HIS },
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "standard",
      volumeName: name,
      resources: { requests: { storage: "1Gi" } },
    },
  });
  await here.clock.advance(MINUTE_MS);
  assert.deepEqual(here.cluster.peek({ ...VOLUME, name })?.["status"], { phase: "Bound" });
  await here.clock.leap(8 * DAY_MS);
  await waited(here, reconciler.pass());
  await reconciler.stop();
  assert.deepEqual([await kept(program), disks(here)], [[0, 0], [SINCE, THEN]]);
});

Deno.test("a deleted user's former volumes are kept with his own, and purged with it", async () => {
  const { here, program } = await changed();
  await restored(here, program);
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  assert.deepEqual([await kept(program), disks(here)], [[0, 1], [SINCE, THEN]]);
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  assert.deepEqual([await recordOf(program), disks(here)], [undefined, []]);
});

Deno.test("a claim that a failed restore could not drop goes with the next one, or in time", async () => {
  for (const isRestoredAgain of [false, true]) {
    const { here, program, reconciler } = await changed();
    here.brains.fault = (call) => {
      if (call === "import") throw new Error("not yet");
    };
    await assert.rejects(restored(here, program), { name: "ManagerError" });
    here.brains.fault = () => {};
    const { metadata, ...claim } =
      here.cluster.peek({ ...CLAIM, namespace: HIS, name: "data-1" }) ??
        assert.fail();
    const { labels, finalizers } = metadata;
    const spec = { ...Object(claim["spec"]), volumeName: undefined };
    await here.cluster.create({
      ...CLAIM,
      metadata: { name: "data-2", namespace: HIS, labels, finalizers },
      spec,
    });
    if (isRestoredAgain) await restored(here, program);
    else {
      await waited(here, reconciler.pass());
      await here.clock.advance(MINUTE_MS);
      await reconciler.stop();
    }
    assert.deepEqual(claims(here), isRestoredAgain ? ["data-1", "data-3"] : ["data-1"]);
    assert.deepEqual([...here.brains.running(HIS) ?? []], isRestoredAgain ? THEN : SINCE);
    assert.deepEqual(here.cluster.violations, []);
  }
});
