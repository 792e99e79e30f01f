/** Long work lets others run, however much of it there is at once. */
import assert from "node:assert/strict";
import { Pace } from "../src/pace.ts";
import { withPauses } from "./pauses.ts";

/** Works so long, and looks every half a millisecond whether others are to run. */
async function work(ms: number): Promise<void> {
  const pace = new Pace();
  for (let done = 0; done < ms; done += 0.5) {
    if (pace.due) await pace.breathe();
    const began = performance.now();
    while (performance.now() - began < 0.5);
  }
}

const many = (count: number, ms: number) =>
  Promise.all(Array.from({ length: count }, () => work(ms)));

Deno.test("work in slices that is done at once holds up others no longer than one such work", async () => {
  const { longestMs } = await withPauses(() => many(12, 20));
  assert.ok(longestMs < 15, `${longestMs}`);
});

Deno.test("each gets on in its turn, and all are done in the time that the work takes", async () => {
  const ended: string[] = [];
  const until = async (name: string, ms: number) => {
    await work(ms);
    ended.push(name);
  };
  const began = performance.now();
  await Promise.all([until("long", 120), until("short", 15), until("middle", 50)]);
  assert.deepEqual(ended, ["short", "middle", "long"]);
  assert.ok(performance.now() - began < 1_000);
});

Deno.test("work that begins in the turn of another has what is left of it", async () => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  const one = new Pace(3);
  while (!one.due);
  assert.equal(new Pace(3).due, true);
  await one.breathe();
  assert.deepEqual([one.due, new Pace(3).due], [false, false]);
});
