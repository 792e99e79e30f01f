/** Durable writes, beside the same server without fsync and beside next to no server at all. */
import { realFileSystem, writeAll } from "../../src/store/fs.ts";
import { newNote } from "./notes.ts";
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { median, medianTiming, type Timing, timing } from "./statistics.ts";
import { ms, ratio, table, whole } from "./tables.ts";

const CONNECTIONS = [1, 32] as const;
const WARM_UP_SECONDS = 1;
const STREAM = 1;
const BARE_WRITES = 300;

export async function measureWrites(run: Run): Promise<void> {
  const { folders, load, rounds, seconds, note } = run;
  note("writes: starting three servers");
  const disk = await appendAndSync(`${await folders.empty()}/bare`);
  const servers = {
    "durable (the program)": Server.brain(await folders.empty()),
    "fsync off": Server.unsynced(await folders.empty()),
    "bare Hono route": Server.bare(),
  };
  const named = Object.entries(servers);
  for (const [, server] of named) {
    await server.answers("ready");
    const ask = { kind: "create", stream: STREAM } as const;
    await load.run(server, { ask, connections: 32, seconds: WARM_UP_SECONDS });
  }
  const found = new Map<string, Timing[]>();
  for (let round = 0; round < rounds; round++) {
    for (const connections of CONNECTIONS) {
      for (const [name, server] of turned(named, round)) {
        note(`writes: round ${round + 1} of ${rounds}, ${connections} connections, ${name}`);
        const ask = { kind: "create", stream: STREAM } as const;
        const timed = await load.run(server, { ask, connections, seconds });
        const key = `${name} ${connections}`;
        found.set(key, [...found.get(key) ?? [], timed]);
      }
    }
  }
  const memories = await servers["durable (the program)"].metric("memories");
  for (const [, server] of named) await server.stop();
  print(run, found, Object.keys(servers), memories, disk);
}

/** Another goes first in each round, so that what drifts falls on all. */
function turned<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

/** What the disk itself takes for one small append and its fsync, one after the other. */
async function appendAndSync(path: string): Promise<Timing> {
  const file = await realFileSystem.create(path);
  const bytes = new TextEncoder().encode(JSON.stringify(newNote(STREAM, 0)) + "\n");
  const latencies: number[] = [];
  const began = performance.now();
  for (let i = 0; i < BARE_WRITES; i++) {
    const at = performance.now();
    await writeAll(file, bytes);
    await file.sync();
    latencies.push(performance.now() - at);
  }
  file.close();
  return timing(latencies, (performance.now() - began) / 1000);
}

function print(
  { rounds, seconds, print }: Run,
  found: ReadonlyMap<string, readonly Timing[]>,
  names: readonly string[],
  memories: number,
  disk: Timing,
): void {
  const rows = CONNECTIONS.flatMap((connections) =>
    names.map((name) => {
      const timings = found.get(`${name} ${connections}`) ?? [];
      const durable = found.get(`${names[0]} ${connections}`) ?? [];
      const { perSecond, p50, p99, cpuMs } = medianTiming(timings);
      const rates = timings.map((timing) => timing.perSecond);
      const ratios = rates.map((rate, round) => rate / (durable[round]?.perSecond ?? NaN));
      return [
        name,
        String(connections),
        whole(perSecond),
        `${whole(Math.min(...rates))} to ${whole(Math.max(...rates))}`,
        ratio(median(ratios)),
        ms(p50),
        ms(p99),
        ms(cpuMs),
      ];
    })
  );
  const head = [
    "server",
    "connections",
    "per second",
    "range",
    "of durable",
    "p50 ms",
    "p99 ms",
    "CPU ms",
  ];
  const bytes = Array.from({ length: 1000 }, (_, i) => JSON.stringify(newNote(STREAM, i)).length);
  print(`1. Writes: POST /memories, answered when it is on disk

${table(head, rows)}

  Median of ${rounds} rounds of ${seconds} s for each line, the servers by turns; ratios within a round.
  CPU: of the server, for each request, which other work on the machine disturbs least.
  A note's JSON has ${median(bytes)} bytes (median). The program held ${whole(memories)} at the end.
  For scale: one append and fsync on this disk, without any server: p50 ${ms(disk.p50)} ms, p99 ${
    ms(disk.p99)
  } ms.`);
}
