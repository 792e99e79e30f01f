/** What more memories cost at the start, in memory, and with each write. */
import { folderBytes } from "./folders.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { median, medianTiming, type Timing } from "./statistics.ts";
import { mebibytes, ms, ratio, table, whole } from "./tables.ts";

/** Starts that took so long in all are not repeated. */
const ENOUGH_MS = 15_000;

interface Started {
  readonly stored: number;
  readonly server: Server;
  readonly figures: readonly string[];
}

export async function measureStarts(run: Run): Promise<void> {
  const { sizes, print } = run;
  const started: Started[] = [];
  for (const stored of [0, ...sizes]) started.push(await start(run, stored));
  const alone = await alternate(run, started, 1);
  const together = await alternate(run, started, 32);
  for (const { server } of started) await server.stop();
  // An empty brain is no yardstick: most of what it does, it does for the first time.
  const base = (timings: readonly Timing[][]) => timings[1] ?? [];
  const rows = started.map(({ stored, figures }, at) => [
    whole(stored),
    ...figures,
    ms(medianTiming(alone[at] ?? []).p50),
    ratio(ratioOf(alone[at], base(alone), ({ p50 }) => p50)),
    whole(medianTiming(together[at] ?? []).perSecond),
    ms(medianTiming(together[at] ?? []).cpuMs),
    ratio(ratioOf(together[at], base(together), ({ cpuMs }) => cpuMs)),
  ]);
  const head = [
    "memories",
    "start ms",
    "range",
    "words ms",
    "CPU ms",
    "folder",
    "RSS",
    "peak RSS",
    "1 write ms",
    "cost",
    "writes/s at 32",
    "CPU ms each",
    "cost",
  ];
  const least = whole(sizes[0] ?? 0);
  print(`4. Start-up, memory and the cost of a write, by size, without vectors

${table(head, rows)}

  Start: from the start of the process until /health/ready says yes; median of up to ${run.starts}, with
  the files in the system's cache. Words: until a search by words is answered, and CPU by then. RSS as /metrics says right after; the peak is the kernel's, up to
  then. Cost: of one write, against that among ${least} memories; 1.00 is no growth: for one at a time
  in time to the answer, for 32 at a time in CPU. The servers take turns.`);
}

async function start({ folders, note, starts }: Run, stored: number): Promise<Started> {
  const folder = await folders.filled(stored);
  const bytes = await folderBytes(folder);
  const times: number[] = [];
  const words: number[] = [];
  const cpu: number[] = [];
  while (true) {
    note(`start-up: with ${whole(stored)}`);
    const server = Server.brain(folder);
    times.push(await server.answers("ready"));
    words.push(await server.answersWords());
    cpu.push(await server.cpuMs());
    const spent = times.reduce((sum, time) => sum + time, 0);
    if (times.length < starts && spent < ENOUGH_MS) {
      await server.stop();
      continue;
    }
    const found = await server.metric("memories");
    if (found !== stored) throw new Error(`Cannot measure: ${found} memories, not ${stored}`);
    const peak = await server.peakBytes();
    const figures = [
      whole(median(times)),
      `${whole(Math.min(...times))} to ${whole(Math.max(...times))}`,
      whole(median(words)),
      ms(median(cpu)),
      mebibytes(bytes),
      mebibytes(await server.metric("resident_bytes")),
      peak === undefined ? "unknown" : mebibytes(peak),
    ];
    return { stored, server, figures };
  }
}

/** Writes to each by turns; for each the timings of all rounds. */
async function alternate(
  { load, rounds, seconds, note }: Run,
  started: readonly Started[],
  connections: number,
): Promise<Timing[][]> {
  const found: Timing[][] = started.map(() => []);
  const ask = { kind: "create", stream: 2 } as const;
  for (const { server } of started) {
    await load.run(server, { ask, connections, seconds: seconds / 2 });
  }
  for (let round = 0; round < rounds; round++) {
    note(`start-up: cost of a write, ${connections} connections, round ${round + 1} of ${rounds}`);
    for (const [at, { server }] of started.entries()) {
      found[at]?.push(await load.run(server, { ask, connections, seconds: seconds / 2 }));
    }
  }
  return found;
}

function ratioOf(
  timings: readonly Timing[] = [],
  base: readonly Timing[],
  cost: (timing: Timing) => number,
): number {
  const pairs = timings.flatMap((timing, round) => {
    const other = base[round];
    return other === undefined ? [] : [cost(timing) / cost(other)];
  });
  return pairs.length === 0 ? NaN : median(pairs);
}
