/**
 * Killed again and again in the midst of its work, and stopped for a while. `deno task torture
 * --only kills` makes it a long night; E2E_SEED repeats the choices of a run (though not the very
 * moment of its kills), E2E_STOPPED_MS makes the stop a longer one.
 */
import assert from "node:assert/strict";
import { Trial } from "./crash_trial.ts";
import { dieOften, killing } from "./deaths.ts";
import { Place, type Program } from "./program.ts";

const KILLS = Number(Deno.env.get("E2E_CRASH_ROUNDS") ?? 25);
const SEED = Number(Deno.env.get("E2E_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const STOPPED_MS = Number(Deno.env.get("E2E_STOPPED_MS") ?? 1_500);
const SAME = 100;

Deno.test("no acknowledged write is lost and no deleted memory comes back, however often it is killed", async () => {
  await using place = new Place();
  console.log(`E2E_SEED=${SEED}, ${KILLS} kills`);
  const tally = await dieOften(killing(place), { seed: SEED, deaths: KILLS });
  console.log(JSON.stringify({ ...tally, readyMs: Math.round(Math.max(...tally.readyMs)) }));
  assert.ok(tally.acknowledged > 0);
});

Deno.test("a process that is stopped under load, and goes on later, goes on as if nothing had been", async () => {
  await using place = new Place();
  const { launch, folder } = killing(place);
  const trial = new Trial({ launch, folder, seed: SEED });
  await trial.run("stopped", async () => {
    const program = await trial.recover();
    const before = Date.now();
    await trial.write(program, 30, async () => {
      program.kill("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
      program.kill("SIGCONT");
      await program.want(200, "GET", "/health/ready");
      assert.equal((await program.want(200, "GET", "/health")).at("status"), "ok");
      program.kill("SIGTERM");
    });
    assert.ok(Date.now() - before >= STOPPED_MS);
    assert.equal((await program.ended).code, 0);
    assert.equal((await (await trial.recover()).stop()).code, 0);
  });
});

Deno.test(`one Idempotency-Key, ${SAME} times at once and again after a kill, has one effect and one answer`, async () => {
  await using place = new Place();
  for (const answers of [0, 1, SAME / 2, SAME]) {
    const key = `key ${answers}`, content = `the same, killed after ${answers} answers`;
    const program = await place.serve();
    const before = await sendAll(program, key, content, answers);
    const next = await place.serve();
    const after = await sendAll(next, key, content, Infinity);
    assert.equal(after.length, SAME);
    assert.equal(new Set([...before, ...after]).size, 1, "one answer");
    const { text } = await next.want(200, "POST", "/export", { format: "ndjson" });
    assert.equal(text.split("\n").filter((line) => line.includes(content)).length, 1, "one effect");
    await next.crash();
  }
});

/** What was answered to the same request, sent so many times at once, until the kill. */
async function sendAll(
  program: Program,
  key: string,
  content: string,
  killAfter: number,
): Promise<string[]> {
  const answers: string[] = [];
  const headers = { "Idempotency-Key": key };
  const all = Array.from({ length: SAME }, async () => {
    try {
      answers.push((await program.want(201, "POST", "/memories", { content }, headers)).text);
      if (answers.length === killAfter) program.kill();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // As `fetch` says that it is gone.
    }
  });
  if (killAfter === 0) program.kill();
  await Promise.all(all);
  if (killAfter <= SAME) await program.ended;
  return answers;
}
