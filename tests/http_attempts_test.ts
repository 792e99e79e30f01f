/** Wrong keys: slowed, bounded, and never in the way of the right one. */
import assert from "node:assert/strict";
import { byKey, door } from "../src/http/auth.ts";
import { FailedAttempts } from "../src/http/failed_attempts.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { type HttpApp, KEY, problemOf, type Reply, withApp } from "./http_app.ts";

/** Sends wrong keys all at once, and notes which were answered, and when. */
class Guesser {
  readonly #app: HttpApp;
  readonly answers: { readonly reply: Reply; readonly ms: number }[] = [];

  constructor(app: HttpApp) {
    this.#app = app;
  }

  guess(times: number): void {
    const began = this.#app.clock.now();
    for (let n = 0; n < times; n++) {
      const guess = this.#app.call("GET", "/stats", { key: `guess-${n}` });
      void guess.then((reply) => this.answers.push({ reply, ms: this.#app.clock.now() - began }));
    }
  }

  count(status: number): number {
    return this.answers.filter(({ reply }) => reply.status === status).length;
  }
}

Deno.test("of wrong keys twenty are answered at once, then ten a second, and what would wait for longer than five seconds is refused", async () => {
  await withApp(async (app) => {
    const guesser = new Guesser(app);
    const others = app.clock.waiting;
    const waiting = () => app.clock.waiting - others;
    guesser.guess(1000);
    await app.clock.advance(0);
    assert.deepEqual([guesser.count(401), guesser.count(429), waiting()], [20, 930, 50]);
    const refused = guesser.answers.find(({ reply }) => reply.status === 429);
    assert.deepEqual(
      refused?.reply.body,
      problemOf("rate_limited", 429, "Cannot answer now: too many wrong keys were sent"),
    );
    assert.equal(refused?.reply.headers.get("retry-after"), "6");
    await app.clock.advance(99);
    assert.equal(guesser.count(401), 20);
    await app.clock.advance(1);
    assert.equal(guesser.count(401), 21);
    await app.clock.advance(1_000);
    assert.equal(guesser.count(401), 31);
    await app.clock.advance(60_000);
    assert.deepEqual([guesser.count(401), waiting()], [70, 0]);
    const waits = guesser.answers.filter(({ reply }) => reply.status === 401).map(({ ms }) => ms);
    assert.deepEqual(waits.slice(20), Array.from({ length: 50 }, (_, n) => 100 * (n + 1)));
  });
});

Deno.test("of the connections that there may be, wrong keys hold a fifth at most", async () => {
  await withApp(async (app) => {
    const guesser = new Guesser(app);
    const others = app.clock.waiting;
    for (const [connections, held] of [[40, 8], [17, 3], [512, 50]] as const) {
      app.app.room(connections, connections);
      guesser.guess(100);
      await app.clock.advance(0);
      assert.deepEqual([connections, app.clock.waiting - others], [connections, held]);
      await app.clock.advance(60_000);
    }
  });
});

Deno.test("while wrong keys wait and are refused, the right one is answered at once, every time", async () => {
  await withApp(async (app) => {
    const guesser = new Guesser(app);
    for (let round = 0; round < 20; round++) {
      guesser.guess(200);
      // Awaited with the clock standing still: whatever had to wait would stand still too.
      await app.done(200, "GET", "/stats");
      await app.done(201, "POST", "/memories", { json: { content: `round ${round}` } });
      // Who sends no key guesses nothing, and the probes are no matter of keys.
      await app.done(401, "GET", "/stats", { key: null });
      await app.done(200, "GET", "/health/live", { key: null });
      await app.clock.advance(100);
    }
    assert.ok(guesser.count(429) > 3_000);
    await app.clock.advance(10_000);
    assert.equal(guesser.answers.length, 4_000);
  });
});

Deno.test("after a rest as many wrong keys are answered at once as at first", async () => {
  await withApp(async (app) => {
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20; n++) await app.done(401, "GET", "/stats", { key: "wrong" });
      const next = app.call("GET", "/stats", { key: "wrong" });
      await app.clock.until(next);
      assert.equal((await next).status, 401);
      await app.clock.advance(3_600_000);
    }
  });
});

Deno.test("a clock that is set back by a year makes nobody wait for a year", async () => {
  const clock = new FakeClock();
  let aheadMs = 365 * 86_400_000;
  const attempts = new FailedAttempts({
    now: () => clock.now() + aheadMs,
    after: (ms, call) => clock.after(ms, call),
  });
  for (let n = 0; n < 20; n++) await attempts.slow();
  aheadMs = 0;
  await assert.rejects(attempts.slow(), { code: "rate_limited", retryAfterS: 5.1 });
  await clock.advance(5_100);
  await attempts.slow();
});

Deno.test("a wrong key takes as long to refuse wherever it differs from the right one", async () => {
  const letIn = door(byKey(() => [KEY]), { slow: () => Promise.resolve() } as FailedAttempts);
  const differsAt = (place: number) => KEY.slice(0, place) + "~" + KEY.slice(place + 1);
  const kinds = [0, KEY.length / 2 | 0, KEY.length - 1].map((place) =>
    new Headers({ "X-API-Key": differsAt(place) })
  );
  const least = kinds.map(() => Infinity);
  for (let round = 0; round < 60; round++) {
    for (const [kind, headers] of kinds.entries()) {
      const began = performance.now();
      for (let n = 0; n < 50; n++) await letIn(headers).catch(() => {});
      least[kind] = Math.min(least[kind] ?? 0, (performance.now() - began) / 50 * 1000);
    }
  }
  console.log(`microseconds to refuse: ${least.map((us) => us.toFixed(1)).join(", ")}`);
  assert.ok(Math.max(...least) < 1.5 * Math.min(...least), least.join(", "));
});
