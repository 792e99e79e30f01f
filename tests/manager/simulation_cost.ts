/**
 * What the loop costs where nothing is to be done: calls and processor time for each user and pass,
 * the longest time that it held the event loop, and the memory that it takes for idle users. The
 * cluster that is simulated beside it is taken out, as far as that can be told.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Simulation } from "./simulation.ts";

const PASSES = 3;
const MIB = 2 ** 20;

export interface Cost {
  readonly users: number;
  readonly callsPerUser: number;
  readonly cpuMsPerUser: number;
  readonly longestBlockMs: number;
  readonly heapBytesPerUser: number;
  readonly residentMib: number;
}

/** Of a simulation that is over, and quiet. */
export async function measure(simulation: Simulation): Promise<Cost> {
  const users = simulation.model.records().length;
  for (const one of simulation.processes) one.kill();
  simulation.processes = [];
  const before = used();
  const manager = simulation.start();
  await simulation.clock.until(manager.pass());
  const after = used();
  const watch = new CallWatch();
  simulation.cluster.faults = watch;
  const cpu = process.cpuUsage();
  for (let pass = 0; pass < PASSES; pass++) await manager.pass();
  const { user, system } = process.cpuUsage(cpu);
  simulation.cluster.faults = {};
  const each = PASSES * users;
  return {
    users,
    callsPerUser: watch.calls / each,
    cpuMsPerUser: ((user + system) / 1_000 - watch.clusterMs) / each,
    longestBlockMs: watch.longestMs,
    heapBytesPerUser: (after.heapUsed - before.heapUsed) / users,
    residentMib: (after.rss - before.rss) / MIB,
  };
}

export function costText(cost: Cost): string {
  const { users, callsPerUser, cpuMsPerUser, longestBlockMs, heapBytesPerUser, residentMib } = cost;
  return `a pass over ${users} idle users: ${callsPerUser.toFixed(1)} calls and ` +
    `${cpuMsPerUser.toFixed(2)} ms of a processor for each; the event loop held for at most ` +
    `${longestBlockMs.toFixed(1)} ms; heap ${heapBytesPerUser.toFixed(0)} bytes for each, ` +
    `${residentMib.toFixed(1)} MiB more resident`;
}

function used(): { readonly heapUsed: number; readonly rss: number } {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") { for (let times = 0; times < 3; times++) collect(); }
  return process.memoryUsage();
}

/** Every call takes a turn of the event loop of its own, as one over a network does. */
class CallWatch {
  calls = 0;
  clusterMs = 0;
  longestMs = 0;
  #turnBegan = 0;
  #callBegan = 0;
  #clusterOfTurn = 0;

  readonly before = async (): Promise<void> => {
    this.calls++;
    // What ran since the turn began was the manager's.
    this.#note();
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnBegan = this.#callBegan = performance.now();
    this.#clusterOfTurn = 0;
  };

  readonly after = (): void => {
    const ms = performance.now() - this.#callBegan;
    this.clusterMs += ms;
    this.#clusterOfTurn += ms;
  };

  #note(): void {
    if (this.#turnBegan === 0) return;
    const ms = performance.now() - this.#turnBegan - this.#clusterOfTurn;
    this.longestMs = Math.max(this.longestMs, ms);
  }
}
