/** Whether the cluster answers, for whoever asks how the service is. */
import assert from "node:assert/strict";
import { Reachability } from "../src/manager/reachability.ts";
import { FakeClock } from "./fakes/indexing.ts";

Deno.test("a cluster that is silent is away within seconds, is asked once, and is back when it answers", async () => {
  const clock = new FakeClock();
  const answers: (() => void)[] = [];
  const get = () => new Promise<undefined>((resolve) => answers.push(() => resolve(undefined)));
  const reachability = new Reachability({ get }, "second-brain", clock);
  const seen: boolean[] = [];
  const look = () => void reachability.isUp().then((isUp) => seen.push(isUp));
  look();
  await clock.advance(2_999);
  assert.deepEqual(seen, []);
  await clock.advance(1);
  assert.deepEqual(seen, [false]);
  await clock.advance(10_000);
  look();
  await clock.advance(3_000);
  assert.deepEqual([seen, answers.length, clock.waiting], [[false, false], 1, 0]);
  answers[0]?.();
  await clock.advance(10_000);
  look();
  await clock.advance(0);
  answers[1]?.();
  await clock.advance(0);
  assert.deepEqual([seen, answers.length, clock.waiting], [[false, false, true], 2, 0]);
});
