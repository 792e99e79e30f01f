import assert from "node:assert/strict";
import { stopServing } from "../src/cli/stopping.ts";
import { FakeClock } from "./fakes/indexing.ts";

function stopping(close: () => Promise<void>) {
  const steps: string[] = [];
  const clock = new FakeClock();
  const ended = stopServing(
    {
      stopTaking: () => void steps.push("take nothing"),
      closeServer: (graceMs) => Promise.resolve(void steps.push(`requests get ${graceMs} ms`)),
      close: () => (steps.push("close"), close()),
    },
    clock,
    (level, event) => void steps.push(`${level} ${event}`),
  );
  return { clock, ended, steps };
}

const ORDER = ["take nothing", "requests get 6000 ms", "close"];

Deno.test("a service stops taking, answers what is under way, and closes its data", async () => {
  const { ended, steps } = stopping(() => Promise.resolve());
  await ended;
  assert.deepEqual(steps, [...ORDER, "info stopped"]);
});

Deno.test("a service whose data cannot be closed ends when its time is over", async () => {
  const { clock, ended, steps } = stopping(() => new Promise(() => {}));
  await clock.advance(7_999);
  assert.deepEqual(steps, ORDER);
  await clock.advance(1);
  await ended;
  assert.deepEqual(steps, [...ORDER, "error stop_cut_short"]);
});
