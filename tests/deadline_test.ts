/** Waits that are given up in time, and what whoever waits is told. */
import assert from "node:assert/strict";
import { type Deadline, orAborted, withDeadline } from "../src/deadline.ts";
import { FakeClock } from "./fakes/indexing.ts";

/** What came of it, and what the action's own signal says then. */
async function outcome(
  more: (ending: AbortController) => Partial<Deadline>,
  meanwhile: (clock: FakeClock, ending: AbortController) => unknown,
  answer: Promise<string> = new Promise(() => {}),
) {
  const clock = new FakeClock(), ending = new AbortController();
  const signals: AbortSignal[] = [];
  const late = () => new Error("late");
  const deadline = { clock, ms: 50, late, signal: ending.signal, ...more(ending) };
  const asked = withDeadline(deadline, (signal) => {
    signals.push(signal);
    return answer;
  }).catch(String);
  await meanwhile(clock, ending);
  const said = await asked;
  assert.equal(clock.waiting, 0);
  return [said, ...signals.map(({ aborted }) => aborted)];
}

const whatever = () => ({});
const end = (_clock: FakeClock, ending: AbortController) => ending.abort(new Error("ended"));

Deno.test("an answer in time ends the wait, and whatever was asked beside it", async () => {
  assert.deepEqual(await outcome(whatever, () => {}, Promise.resolve("said")), ["said", true]);
  const failing = Promise.reject(new Error("failed"));
  assert.deepEqual(await outcome(whatever, () => {}, failing), ["Error: failed", true]);
});

Deno.test("what heeds no signal is given up in time, not before", async () => {
  const slow = (clock: FakeClock) => clock.advance(50);
  assert.deepEqual(await outcome(whatever, slow), ["Error: late", true]);
  const { promise, resolve } = Promise.withResolvers<string>();
  const nearly = async (clock: FakeClock) => {
    await clock.advance(49);
    resolve("at last");
  };
  assert.deepEqual(await outcome(whatever, nearly, promise), ["at last", true]);
});

Deno.test("who ends the wait before is told why, or what is to be thrown then", async () => {
  assert.deepEqual(await outcome(whatever, end), ["Error: ended", true]);
  const aborted = () => new Error("given up");
  assert.deepEqual(await outcome(() => ({ aborted }), end), ["Error: given up", true]);
});

Deno.test("what was ended before it began is not asked for", async () => {
  const ended = (ending: AbortController) => {
    ending.abort(new Error("ended"));
    return {};
  };
  assert.deepEqual(await outcome(ended, () => {}), ["Error: ended"]);
});

Deno.test("work of others is waited for no longer than the signal allows", async () => {
  const ending = new AbortController();
  const never = new Promise<string>(() => {});
  assert.equal(await orAborted(undefined, () => Promise.resolve("done")), "done");
  const waits = orAborted(ending.signal, () => never);
  const told = orAborted(ending.signal, () => never, () => new Error("given up"));
  ending.abort(new Error("ended"));
  await assert.rejects(waits, { message: "ended" });
  await assert.rejects(told, { message: "given up" });
});
