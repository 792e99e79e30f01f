/**
 * The real program on a disk that takes its time over a sync: reads do not wait for it, writes share
 * it, and what waits is bounded. Times are medians, since the machine has other things to do as well.
 */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { type FailingDisk, type Fault, onFailingDisk, withFaults } from "./failing_disk.ts";
import type { Ledger } from "./ledger.ts";
import type { Program } from "./program.ts";

const { ignore, suffix } = withFaults;
const READ_MS = 50;
const HANGS_MS = 600_000;

function slow(waitMs: number): Fault {
  return { call: "sync", part: "/journal/", does: { waitMs } };
}

async function timed<T>(work: Promise<T>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;
}

/** Reads of every kind, one after the other; the median of their times. */
async function reads(program: Program, ledger: Ledger, until: () => boolean): Promise<number> {
  const [id = assert.fail("nothing is stored")] = ledger.ids;
  const times: number[] = [];
  while (!until() || times.length < 30) {
    times.push(
      await timed(program.want(200, "GET", `/memories/${id}`)),
      await timed(program.want(200, "GET", "/memories?limit=5")),
      await timed(program.want(200, "POST", "/search", { query: "note" })),
      await timed(program.want(200, "GET", "/health/ready")),
    );
  }
  return median(times);
}

async function writes(
  program: Program,
  ledger: Ledger,
  workers: number,
  each: number,
): Promise<number[]> {
  const all = await Promise.all(Array.from({ length: workers }, async () => {
    const times: number[] = [];
    for (let i = 0; i < each; i++) {
      times.push(
        await timed(ledger.create(program).then((status) => assert.equal(status, 201))),
      );
    }
    return times;
  }));
  return all.flat();
}

function onSlowDisk(
  test: (disk: FailingDisk, program: Program, ledger: Ledger) => Promise<void>,
): Promise<void> {
  return onFailingDisk(async (place, disk, program, ledger) => {
    await test(disk, program, ledger);
    assert.equal(program.err, "");
    const next = await place.serve();
    assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
    await ledger.check(next);
  });
}

for (const [waitMs, rounds] of [[5, 40], [100, 10]] as const) {
  Deno.test({
    name: `syncs of ${waitMs} ms hold up no read, and many writes share each${suffix}`,
    ignore,
    fn: () =>
      onSlowDisk(async (disk, program, ledger) => {
        await disk.set(slow(waitMs));
        let isOver = false;
        const [readMs, writeMs] = await Promise.all([
          reads(program, ledger, () => isOver),
          writes(program, ledger, 16, rounds).finally(() => isOver = true),
        ]);
        const writeMedian = median(writeMs);
        console.log(
          `a sync of ${waitMs} ms: reads ${
            readMs.toFixed(1)
          } ms, writes ${writeMedian.toFixed()} ms`,
        );
        assert.ok(readMs < READ_MS, `reads took ${readMs} ms`);
        assert.ok(writeMedian >= waitMs * 0.9, "a write waits for its sync");
        // For the one under way and for its own.
        assert.ok(writeMedian < 2.5 * waitMs + 250, `writes took ${writeMedian} ms`);
        await program.crash();
      }),
  });
}

async function fillsABoundedQueue(disk: FailingDisk, program: Program, ledger: Ledger) {
  await disk.set(slow(HANGS_MS));
  const first = ledger.create(program);
  await disk.hit("sync");
  const many = Array.from({ length: 120 }, () => ledger.create(program, 95_000));
  await eventually(10_000, "the queue is full", () => ledger.refused > 10 ? true : undefined);
  const large = { content: "z".repeat(95_000) }, keyed = { "Idempotency-Key": "one too many" };
  const refused = await program.want(503, "POST", "/memories", large, keyed);
  assert.match(refused.text, /too many writes wait/);
  assert.ok(Number(refused.headers.get("Retry-After")) >= 1);
  const readMs = await reads(program, ledger, () => true);
  assert.ok(readMs < READ_MS, `reads took ${readMs} ms`);
  await eventually(10_000, "it says so", async () => {
    const health = await program.want(200, "GET", "/health");
    return health.at("status") === "degraded" ? true : undefined;
  });
  await disk.set();
  assert.equal(await first, 201);
  const answers = await Promise.all(many);
  assert.deepEqual(new Set(answers), new Set([201, 503]));
  const waited = answers.filter((status) => status === 201).length;
  console.log(`a sync that hangs: reads ${readMs.toFixed(1)} ms, ${waited} of 120 writes waited`);
  assert.equal(ledger.unknown, 0);
  assert.equal((await program.want(200, "GET", "/health")).at("status"), "ok");
  assert.equal(await ledger.create(program), 201);
  await program.crash();
}

async function endsAllTheSame(disk: FailingDisk, program: Program, ledger: Ledger) {
  await disk.set(slow(HANGS_MS));
  const writing = [ledger.create(program), ledger.create(program, 95_000)];
  await disk.hit("sync");
  const { ms, code } = await program.stop();
  console.log(`ended with ${code} after ${ms.toFixed()} ms beside a sync that hangs`);
  assert.equal(code, 0);
  await Promise.all(writing);
  assert.equal(ledger.unknown, 2, "nobody can know");
}

Deno.test({
  name: `a sync that hangs fills a bounded queue, holds up no read and no end${suffix}`,
  ignore,
  async fn() {
    await Promise.all([fillsABoundedQueue, endsAllTheSame].map(onSlowDisk));
  },
});
