/**
 * Mixed traffic for a while, with a crash now and then: memory, descriptors and the journal stay
 * bounded. SOAK_SECONDS=1200 makes it a long one, TEST_SEED repeats its choices.
 */
import assert from "node:assert/strict";
import { below, randomOf, seed } from "../fakes/store_kit.ts";
import { Ledger } from "./ledger.ts";
import { Place, type Program } from "./program.ts";

const SECONDS = Number(Deno.env.get("SOAK_SECONDS") ?? 6);
const isLinux = Deno.build.os === "linux";
const LIVES = 3;
/** Enough that few of them are new after a while. */
const MOST_MEMORIES = 300;

interface Reading {
  readonly ms: number;
  readonly residentMib: number;
  readonly descriptors: number;
  readonly journalBytes: number;
}

async function readingOf(program: Program, began: number): Promise<Reading> {
  const status = await Deno.readTextFile(`/proc/${program.pid}/status`);
  const descriptors = (await Array.fromAsync(Deno.readDir(`/proc/${program.pid}/fd`))).length;
  const stats = await program.want(200, "GET", "/stats");
  return {
    ms: performance.now() - began,
    residentMib: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024,
    descriptors,
    journalBytes: Number(stats.at("storage", "journal_bytes")),
  };
}

/** Reads, writes, searches and exports, as a person and their assistants ask for them. */
async function ask(program: Program, ledger: Ledger, random: () => number): Promise<void> {
  const { ids } = ledger;
  const id = ids[below(random, ids.length)];
  const kind = random();
  if (id === undefined || kind < 0.3 && ids.length < MOST_MEMORIES) {
    await ledger.create(program, 20 + below(random, 4_000));
  } else if (kind < 0.5) await ledger.update(program, id, `again ${random()}`.padEnd(2_000, "z"));
  else if (kind < 0.6) await ledger.remove(program, id);
  else if (kind < 0.75) await program.want(200, "POST", "/search", { query: "note again" });
  else if (kind < 0.85) await program.want(200, "GET", "/memories?limit=50");
  else if (kind < 0.99) await program.want(200, "GET", "/stats");
  else await program.want(200, "POST", "/export");
}

/** Least squares. */
function slopePerMinute(readings: readonly Reading[], of: (one: Reading) => number): number {
  const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const x = mean(readings.map(({ ms }) => ms)), y = mean(readings.map(of));
  const above = readings.reduce((sum, one) => sum + (one.ms - x) * (of(one) - y), 0);
  const below = readings.reduce((sum, { ms }) => sum + (ms - x) ** 2, 0);
  return 60_000 * above / below;
}

Deno.test({
  name: `mixed traffic leaves memory, descriptors and journal as they were${
    isLinux ? "" : " (skipped: no /proc here)"
  }`,
  ignore: !isLinux,
  async fn() {
    console.log(`seed ${seed}, ${SECONDS} s`);
    const random = randomOf(seed);
    const ledger = new Ledger();
    await using place = new Place();
    let asked = 0, readings: Reading[] = [];
    for (let life = 0; life < LIVES; life++) {
      const program = await place.serve();
      await ledger.check(program);
      const began = performance.now();
      readings = [];
      while (performance.now() - began < SECONDS / LIVES * 1000) {
        await Promise.all(Array.from({ length: 8 }, () => ask(program, ledger, random)));
        asked += 8;
        if (asked % 80 === 0) readings.push(await readingOf(program, began));
      }
      assert.equal(program.err, "");
      if (life < LIVES - 1) await program.crash();
      else assert.equal((await program.stop()).code, 0);
    }
    // Of the last life, once it had warmed up.
    const settled = readings.slice(readings.length >> 1);
    const memory = slopePerMinute(settled, ({ residentMib }) => residentMib);
    const most = (of: (one: Reading) => number) => Math.max(...readings.map(of));
    const bytes = most(({ journalBytes }) => journalBytes);
    const descriptors = most((one) => one.descriptors);
    console.log(
      `${asked} requests, ${LIVES} lives: ${memory.toFixed(1)} MiB a minute, at most ` +
        `${most(({ residentMib }) => residentMib).toFixed()} MiB, ${descriptors} descriptors, ` +
        `${(bytes / 1e6).toFixed(1)} MB of journal`,
    );
    assert.ok(descriptors < 80, String(descriptors));
    assert.ok(bytes < 12e6, "a journal is rewritten before it is much larger than what it holds");
    // What a minute shows, a few seconds do not.
    if (SECONDS >= 60) assert.ok(memory < 5, `${memory} MiB a minute`);
    assert.ok(most(({ residentMib }) => residentMib) < 300, "of memory");
  },
});
