/** Reading one memory, and listing twenty, among few and among many. */
import { Server } from "./processes.ts";
import type { Run } from "./run.ts";
import { medianTiming, type Timing } from "./statistics.ts";
import { ms, table, whole } from "./tables.ts";

const CONNECTIONS = [1, 32] as const;
const KINDS = { read: "GET /memories/{id}", list: "GET /memories?limit=20" } as const;

export async function measureReads(run: Run): Promise<void> {
  const { folders, sizes, load, note, rounds, seconds, print } = run;
  const rows: string[][] = [];
  for (const stored of sizes) {
    note(`reads: among ${whole(stored)}`);
    const server = Server.brain(await folders.filled(stored));
    await server.answers("ready");
    await server.answersWords();
    for (const kind of ["read", "list"] as const) {
      for (const connections of CONNECTIONS) {
        const ask = kind === "read" ? { kind, stored } : { kind };
        await load.run(server, { ask, connections, seconds: seconds / 4 });
        const timings: Timing[] = [];
        for (let round = 0; round < Math.min(rounds, 3); round++) {
          timings.push(await load.run(server, { ask, connections, seconds: seconds / 2 }));
        }
        const { perSecond, p50, p99, cpuMs } = medianTiming(timings);
        const figures = [whole(perSecond), ms(p50), ms(p99), ms(cpuMs)];
        rows.push([KINDS[kind], whole(stored), String(connections), ...figures]);
      }
    }
    await server.stop();
  }
  const byKind = Object.values(KINDS).flatMap((name) => rows.filter(([kind]) => kind === name));
  const head = ["request", "memories", "connections", "per second", "p50 ms", "p99 ms", "CPU ms"];
  print(`2. Reads\n\n${table(head, byKind)}

  Median of ${Math.min(rounds, 3)} runs of ${seconds / 2} s.`);
}
