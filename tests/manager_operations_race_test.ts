/** Several programs on one register, who are asked for all sorts of things at the same time. */
import assert from "node:assert/strict";
import type { Outcome } from "../src/manager/brain_manager.ts";
import { ManagerError } from "../src/manager/errors.ts";
import { below, randomOf, seed } from "./fakes/store_kit.ts";
import { type Program, recordOf, signedUp, type World, world } from "./manager/kit.ts";

const RUNS = 12;
const ROUNDS = 8;

type Ask = (program: Program) => Promise<Outcome>;

const ASKS: readonly Ask[] = [
  ({ manager }) => manager.createUser("ada", { tier: "free" }),
  ({ manager }) => manager.createUser("ada", { tier: "pro" }),
  ({ manager }) => manager.upgradeUser("ada", { tier: "pro" }),
  ({ manager }) => manager.upgradeUser("ada", { tier: "free" }),
  ({ manager }) => manager.upgradeUser("ada", { tier: "enterprise" }),
  ({ manager }) => manager.suspendUser("ada"),
  ({ manager }) => manager.resumeUser("ada"),
  ({ manager }) => manager.restartUser("ada"),
  ({ manager }) => manager.rotateKey("ada", { graceSeconds: 60 }),
];

/** Refusals are as good an answer as any; what is not one of ours is a mistake. */
async function asked(work: Promise<Outcome>): Promise<string> {
  try {
    return (await work).outcome;
  } catch (error) {
    if (error instanceof ManagerError && error.code !== "internal") return error.code;
    throw error;
  }
}

/** Each call of each program takes a while of its own, so that they come in any order. */
function jitter({ clock, cluster }: World, random: () => number): void {
  const pause = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(below(random, 300), resolve);
    return promise;
  };
  cluster.faults = { before: pause, after: pause };
}

Deno.test("the same verb of two programs at once is one operation", async () => {
  for (let run = 0; run < RUNS; run++) {
    const here = await world({ seed: seed + run });
    const programs = [here.start("one"), here.start("two")];
    jitter(here, randomOf(seed + run));
    const work = Promise.all(
      programs.map((program) => program.manager.createUser("ada", { tier: "free" })),
    );
    await here.clock.until(work);
    const [one, two] = await work;
    assert.equal(one?.operation?.id, two?.operation?.id, `seed ${seed + run}`);
    await here.clock.advance(120_000);
    for (const { manager } of programs) {
      const shown = manager.getUser("ada");
      await here.clock.until(shown);
      assert.equal((await shown).state, "running");
    }
    assert.deepEqual(here.cluster.violations, []);
  }
});

Deno.test("whatever is asked of whom, it comes to an end that the record and the cluster share", async () => {
  for (let run = 0; run < RUNS; run++) {
    const random = randomOf(seed + run);
    const here = await world({ seed: seed + run });
    const programs = [here.start("one"), here.start("two"), here.start("three")];
    const [first] = programs;
    await signedUp(here, first ?? assert.fail());
    jitter(here, random);
    for (let round = 0; round < ROUNDS; round++) {
      const work = Promise.all(programs.map((program) => {
        const ask = ASKS[below(random, ASKS.length)] ?? assert.fail();
        return asked(ask(program));
      }));
      await here.clock.until(work);
      await work;
      await here.clock.advance(below(random, 20_000));
    }
    here.cluster.faults = {};
    await here.clock.advance(300_000);
    await agree(here, first ?? assert.fail(), `seed ${seed + run}`);
  }
});

async function agree(here: World, program: Program, said: string): Promise<void> {
  const record = await recordOf(program);
  assert.equal(record?.operation, null, said);
  const { state, tier } = await program.manager.getUser("ada");
  const isActive = record?.state === "active";
  assert.deepEqual([state, tier], [isActive ? "running" : "suspended", record?.tier], said);
  const set = { apiVersion: "apps/v1", kind: "StatefulSet", namespace: "user-ada", name: "brain" };
  const labels = here.cluster.peek(set)?.metadata.labels;
  assert.equal(labels?.["second-brain/tier"], record?.tier, said);
  assert.deepEqual(here.cluster.violations, [], said);
}
