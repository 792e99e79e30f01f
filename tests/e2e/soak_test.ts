/**
 * Mixed traffic for a while, with a crash in the middle: memory, descriptors and the journal stay
 * bounded. That the heap does not grow needs a minute or more to show, and is held then only:
 * SOAK_SECONDS=1200 makes it a long one. TEST_SEED repeats its choices.
 */
import assert from "node:assert/strict";
import { below, randomOf, seed } from "../fakes/store_kit.ts";
import { Ledger } from "./ledger.ts";
import { Place, type Program } from "./program.ts";

const SECONDS = Number(Deno.env.get("SOAK_SECONDS") ?? 6);
const isLinux = Deno.build.os === "linux";
const LIVES = 2;
/** What a minute shows of growth, a few seconds do not. */
const showsGrowth = SECONDS >= 60;
const MOST_RESIDENT_MIB = 300, MOST_DESCRIPTORS = 80, MOST_JOURNAL_MB = 12, MOST_GROWTH_MIB = 30;
const MIB = 1024 * 1024;
/** Enough that few of them are new after a while. */
const MOST_MEMORIES = 300;

interface Reading {
  readonly heapMib: number;
  readonly residentMib: number;
  readonly descriptors: number;
  readonly journalBytes: number;
}

async function readingOf(program: Program): Promise<Reading> {
  const status = await Deno.readTextFile(`/proc/${program.pid}/status`);
  const descriptors = (await Array.fromAsync(Deno.readDir(`/proc/${program.pid}/fd`))).length;
  const stats = await program.want(200, "GET", "/stats");
  const metrics = await program.want(200, "GET", "/metrics");
  return {
    heapMib: Number(/^second_brain_heap_used_bytes (\d+)$/m.exec(metrics.text)?.[1]) / MIB,
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

/**
 * By how much the heap grew from the first half to the second, each at its lowest: what is in use
 * just after a collection. All that is resident says little, since the engine gives back late.
 */
function growthMib(readings: readonly Reading[]): number {
  const least = (some: readonly Reading[]) => Math.min(...some.map(({ heapMib }) => heapMib));
  const half = readings.length >> 1;
  return least(readings.slice(half)) - least(readings.slice(0, half));
}

Deno.test({
  name: `${SECONDS} s of mixed traffic and a crash take no more than ${MOST_RESIDENT_MIB} MiB, ` +
    `${MOST_DESCRIPTORS} descriptors and ${MOST_JOURNAL_MB} MB of journal` +
    `${showsGrowth ? `, and the heap grows by no more than ${MOST_GROWTH_MIB} MiB` : ""}` +
    `${isLinux ? "" : " (skipped: no /proc here)"}`,
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
        if (asked % 80 === 0) readings.push(await readingOf(program));
      }
      assert.equal(program.err, "");
      if (life < LIVES - 1) await program.crash();
      else assert.equal((await program.stop()).code, 0);
    }
    // Of the last life.
    const growth = growthMib(readings);
    const most = (of: (one: Reading) => number) => Math.max(...readings.map(of));
    const bytes = most(({ journalBytes }) => journalBytes);
    const descriptors = most((one) => one.descriptors);
    console.log(
      `${asked} requests, ${LIVES} lives: heap ${growth.toFixed(1)} MiB more, at most ` +
        `${most(({ residentMib }) => residentMib).toFixed()} MiB, ${descriptors} descriptors, ` +
        `${(bytes / 1e6).toFixed(1)} MB of journal`,
    );
    assert.ok(descriptors < MOST_DESCRIPTORS, String(descriptors));
    assert.ok(
      bytes < MOST_JOURNAL_MB * 1e6,
      "a journal is rewritten before it is much larger than what it holds",
    );
    if (showsGrowth) assert.ok(growth < MOST_GROWTH_MIB, `${growth} MiB`);
    const residentMib = most((one) => one.residentMib);
    assert.ok(residentMib < MOST_RESIDENT_MIB, `${residentMib} MiB`);
  },
});
