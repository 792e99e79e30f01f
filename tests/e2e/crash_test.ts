/**
 * Killed again and again in the midst of its work. `deno task torture --only kills` makes it a long
 * night; E2E_SEED repeats the choices of a run (though not the very moment of its kills).
 */
import assert from "node:assert/strict";
import { dieOften, killing } from "./deaths.ts";
import { Place } from "./program.ts";

const KILLS = Number(Deno.env.get("E2E_CRASH_ROUNDS") ?? 40);
const SEED = Number(Deno.env.get("E2E_SEED") ?? Math.floor(Math.random() * 2 ** 31));

Deno.test("no acknowledged write is lost and no deleted memory comes back, however often it is killed", async () => {
  await using place = new Place();
  console.log(`E2E_SEED=${SEED}, ${KILLS} kills`);
  const tally = await dieOften(killing(place), { seed: SEED, deaths: KILLS });
  console.log(JSON.stringify({ ...tally, readyMs: Math.round(Math.max(...tally.readyMs)) }));
  assert.ok(tally.acknowledged > 0);
});
