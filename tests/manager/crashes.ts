/**
 * Dies at every call of a verb, one after another, before and after the call had its effect, and has
 * another program go on: what is there in the end must be what it is without a crash.
 */
import assert from "node:assert/strict";
import type { Outcome } from "../../src/manager/brain_manager.ts";
import { ManagerError } from "../../src/manager/errors.ts";
import { below, randomOf, seed } from "../fakes/store_kit.ts";
import { type Program, waited, type World } from "./kit.ts";
import type { MortalCluster } from "./mortal_cluster.ts";
import { stateOf } from "./world_state.ts";

export interface Crashing {
  /** Made anew for every crash; the same each time. */
  readonly world: () => Promise<World>;
  /** What is there before the verb. */
  readonly before: (world: World, program: Program) => Promise<unknown>;
  /** Asked again by every program, in the same words. */
  readonly ask: (program: Program) => Promise<Outcome>;
  /** How it ends without a crash: its outcome, or the code that it fails with. */
  readonly ends: string;
  /** Of writes chosen by the seed, so many; left out: at every call. */
  readonly sample?: number | undefined;
}

/** How many calls there were to die at. */
export async function dieEverywhere(crashing: Crashing): Promise<number> {
  const { state, calls, writes } = await undisturbed(crashing);
  const all = Array.from({ length: calls }, (_, call) => call);
  for (const call of crashing.sample === undefined ? all : sampled(writes, crashing.sample)) {
    for (const effect of ["none", "had"] as const) {
      if (effect === "had" && !writes.has(call)) continue;
      const here = await crashing.world();
      const first = here.start("first");
      await crashing.before(here, first);
      die(first.cluster, call, effect);
      // It never comes back, as its program does not.
      crashing.ask(first).catch(() => {});
      await here.clock.advance(120_000);
      const second = here.start("second");
      await end(here, second, crashing);
      await here.clock.advance(30_000);
      assert.deepEqual(
        stateOf(here),
        state,
        `died at call ${call}, effect ${effect}, seed ${seed}`,
      );
      assert.deepEqual(here.cluster.violations, []);
    }
  }
  return calls;
}

function sampled(writes: ReadonlySet<number>, most: number): number[] {
  const random = randomOf(seed);
  const left = [...writes];
  return Array.from({ length: most }, () => left.splice(below(random, left.length), 1)).flat();
}

function die(cluster: MortalCluster, call: number, effect: "none" | "had"): void {
  cluster.calls = 0;
  cluster.death = { call, effect };
}

async function undisturbed(
  crashing: Crashing,
): Promise<{ state: unknown; calls: number; writes: ReadonlySet<number> }> {
  const here = await crashing.world();
  const program = here.start("first");
  await crashing.before(here, program);
  program.cluster.calls = 0;
  program.cluster.writes.clear();
  assert.equal(await end(here, program, crashing), crashing.ends);
  const { calls } = program.cluster;
  const writes = new Set(program.cluster.writes);
  await here.clock.advance(150_000);
  return { state: stateOf(here), calls, writes };
}

/** A client asks until it is over; that it failed is an end, too. */
async function end(here: World, program: Program, { ask }: Crashing): Promise<string> {
  for (let asked = 0; asked < 60; asked++) {
    try {
      const { outcome } = await waited(here, ask(program));
      if (outcome !== "under_way") return outcome;
    } catch (error) {
      if (!(error instanceof ManagerError)) throw error;
      if (error.code !== "operation_under_way") return error.code;
      await here.clock.advance(1_000);
    }
  }
  return assert.fail("it does not come to an end");
}
