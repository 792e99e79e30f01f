/**
 * Anything may be asked: the service never answers what the document does not say, never fails,
 * never hangs, and holds afterwards exactly what a Map holds that was told the same. The requests
 * are made from the document itself, so that a new route is asked like the others.
 * `FUZZ_REQUESTS=1000000 TEST_SEED=7 deno test -A tests/http_fuzz_test.ts` asks that many.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { seed } from "./fakes/store_kit.ts";
import { withApp } from "./http_app.ts";
import { Coverage, fuzz, type Sequence, sequences } from "./http_fuzz.ts";
import { sentBy } from "./http_trail.ts";

const REQUESTS = Number(Deno.env.get("FUZZ_REQUESTS") ?? 10_000);

/** What is documented and is not to be had here, and why. All else must be seen. */
const UNSEEN: readonly (readonly [RegExp, string])[] = [
  [/ 500$/, "a defect: it must never be seen"],
  [/ 403$/, "needs an Origin that is refused: http_pages_test.ts"],
  [/ 421$/, "needs a Host that is refused: http_pages_test.ts"],
  [/^deleteMemory 507$/, "needs a disk that is full: http_service_test.ts"],
  [/^openEventSocket 101$/, "needs a connection: event_socket_test.ts"],
  [/^(openEventSocket|listenToEvents) 503$/, "needs a thousand who listen, or a stop"],
  [/^live 503$/, "needs a store that did not heal for minutes"],
];

function isExpected(name: string): boolean {
  return UNSEEN.some(([pattern]) => pattern.test(name));
}

Deno.test(`${REQUESTS} requests from the document are answered as it says, and as a Map would (seed ${seed})`, async () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const coverage = new Coverage();
  const began = performance.now();
  await fuzz(REQUESTS, seed, coverage);
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${coverage.requests} requests, ${Math.round(coverage.requests / seconds)} a second, ` +
      `${coverage.seen.size} pairs of operation and status, TEST_SEED=${seed}`,
  );
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
  if (REQUESTS < 50_000) return; // Too few to meet with all that is rare.
  assert.deepEqual(coverage.unseen.filter((name) => !isExpected(name)), [], "never seen");
  const stale = UNSEEN.filter(([pattern]) => !coverage.unseen.some((name) => pattern.test(name)));
  assert.deepEqual(stale, [], "seen after all");
});

/** All at once there is no telling what the next one meets; but nobody fails, and counts agree. */
async function playAtOnce({ calls }: Sequence): Promise<void> {
  await withApp(async (app) => {
    const replies = await Promise.all(calls.map((call) => {
      const { method, path, asked } = sentBy(call, call.given, false);
      return app.call(method, path, asked);
    }));
    for (const { status } of replies) assert.ok(status < 500, app.logged.join("\n"));
    const { total_memories: total } = await app.done(200, "GET", "/stats");
    assert.equal(total, (await app.ids()).length);
  });
}

Deno.test(`whatever is asked at once, all is answered as documented (seed ${seed})`, async () => {
  await fc.assert(fc.asyncProperty(sequences, playAtOnce), { seed, numRuns: 60 });
});
