/**
 * Many users on a simulated cluster with bad days, and all that was promised to each of them. For
 * longer: `deno task torture --only manager`, or `MANAGER_USERS=10000 deno test -A` and this file.
 */
import assert from "node:assert/strict";
import { seed as drawn } from "./fakes/store_kit.ts";
import { Simulation } from "./manager/simulation.ts";
import { costText, measure } from "./manager/simulation_cost.ts";

const USERS = 120;
/** Of more users, each does less. */
const MOST_ACTS = 40_000;

/** The short form is the same each time; other seeds are for the long one, and for whoever asks. */
const SEED = 20261122;

const seed = Deno.env.has("TEST_SEED") || Deno.env.has("MANAGER_USERS") ? drawn : SEED;
const users = Number(Deno.env.get("MANAGER_USERS") ?? USERS);
const acts = Math.min(12, MOST_ACTS / users);

Deno.test(`${users} users, seed ${seed}: nothing is lost, and all of it agrees`, async () => {
  const progress = users > USERS ? console.log : () => {};
  const simulation = new Simulation({ users, seed, acts, progress });
  const problems = await simulation.run();
  const again = `TEST_SEED=${seed} MANAGER_USERS=${users}`;
  assert.deepEqual(problems.slice(0, 20), [], again);
  console.log(`${again}\n${simulation.summary()}\n${costText(await measure(simulation))}`);
  simulation.end();
});
