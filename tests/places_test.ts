/** Places for so many at once: none is lost, whenever who waits for one gives up. */
import assert from "node:assert/strict";
import { Places } from "../src/extraction/places.ts";
import { FakeClock } from "./fakes/indexing.ts";

Deno.test("a place that is given to who has just left goes to the next", async () => {
  const outcomes = new Set<string>();
  for (let moments = 0; moments < 12; moments++) {
    const refused = () => new Error("refused");
    const clock = new FakeClock();
    const places = new Places({ clock, count: 1, mostWaiting: 2, longestWaitMs: 1_000, refused });
    const { promise, resolve } = Promise.withResolvers<void>();
    const stays = new AbortController().signal;
    const leaves = new AbortController();
    const first = places.run(stays, () => promise);
    const second = places.run(leaves.signal, () => Promise.resolve("second"))
      .catch(({ message }) => message);
    const third = places.run(stays, () => Promise.resolve("third"));
    resolve();
    for (let n = 0; n < moments; n++) await Promise.resolve();
    leaves.abort();
    outcomes.add(await second);
    await first;
    assert.equal(await third, "third");
  }
  assert.deepEqual(outcomes, new Set(["refused", "second"]));
});
