/**
 * Killed again and again in the middle of writing. E2E_CRASH_ROUNDS=1000 makes it a long night,
 * E2E_SEED repeats the choices of a run (though not the moment of its kills).
 */
import assert from "node:assert/strict";
import { random } from "../random.ts";
import { Worker } from "./crash_model.ts";
import { Place, type Program } from "./program.ts";

const ROUNDS = Number(Deno.env.get("E2E_CRASH_ROUNDS") ?? 40);
const SEED = Number(Deno.env.get("E2E_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const WORKERS = 8;

Deno.test("no acknowledged write is lost and no deleted memory comes back, however often it is killed", async () => {
  await using place = new Place();
  const workers = Array.from({ length: WORKERS }, (_, number) => new Worker(number, SEED));
  const chance = random(SEED);
  const seen = { acknowledged: 0, stops: 0, tornTails: 0, rolledBack: 0, readyMs: 0 };
  console.log(`seed ${SEED}, ${ROUNDS} rounds`);
  for (let round = 0; round < ROUNDS; round++) {
    if (chance() < 0.2) await crashWhileStarting(place, chance() < 0.5);
    const program = place.launch();
    seen.readyMs = Math.max(seen.readyMs, await program.ready());
    checkRecovery(program, seen);
    await checkAll(program, workers);
    const isStop = chance() < 0.15;
    seen.acknowledged += await writeUntil(program, workers, Math.floor(chance() * 120), isStop);
    if (isStop) seen.stops++;
  }
  const last = await place.serve();
  await checkAll(last, workers);
  assert.equal((await last.stop()).code, 0);
  const known = workers.reduce((sum, worker) => sum + worker.known.size, 0);
  const { memories } = JSON.parse(await Deno.readTextFile(place.memories));
  assert.equal(memories.length, known);
  console.log(JSON.stringify({ ...seen, readyMs: Math.round(seen.readyMs), memories: known }));
});

/** A start that does not come to its end must cost nothing either. */
async function crashWhileStarting(place: Place, early: boolean): Promise<void> {
  const program = place.launch();
  if (!early) await program.listening();
  await program.crash();
}

/** Everybody writes; after so many answers the process is killed, or told to stop. */
async function writeUntil(
  program: Program,
  workers: readonly Worker[],
  target: number,
  isStop: boolean,
): Promise<number> {
  let answered = 0;
  const onAnswer = () => {
    if (++answered === target + 1) program.kill(isStop ? "SIGTERM" : "SIGKILL");
  };
  await Promise.all(workers.map((worker) => worker.writeUntilGone(program, onAnswer)));
  const { code } = await program.ended;
  if (isStop) assert.equal(code, 0);
  assert.equal(program.err, "");
  return answered;
}

function checkRecovery(
  program: Program,
  seen: { tornTails: number; rolledBack: number },
): void {
  const ready = program.event("ready");
  assert.equal(ready?.["integrity"], "ok", JSON.stringify(program.log));
  for (const { event, kind, level } of program.log) {
    if (event !== "recovery") continue;
    assert.equal(level, "info", JSON.stringify(program.log));
    if (kind === "torn_tail") seen.tornTails++;
    if (kind === "rolled_back_import") seen.rolledBack++;
  }
}

async function checkAll(program: Program, workers: readonly Worker[]): Promise<void> {
  const all = await everything(program);
  for (const worker of workers) worker.check(all);
  await Promise.all(workers.map((worker) => worker.retry(program)));
  const after = await everything(program);
  const expected = new Map(workers.flatMap(({ known }) => [...known]));
  assert.deepEqual([...after].toSorted(), [...expected].toSorted());
  const [id, content] = [...expected][0] ?? [];
  if (id === undefined || content === undefined) return;
  const query = content.slice(0, 40);
  const found = await program.want(200, "POST", "/search", { query, limit: 100 });
  assert.ok(found.text.includes(id), `${id} is found by its words`);
}

async function everything(program: Program): Promise<Map<string, string>> {
  const { text } = await program.want(200, "POST", "/export", { format: "ndjson" });
  const lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  const all = new Map(lines.map(({ id, content }) => [id, content]));
  assert.equal(all.size, lines.length, "no id twice");
  return all;
}
