/** Nobody who had data is given an empty volume, whatever happened to his claim. */
import assert from "node:assert/strict";
import type { BrainManager } from "../src/manager/brain_manager.ts";
import type { KubeObject } from "../src/manager/kube_object.ts";
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
  type WorldOptions,
} from "./manager/kit.ts";
import { at, treeAt } from "./manager/simulated_cluster_tree.ts";

const HIS = "user-ada";
const MEMORIES = [["1", "the fence gets cedar posts"]];
const NAMESPACE = { apiVersion: "v1", kind: "Namespace", name: HIS } as const;
const VOLUME = { apiVersion: "v1", kind: "PersistentVolume" } as const;
const CLAIM = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: HIS } as const;
const FIRST = { ...CLAIM, name: "data-1" } as const;

/** A user with a memory, and a backup of it. */
async function remembering(options?: WorldOptions) {
  const here = await world(options);
  const program = here.start("one");
  await signedUp(here, program);
  here.brains.running(HIS)?.set("1", "the fence gets cedar posts");
  await waited(here, program.manager.backupUser("ada", PATIENT));
  const backup = (await recordOf(program))?.lastBackup?.id ?? assert.fail("no backup");
  return { here, program, backup };
}

function reconcilerOf({ settings, clock }: World, program: Program): Reconciler {
  return new Reconciler({ ...program, settings, clock, random: () => 0.5, log: () => {} });
}

/** Somebody takes the finalizer off, and deletes it. */
async function loseClaim({ cluster, clock }: World): Promise<void> {
  cluster.edit(FIRST, (claim) => ({
    ...claim,
    metadata: { ...claim.metadata, finalizers: [] },
  }));
  cluster.remove(FIRST);
  cluster.remove({ apiVersion: "v1", kind: "Pod", namespace: HIS, name: "brain-0" });
  await clock.advance(10_000);
  assert.equal(cluster.peek(FIRST), undefined);
}

/** Somebody deletes the volume, and the claim is left. */
async function loseVolume({ cluster, clock }: World): Promise<void> {
  const [name = ""] = cluster.all(VOLUME).map(({ metadata }) => metadata.name);
  const strip = (object: KubeObject) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: [] },
  });
  cluster.edit({ ...VOLUME, name }, strip);
  cluster.remove({ ...VOLUME, name });
  // It is looked at when it changes.
  const annotations = { "of-the-test": "touched" };
  cluster.edit(FIRST, (claim) => ({ ...claim, metadata: { ...claim.metadata, annotations } }));
  await clock.advance(5_000);
  assert.equal(at(cluster.peek(FIRST), "status", "phase"), "Lost");
}

const VERBS: Readonly<Record<string, (manager: BrainManager) => Promise<unknown>>> = {
  restart: (manager) => manager.restartUser("ada", PATIENT),
  upgrade: (manager) => manager.upgradeUser("ada", { tier: "pro", ...PATIENT }),
  rotate: (manager) => manager.rotateKey("ada", PATIENT),
};

for (const [verb, ask] of Object.entries(VERBS)) {
  Deno.test(`${verb} of one whose claim is lost gives him no empty brain; a restore helps`, async () => {
    const { here, program, backup } = await remembering();
    await loseClaim(here);
    await waited(here, ask(program.manager)).catch(() => {});
    await here.clock.advance(3 * 3_600_000);
    assert.equal(here.cluster.peek(FIRST), undefined);
    const { operation, lastOperation } = await recordOf(program) ?? assert.fail();
    assert.equal(operation, null);
    if (lastOperation?.failure !== null) {
      assert.match(lastOperation?.failure.message ?? "", /restore a backup/);
    }
    await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
    assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  });
}

Deno.test("a suspended one whose claim is lost is not resumed empty", async () => {
  const { here, program } = await remembering();
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  await loseClaim(here);
  const resumed = waited(here, program.manager.resumeUser("ada", PATIENT));
  await assert.rejects(resumed, refusal("wrong_state", /restore a backup/));
  assert.equal(here.cluster.peek(FIRST), undefined);
});

