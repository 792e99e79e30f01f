/** Another tier: in place, with another pod, refused, and back where it cannot be. */
import assert from "node:assert/strict";
import type { Outcome } from "../src/manager/brain_manager.ts";
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
import { at, treesAt } from "./manager/simulated_cluster_tree.ts";
import { stateOf } from "./manager/world_state.ts";

const POD = { apiVersion: "v1", kind: "Pod", namespace: "user-ada", name: "brain-0" } as const;
const CLAIM = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  namespace: "user-ada",
  name: "data-1",
} as const;

function upgrade(
  here: World,
  { manager }: Program,
  tier: "free" | "pro" | "enterprise",
  options: { allowRestart?: boolean; dryRun?: boolean } = {},
): Promise<Outcome> {
  return waited(here, manager.upgradeUser("ada", { tier, ...options, ...PATIENT }));
}

function memoryLimit({ cluster }: World): unknown {
  return at(treesAt(cluster.peek(POD), "spec", "containers")[0], "resources", "limits", "memory");
}

/** Asks until it is over, past the time of one wait. */
async function ended(here: World, program: Program): Promise<void> {
  for (let minutes = 0; (await recordOf(program))?.operation !== null; minutes++) {
    assert.ok(minutes < 60);
    await here.clock.advance(60_000);
  }
}

Deno.test("where the server can, the pod grows as it is, and its storage before it", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const before = here.cluster.peek(POD)?.metadata.uid;
  const { outcome, user } = await upgrade(here, program, "pro");
  assert.deepEqual([outcome, user?.tier, user?.state], ["done", "pro", "running"]);
  assert.equal(here.cluster.peek(POD)?.metadata.uid, before);
  assert.equal(memoryLimit(here), "4Gi");
  assert.equal(at(here.cluster.peek(CLAIM), "status", "capacity", "storage"), "10Gi");
  assert.equal((await upgrade(here, program, "pro")).outcome, "same");
});

Deno.test("where it cannot, or more changes than its size, the pod is replaced once", async () => {
  for (const [resize, from, to] of [[false, "free", "pro"], [true, "pro", "enterprise"]] as const) {
    // The controller is slow to see a change: until then, pods are made of the former template.
    const here = await world({ cluster: { resize, delays: { controllerMs: 4_000 } } });
    const program = here.start("one");
    await signedUp(here, program, "ada", from);
    const before = here.cluster.peek(POD)?.metadata.uid;
    let deleted = 0;
    here.cluster.faults = {
      before: ({ verb, ref }) => {
        if (verb === "delete" && ref?.kind === "Pod") deleted++;
      },
    };
    assert.equal((await upgrade(here, program, to)).outcome, "done");
    assert.notEqual(here.cluster.peek(POD)?.metadata.uid, before);
    assert.equal(deleted, 1);
    assert.deepEqual(here.cluster.violations, []);
  }
});

Deno.test("without leave to restart nothing is changed that takes one", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const before = stateOf(here);
  const refused = upgrade(here, program, "pro", { allowRestart: false });
  await assert.rejects(refused, refusal("restart_needed", /memory only when it starts/));
  const replaced = upgrade(here, program, "enterprise", { allowRestart: false });
  await assert.rejects(replaced, refusal("restart_needed", /pod is replaced/));
  assert.deepEqual(stateOf(here), before);
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  const outcome = await upgrade(here, program, "pro", { allowRestart: false });
  assert.equal(outcome.outcome, "done");
});

Deno.test("a tier with less room than he uses is refused; else the claim keeps its size", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program, "ada", "pro");
  const memories = here.brains.running("user-ada") ?? assert.fail();
  for (let n = 0; n < 10_001; n++) memories.set(String(n), "a");
  const before = stateOf(here);
  await assert.rejects(
    upgrade(here, program, "free"),
    refusal("storage_exceeds_tier", /10001 memories, and the tier has room for 10000/),
  );
  assert.deepEqual(stateOf(here), before);
  memories.delete("0");
  assert.equal((await upgrade(here, program, "free")).outcome, "done");
  assert.equal(at(here.cluster.peek(CLAIM), "spec", "resources", "requests", "storage"), "10Gi");
  assert.equal(memoryLimit(here), "1Gi");
  assert.equal(here.brains.running("user-ada")?.size, 10_000);
});

Deno.test("a smaller tier waits for a brain that can say what it stores", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program, "ada", "pro");
  await waited(here, program.manager.suspendUser("ada", PATIENT));
  await assert.rejects(upgrade(here, program, "free"), refusal("wrong_state", /resume him first/));
});

