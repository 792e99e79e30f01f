/** The loop: what others changed is put right, and what has become due is done, for each by himself. */
import assert from "node:assert/strict";
import { Reconciler } from "../src/manager/reconciler.ts";
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
const SET = { apiVersion: "apps/v1", kind: "StatefulSet", name: "brain" } as const;
const HIS = "user-ada";
const MEMORIES = [["1", "the fence gets cedar posts"], ["2", "ada likes tea"]];
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function reconcilerOf(here: World, program: Program): Reconciler {
  return new Reconciler({
    ...program,
    settings: here.settings,
    clock: here.clock,
    random: () => 0.5,
    log: (level, event, detail = {}) => program.log.push({ level, event, detail }),
  });
}

/** A user with two memories, and a loop that has not begun. */
async function settled(): Promise<{ here: World; program: Program; reconciler: Reconciler }> {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  for (const [id = "", text = ""] of MEMORIES) here.brains.running(HIS)?.set(id, text);
  return { here, program, reconciler: reconcilerOf(here, program) };
}

/** Passes until nothing is left to be waited for. */
async function settle(here: World, reconciler: Reconciler): Promise<void> {
  await waited(here, reconciler.pass());
  await here.clock.advance(MINUTE_MS);
}

function events(program: Program): string[] {
  return program.log.map(({ event }) => event);
}

Deno.test("a user who has all he should is not touched", async () => {
  const { here, program, reconciler } = await settled();
  const writes: string[] = [];
  here.cluster.faults = {
    before: ({ verb, ref }) => {
      if (!["get", "list", "capabilities"].includes(verb)) writes.push(`${verb} ${ref?.kind}`);
    },
  };
  await settle(here, reconciler);
  assert.deepEqual(writes, []);
  assert.deepEqual(events(program).filter((event) => event !== "operation_ended"), []);
  const { stats } = reconciler;
  assert.deepEqual(
    { ...stats, users: [...stats.users], operations: [...stats.operations] },
    {
      users: [["free/active", 1]],
      passes: 1,
      queued: 0,
      running: 0,
      repairs: 0,
      failures: 0,
      operations: [],
      orphans: [],
      oldestBackupS: stats.oldestBackupS,
    },
  );
});

Deno.test("what somebody changed or deleted is put right, and counted", async () => {
  const { here, reconciler } = await settled();
  const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
  const [wall] = here.cluster.all(policy, { namespace: HIS });
  here.cluster.remove({ ...policy, namespace: HIS, name: wall?.metadata.name ?? "" });
  here.cluster.edit({ ...SET, namespace: HIS }, (object) => ({
    ...object,
    spec: { ...Object(object["spec"]), replicas: 0 },
  }));
  await settle(here, reconciler);
  assert.equal(reconciler.stats.repairs, 1);
  assert.equal(here.cluster.all(policy, { namespace: HIS }).length, 1);
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
});

Deno.test("an operation under way is carried on, not fought", async () => {
  const { here, program, reconciler } = await settled();
  // The program that began it dies at once.
  program.cluster.calls = 0;
  program.cluster.death = { call: 3, effect: "had" };
  program.manager.suspendUser("ada").catch(() => {});
  await here.clock.advance(1_000);
  assert.ok(program.cluster.isDead);
  await reconciler.stop();
  const second = here.start("two");
  const other = reconcilerOf(here, second);
  await waited(here, other.pass());
  await here.clock.advance(45_000);
  const record = await recordOf(second);
  assert.deepEqual([record?.state, record?.operation], ["suspended", null]);
  assert.equal(other.stats.repairs, 0);
  await other.stop();
});

async function assertBack(here: World, program: Program): Promise<void> {
  const record = await recordOf(program);
  assert.deepEqual([record?.state, record?.volume], ["active", null]);
  assert.deepEqual([...here.brains.running(HIS) ?? []], MEMORIES);
  assert.equal(here.cluster.volumes().length, 1);
  assert.deepEqual(here.cluster.violations, []);
}

Deno.test("a namespace that somebody deleted comes back, with all memories", async () => {
  const { here, program, reconciler } = await settled();
  here.cluster.remove({ ...NAMESPACE, name: HIS });
  reconciler.start();
  await here.clock.advance(2 * MINUTE_MS);
  await reconciler.stop();
  await assertBack(here, program);
  assert.ok(events(program).includes("volume_set_aside"));
});

Deno.test("a namespace that is deleted while nobody looks comes back with the next pass", async () => {
  const { here, program, reconciler } = await settled();
  here.cluster.remove({ ...NAMESPACE, name: HIS });
  await here.clock.advance(10 * MINUTE_MS);
  assert.notEqual(here.cluster.peek({ ...CLAIM, namespace: HIS, name: "data-1" }), undefined);
  await settle(here, reconciler);
  await assertBack(here, program);
  await reconciler.stop();
});

