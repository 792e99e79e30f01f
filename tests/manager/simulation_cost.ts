/**
 * What the loop costs where nothing is to be done: calls and processor time for each user and pass,
 * and the longest time that it held the event loop: without the cluster that is simulated beside it.
 * The memory of the two cannot be told apart.
 */
import process from "node:process";
import type { Simulation } from "./simulation.ts";

const PASSES = 3;

export interface Cost {
  readonly users: number;
  readonly callsPerUser: number;
  readonly cpuMsPerUser: number;
  readonly longestBlockMs: number;
  /** Resident, of this process: most of it is the simulated cluster. */
  readonly mibBeside: number;
}

/** Of a simulation that is over, and quiet. */
export async function measure(simulation: Simulation): Promise<Cost> {
  const users = simulation.model.records().length;
  for (const one of simulation.processes) one.kill();
  simulation.processes = [];
  const looks = lookingOf(simulation);
  await simulation.clock.until(looks());
  const watch = new CallWatch();
  simulation.cluster.faults = watch;
  const cpu = process.cpuUsage();
  for (let pass = 0; pass < PASSES; pass++) await looks();
  const { user, system } = process.cpuUsage(cpu);
  simulation.cluster.faults = {};
  const each = PASSES * users;
  return {
    users,
    callsPerUser: watch.calls / each,
    cpuMsPerUser: ((user + system) / 1_000 - watch.clusterMs) / each,
    longestBlockMs: watch.longestMs,
    mibBeside: process.memoryUsage().rss / 2 ** 20,
  };
}

export function costText(cost: Cost): string {
  const { users, callsPerUser, cpuMsPerUser, longestBlockMs, mibBeside } = cost;
  return `a pass over ${users} idle users: ${callsPerUser.toFixed(1)} calls and ` +
    `${cpuMsPerUser.toFixed(2)} ms of a processor for each; the event loop held for at most ` +
    `${longestBlockMs.toFixed(1)} ms; ${
      mibBeside.toFixed(0)
    } MiB resident, the simulated cluster with it`;
}

/** The manager itself is held by the simulation alone, so that it can be let go. */
function lookingOf(simulation: Simulation): () => Promise<void> {
  simulation.start();
  return () => simulation.processes[0]?.pass() ?? Promise.reject(new Error("nobody looks"));
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
