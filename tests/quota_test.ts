/** The limits of a brain: when they refuse, when they do not, and that a full brain is not lost. */
import assert from "node:assert/strict";
import { HeapWatch } from "../src/cli/heap.ts";
import { AppError } from "../src/errors.ts";
import { Quota, type QuotaLimits } from "../src/quota.ts";
import { drain, FakeClock } from "./fakes/indexing.ts";
import { type HttpApp, withApp } from "./http_app.ts";

/** A quota over numbers that the test sets. */
function quotaOf(limits: QuotaLimits) {
  const clock = new FakeClock();
  const used = { memories: 0, bytes: 0, reclaimable: 0, isHeapFull: false };
  const seen = { usage: 0, runs: 0, end: () => {}, makeRoom: () => {}, requireGrowth: () => {} };
  const quota = new Quota(limits, {
    memories: () => (seen.usage++, used.memories),
    bytes: () => (seen.usage++, used.bytes),
    requireGrowth: () => seen.requireGrowth(),
    isHeapFull: () => used.isHeapFull,
  }, {
    clock,
    worthIt: () => used.reclaimable > 0,
    run() {
      seen.runs++;
      return new Promise<void>((resolve) => seen.end = resolve);
    },
    makeRoom: () => Promise.resolve().then(seen.makeRoom).then(() => undefined),
  });
  const refusal = async (memories: number, bytes: number): Promise<AppError> => {
    try {
      await quota.reserve(memories, bytes);
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
    throw new Error("it was not refused");
  };
  return { quota, clock, used, seen, refusal };
}

Deno.test("without a limit nothing is counted, with one only what it is about", async () => {
  const none = quotaOf({ memories: 0, bytes: 0 });
  (await none.quota.reserve(1, 1e12))();
  assert.equal(none.seen.usage, 0);
  for (const limits of [{ memories: 9, bytes: 0 }, { memories: 0, bytes: 9 }]) {
    const one = quotaOf(limits);
    (await one.quota.reserve(1, 1))();
    assert.equal(one.seen.usage, 1);
  }
});

Deno.test("what is reserved counts until it is given back", async () => {
  const { quota, refusal } = quotaOf({ memories: 2, bytes: 10 });
  const release = await quota.reserve(1, 6);
  assert.equal((await refusal(2, 1)).code, "insufficient_storage");
  assert.equal((await refusal(1, 5)).code, "insufficient_storage");
  assert.equal(quota.reserveIdle(5), undefined);
  release();
  quota.reserveIdle(10)?.();
  (await quota.reserve(2, 10))();
});

Deno.test("before a write is refused for bytes, room is made; many at once share what it gives", async () => {
  const { quota, used, seen } = quotaOf({ memories: 0, bytes: 10 });
  used.bytes = 10;
  let made = 0;
  seen.makeRoom = () => (made++, used.bytes = 0);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => quota.reserve(0, 5)));
  const statuses = outcomes.map(({ status }) => status).sort();
  assert.deepEqual(statuses, ["fulfilled", "fulfilled", "rejected"]);
  assert.equal(made, 2);
});

Deno.test("a refusal for bytes reclaims: one at a time, not too often, only what is there", async () => {
  const { clock, used, seen, refusal } = quotaOf({ memories: 0, bytes: 10 });
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [undefined, 0]);
  used.reclaimable = 1;
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [1, 1]);
  await clock.advance(60_000);
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [1, 1]);
  seen.end();
  await drain();
  await clock.advance(7_500);
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [3, 1]);
  await clock.advance(2_500);
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [1, 2]);
});

Deno.test("a clock that is set back does not put off what is reclaimed", async () => {
  const { clock, used, seen, refusal } = quotaOf({ memories: 0, bytes: 10 });
  used.reclaimable = 1;
  await clock.advance(3_600_000);
  await refusal(1, 11);
  seen.end();
  await drain();
  await clock.leap(-3_000_000);
  assert.deepEqual([(await refusal(1, 11)).retryAfterS, seen.runs], [1, 2]);
});