Deno.test("a claim that somebody deleted is bound again to the same volume", async () => {
  const { here, program, reconciler } = await settled();
  here.cluster.remove({ ...CLAIM, namespace: HIS, name: "data-1" });
  reconciler.start();
  await here.clock.advance(2 * MINUTE_MS);
  await here.clock.advance(10 * MINUTE_MS);
  await reconciler.stop();
  await assertBack(here, program);
});

/** False where it never came to that call. */
async function diesAt(call: number, effect: "none" | "had"): Promise<boolean> {
  const { here, program, reconciler } = await settled();
  here.cluster.remove({ ...NAMESPACE, name: HIS });
  program.cluster.calls = 0;
  program.cluster.death = { call, effect };
  void reconciler.pass();
  await here.clock.advance(MINUTE_MS);
  if (!program.cluster.isDead) {
    await reconciler.stop();
    return false;
  }
  const second = here.start("two");
  const other = reconcilerOf(here, second);
  await settle(here, other);
  await assertBack(here, second);
  await other.stop();
  return true;
}

Deno.test("wherever its program dies, a lost namespace comes back with its memories", async () => {
  for (const effect of ["none", "had"] as const) {
    let calls = 0;
    while (await diesAt(calls, effect)) calls++;
    assert.ok(calls > 30, String(calls));
  }
});

Deno.test("the data of one whose volume is lost is not replaced by an empty brain", async () => {
  const { here, program, reconciler } = await settled();
  const ref = { ...CLAIM, namespace: HIS, name: "data-1" };
  here.cluster.edit(ref, (object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: [] },
  }));
  here.cluster.remove({ ...SET, namespace: HIS });
  await here.clock.advance(5_000);
  here.cluster.remove(ref);
  await here.clock.advance(5_000);
  assert.equal(here.cluster.peek(ref), undefined);
  await settle(here, reconciler);
  assert.equal(here.cluster.peek(ref), undefined);
  assert.ok(reconciler.stats.failures > 0);
  assert.ok(events(program).includes("look_failed"));
  await reconciler.stop();
});

Deno.test("one backup is made for all that were missed, by plan, and old ones go", async () => {
  const { here, program, reconciler } = await settled();
  await here.clock.leap(50 * HOUR_MS);
  const { signal } = new AbortController();
  await settle(here, reconciler);
  await settle(here, reconciler);
  assert.equal((await program.manager.listBackups("ada", signal)).backups.length, 1);
  for (let day = 0; day < 9; day++) {
    await here.clock.leap(24 * HOUR_MS);
    await settle(here, reconciler);
  }
  assert.equal((await program.manager.listBackups("ada", signal)).backups.length, 7);
  await reconciler.stop();
});

Deno.test("the key before the last rotation is let in until its grace is over", async () => {
  const { here, program, reconciler } = await settled();
  const outcome = await waited(
    here,
    program.manager.createUser("ada", { tier: "free", withKey: true }),
  );
  const old = { url: "http://brain.user-ada.svc:8000", key: outcome.key ?? "" };
  await waited(here, program.manager.rotateKey("ada", { graceSeconds: 600, ...PATIENT }));
  const { signal } = new AbortController();
  await settle(here, reconciler);
  assert.equal((await here.brains.stats(old, signal)).memories, 2);
  await here.clock.advance(10 * MINUTE_MS);
  await settle(here, reconciler);
  await assert.rejects(here.brains.stats(old, signal), { fault: "refused" });
  assert.equal((await recordOf(program))?.previousKeyUntil, null);
  await reconciler.stop();
});

Deno.test("a namespace of ours without a record is reported, and left alone", async () => {
  const { here, reconciler } = await settled();
  const labels = here.cluster.peek({ ...NAMESPACE, name: HIS })?.metadata.labels ?? {};
  await here.cluster.create({
    ...NAMESPACE,
    metadata: { name: "user-nobody", labels: { ...labels, "second-brain/life": "unknown" } },
  });
  await settle(here, reconciler);
  assert.deepEqual(reconciler.stats.orphans, ["user-nobody"]);
  assert.notEqual(here.cluster.peek({ ...NAMESPACE, name: "user-nobody" }), undefined);
  await reconciler.stop();
});

Deno.test("one broken user holds up nobody, and is looked at ever more rarely", async () => {
  const { here, program, reconciler } = await settled();
  await waited(here, program.manager.createUser("eve", { tier: "free", ...PATIENT }));
  let looks = 0;
  here.cluster.faults = {
    before: ({ ref }) => {
      if (ref?.name !== HIS && ref?.namespace !== HIS) return;
      if (ref?.kind === "ConfigMap") looks++;
      throw new Error("broken");
    },
  };
  here.cluster.remove({ ...SET, namespace: "user-eve" });
  reconciler.start();
  await here.clock.advance(5 * MINUTE_MS);
  const early = looks;
  await here.clock.advance(55 * MINUTE_MS);
  await reconciler.stop();
  assert.notEqual(here.brains.running("user-eve"), undefined);
  assert.ok(early >= 5 && looks - early <= 12, `${early} and ${looks - early}`);
});