Deno.test("a smaller tier is asked for again once somebody has given the brain its key back", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program, "ada", "pro");
  here.cluster.remove({
    apiVersion: "v1",
    kind: "Secret",
    namespace: "user-ada",
    name: "brain-key",
  });
  await assert.rejects(upgrade(here, program, "free"), refusal("cluster_unavailable", /try again/));
});

Deno.test("a claim that was never bound is made anew in its new size", async () => {
  const here = await world({ cluster: { delays: { provisionMs: 3_600_000 } } });
  const program = here.start("one");
  await program.manager.createUser("ada", { tier: "free" });
  await ended(here, program);
  assert.equal(at(here.cluster.peek(CLAIM), "status", "phase"), "Pending");
  const before = here.cluster.peek(CLAIM)?.metadata.uid;
  await program.manager.suspendUser("ada");
  await ended(here, program);
  assert.equal((await upgrade(here, program, "pro")).outcome, "done");
  assert.notEqual(here.cluster.peek(CLAIM)?.metadata.uid, before);
  assert.equal(at(here.cluster.peek(CLAIM), "spec", "resources", "requests", "storage"), "10Gi");
});

Deno.test("a volume that never grew holds up no tier that does not need it", async () => {
  const here = await world({ cluster: { delays: { expandMs: 1_000 * 3_600_000 } } });
  const program = here.start("one");
  await signedUp(here, program, "ada", "pro");
  await program.manager.upgradeUser("ada", { tier: "enterprise" });
  await ended(here, program);
  const { tier, lastOperation } = await recordOf(program) ?? assert.fail();
  assert.deepEqual([tier, lastOperation?.failure?.code], ["pro", "rolled_back"]);
  assert.match(lastOperation?.failure?.message ?? "", /its volume to grow/);
  assert.equal((await upgrade(here, program, "free")).outcome, "done");
  assert.equal((await upgrade(here, program, "pro")).outcome, "done");
});

Deno.test("what cannot be carried out is put back as it was, and says why", async () => {
  const cases = [
    [{ allowVolumeExpansion: false }, /expan|resize/i],
    [{ node: { memoryBytes: 3 * 2 ** 30, cpuMillis: 4_000 } }, /find a place|Insufficient|room/],
    [{ node: { memoryBytes: 3 * 2 ** 30, cpuMillis: 4_000 }, resize: false }, /Insufficient/],
  ] as const;
  for (const [cluster, why] of cases) {
    const here = await world({ cluster });
    const program = here.start("one");
    await signedUp(here, program);
    await program.manager.upgradeUser("ada", { tier: "enterprise" });
    await ended(here, program);
    const record = await recordOf(program) ?? assert.fail();
    assert.deepEqual([record.tier, record.lastOperation?.outcome], ["free", "failed"]);
    assert.equal(record.lastOperation?.failure?.code, "rolled_back");
    assert.match(record.lastOperation?.failure?.message ?? "", why);
    const user = await program.manager.getUser("ada");
    assert.deepEqual([user.state, user.tier], ["running", "free"]);
    assert.equal(memoryLimit(here), "1Gi");
    assert.deepEqual(here.cluster.violations, []);
  }
});

Deno.test("what only the larger tier has goes with it", async () => {
  const names = async (tiers: readonly ["pro", ...("enterprise" | "pro")[]]) => {
    const here = await world();
    const program = here.start("one");
    await signedUp(here, program, "ada", tiers[0]);
    for (const tier of tiers.slice(1)) await upgrade(here, program, tier);
    await here.clock.advance(10_000);
    return Object.keys(stateOf(here)).filter((name) => !/^(Event|PersistentVolume) /.test(name));
  };
  assert.deepEqual(await names(["pro", "enterprise", "pro"]), await names(["pro"]));
});

Deno.test("a dry run says its steps, and changes nothing", async () => {
  const here = await world();
  const program = here.start("one");
  await signedUp(here, program);
  const before = stateOf(here);
  const { outcome, plan } = await upgrade(here, program, "pro", { dryRun: true });
  assert.deepEqual([outcome, plan], [
    "planned",
    ["widen", "try_out", "grow", "switch", "match", "settle", "grown", "shed"].map((step) =>
      `upgrade: ${step}`
    ),
  ]);
  assert.deepEqual(stateOf(here), before);
});