Deno.test("a claim that lost its volume is not made anew by an upgrade", async () => {
  const { here, program } = await remembering();
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  await loseVolume(here);
  const { uid } = here.cluster.peek(FIRST)?.metadata ?? {};
  await waited(here, program.manager.upgradeUser("ada", { tier: "pro", ...PATIENT }))
    .catch(() => {});
  await here.clock.advance(20 * 60_000);
  assert.equal(here.cluster.peek(FIRST)?.metadata.uid, uid);
  assert.equal((await recordOf(program))?.tier, "free");
});

Deno.test("a volume that is larger than what was asked for comes back", async () => {
  const { here, program } = await remembering();
  const [name = ""] = here.cluster.all(VOLUME).map(({ metadata }) => metadata.name);
  here.cluster.edit({ ...VOLUME, name }, (volume) => ({
    ...volume,
    spec: { ...treeAt(volume, "spec"), capacity: { storage: "20Gi" } },
  }));
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  const { outcome } = await waited(here, program.manager.undeleteUser("ada", PATIENT));
  assert.equal(outcome, "done");
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  assert.equal(
    at(here.cluster.peek(FIRST), "spec", "resources", "requests", "storage"),
    "1073741824",
  );
});

Deno.test("a namespace that somebody makes just when his is brought back is left alone", async () => {
  const { here, program } = await remembering();
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  const foreign = { apiVersion: "v1", kind: "Namespace", metadata: { name: HIS } };
  here.cluster.faults = {
    before: async ({ verb, ref }) => {
      if (ref?.kind !== "Namespace" || !["create", "apply"].includes(verb)) return;
      here.cluster.faults = {};
      await here.cluster.create(foreign);
    },
  };
  const undeleted = waited(here, program.manager.undeleteUser("ada", PATIENT));
  await assert.rejects(undeleted, refusal("rolled_back", /not this user's/));
  assert.equal(here.cluster.peek(NAMESPACE)?.metadata.labels?.["second-brain/life"], undefined);
});

/** A user whose volume was kept once, and whose claim went in another way since. */
async function withLooseVolume() {
  const { here, program, backup } = await remembering();
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  await waited(here, program.manager.undeleteUser("ada", PATIENT));
  await loseClaim(here);
  return { here, program, backup };
}

Deno.test("a volume that was kept before its claim was lost is found again by the loop", async () => {
  const { here, program } = await withLooseVolume();
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await here.clock.advance(10 * 60_000);
  await reconciler.stop();
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  assert.equal((await recordOf(program))?.volume, null);
});

Deno.test("a restore does not mind a volume that lies about, and a purge destroys it", async () => {
  const { here, program, backup } = await withLooseVolume();
  await waited(here, program.manager.restoreUser("ada", { backup, ...PATIENT }));
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  await waited(here, program.manager.deleteUser("ada", PATIENT));
  await waited(here, program.manager.purgeUser("ada", PATIENT));
  await here.clock.advance(60_000);
  assert.equal(await recordOf(program), undefined);
  const left = here.cluster.volumes().filter(({ destroyed }) => destroyed === undefined);
  assert.deepEqual(left.map(({ name }) => name), []);
});

Deno.test("a claim that somebody deletes is taken care of at once, not with the next pass", async () => {
  const { here, program } = await remembering();
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  const reconciler = reconcilerOf(here, program);
  reconciler.start();
  await here.clock.advance(30_000);
  here.cluster.remove(FIRST);
  await here.clock.advance(20_000);
  await reconciler.stop();
  assert.equal(at(here.cluster.peek(FIRST), "metadata", "deletionTimestamp"), undefined);
  assert.equal(at(here.cluster.peek(FIRST), "status", "phase"), "Bound");
  assert.equal((await recordOf(program))?.volume, null);
  await waited(here, program.manager.resumeUser("ada", PATIENT));
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
});