Deno.test("a write that is refused anyway has no room made for it, also not after it waited", async () => {
  const { quota, used, seen, refusal } = quotaOf({ memories: 2, bytes: 10 });
  used.bytes = 10;
  let made = 0;
  seen.makeRoom = () => (made++, used.bytes -= 5);
  seen.requireGrowth = () => {
    throw new AppError("read_only", "Cannot write: a test");
  };
  assert.deepEqual([(await refusal(1, 5)).code, made], ["read_only", 0]);
  seen.requireGrowth = () => {};
  assert.deepEqual([(await refusal(3, 5)).code, made], ["insufficient_storage", 0]);
  const outcomes = await Promise.allSettled([1, 2].map(() => quota.reserve(2, 5)));
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(made, 1);
});

Deno.test("a full heap refuses what grows, and nothing is reclaimed for it", async () => {
  const { quota, used, seen, refusal } = quotaOf({ memories: 0, bytes: 0 });
  used.isHeapFull = true;
  const { code, message, retryAfterS } = await refusal(1, 1);
  assert.deepEqual([code, message, retryAfterS, seen.runs], [
    "insufficient_storage",
    "Cannot store more: the process's memory is full; delete memories, or give it more memory",
    5,
    0,
  ]);
  used.isHeapFull = false;
  (await quota.reserve(1, 1))();
});

Deno.test("the heap is full once it was found so many times in a row, or too little is left", () => {
  const mib = 1024 * 1024;
  const use = { takenBytes: 0, mostBytes: 1_000 * mib };
  const heap = new HeapWatch(() => use);
  const looks = (takenMib: number) => {
    use.takenBytes = takenMib * mib;
    return Array.from({ length: 17 }, () => heap.isFull).filter((isFull) => isFull).length;
  };
  assert.deepEqual([looks(931), heap.isShort], [2, true]);
  assert.deepEqual([looks(930), heap.isShort], [0, true]); // Garbage went.
  assert.deepEqual([looks(931), looks(850), heap.isShort], [2, 0, false]);
  use.mostBytes = 100 * mib;
  assert.deepEqual([looks(88), looks(88.1)], [0, 2]);
});

Deno.test("too many memories are not a matter of bytes: nothing is reclaimed", async () => {
  const { used, seen, refusal } = quotaOf({ memories: 1, bytes: 10 });
  used.reclaimable = 1;
  assert.deepEqual([(await refusal(2, 1)).retryAfterS, seen.runs], [undefined, 0]);
});

/** However slow the machine is. */
async function reclaimed({ brain }: HttpApp): Promise<void> {
  const waiting = () => brain.stats.storage().journal_bytes > 0;
  for (let turns = 0; turns < 1_000 && waiting(); turns++) await drain();
  await drain();
}

async function fill(app: HttpApp): Promise<number> {
  const json = { content: "x".repeat(5_000) };
  for (let count = 0;; count++) {
    const { status } = await app.call("POST", "/memories", { json });
    if (status === 507) return count;
    assert.ok(status === 201 && count < 100, `${status} after ${count}`);
  }
}

Deno.test("a brain that was full takes memories again once some are deleted", async () => {
  await withApp(async (app) => {
    for (let round = 0; round < 2; round++) {
      const before = await app.ids();
      assert.ok(await fill(app) >= 8);
      await reclaimed(app);
      await app.clock.advance(60_000);
      for (const id of [...before, ...await app.ids()]) {
        await app.call("DELETE", `/memories/${id}`);
      }
      const json = { content: "y".repeat(5_000) };
      const refused = await app.call("POST", "/memories", { json });
      assert.deepEqual([refused.status, refused.headers.get("retry-after")], [507, "1"]);
      await reclaimed(app);
      await app.done(201, "POST", "/memories", { json });
    }
  }, { limits: { memories: 0, bytes: 60_000 } });
});
