/**
 * The process that holds one search engine, ours or another's, and works it on demand: takes jobs
 * from standard input, one JSON line each, and answers each with a line. Both kinds run this very
 * file, ours under Deno and the others under Node, so that they are timed alike, one call after the
 * other on one thread, and the memory that is counted is their own.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

/** Holds items by number. Each function gets ready, untimed, and returns the call that is timed. */
export interface Engine {
  adding(number: number): () => unknown;
  removing(number: number): () => unknown;
  /** The call gives the numbers of what is found, best first. */
  searching(question: number): () => readonly number[] | Promise<readonly number[]>;
  /** How wide an approximate search looks; an exact one has nothing to set. */
  widen?(width: number): void;
}

export type Subject =
  | {
    readonly kind: "vectors";
    /** Files of float32, little-endian, one vector after the other. */
    readonly vectors: string;
    readonly questions: string;
    readonly dimensions: number;
    /** So many will be added at most. */
    readonly most: number;
  }
  | { readonly kind: "words"; readonly stored: number };

export type EngineJob =
  | { readonly do: "open"; readonly engine: string; readonly subject: Subject }
  /** From one number up to and without another; ends early where it takes longer. */
  | {
    readonly do: "add" | "remove" | "search";
    readonly from: number;
    readonly to: number;
    readonly seconds: number;
  }
  | { readonly do: "widen"; readonly width: number }
  /** Lets garbage go, where the process was started so that it can be told to. */
  | { readonly do: "settle" };

export interface Worked {
  readonly done: number;
  /** Of all calls, without the time that the thread waited for a processor, as all times here: that
   * is the neighbours'. */
  readonly totalMs: number;
  /** What the thread worked, without the time that it waited for a processor; getting ready is in
   * it. NaN where the system does not say. */
  readonly cpuMs: number;
  /** Of each call; of very many, an even sample. */
  readonly latenciesMs: readonly number[];
  readonly found: readonly (readonly number[])[];
}

export type EngineAnswer = { readonly worked: Worked } | { readonly problem: string };

/** Makes the engine of a name. */
export type OpenEngine = (name: string, subject: Subject) => Engine | Promise<Engine>;

const MOST_LATENCIES = 2_000;
const NOTHING: Worked = { done: 0, totalMs: 0, cpuMs: 0, latenciesMs: [], found: [] };

/** Until standard input ends. */
export async function serveEngine(open: OpenEngine): Promise<void> {
  let engine: Engine | undefined;
  const answer = async (job: EngineJob): Promise<Worked> => {
    if (job.do === "open") engine = await open(job.engine, job.subject);
    else if (job.do === "settle") collectGarbage();
    else if (job.do === "widen") engine?.widen?.(job.width);
    else if (engine !== undefined) return await work(engine, job);
    return NOTHING;
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const reply: EngineAnswer = await answer(JSON.parse(line) as EngineJob).then(
      (worked) => ({ worked }),
      (error) => ({ problem: String(error) }),
    );
    process.stdout.write(JSON.stringify(reply) + "\n");
  }
}

async function work(
  engine: Engine,
  job: EngineJob & { readonly do: "add" | "remove" | "search" },
): Promise<Worked> {
  const found: (readonly number[])[] = [];
  const latenciesMs: number[] = [];
  let totalMs = 0;
  const before = thread().workedMs;
  for (let number = job.from; number < job.to && totalMs < 1000 * job.seconds; number++) {
    const call = callOf(engine, job.do, number);
    // As in a service, where each request comes in a turn of the event loop of its own.
    if (job.do === "search") await new Promise((resolve) => setImmediate(resolve));
    const waited = thread().waitedMs;
    const began = performance.now();
    const result = await call();
    const took = performance.now() - began;
    // It may have waited just before or after: of a short call that would leave less than nothing.
    const ms = Math.max(0, took - (thread().waitedMs - waited));
    latenciesMs.push(ms);
    totalMs += ms;
    if (job.do === "search" && Array.isArray(result)) found.push(result);
  }
  const every = Math.ceil(latenciesMs.length / MOST_LATENCIES);
  return {
    done: latenciesMs.length,
    totalMs,
    cpuMs: thread().workedMs - before,
    latenciesMs: latenciesMs.filter((_, at) => at % every === 0),
    found,
  };
}

function callOf(engine: Engine, kind: "add" | "remove" | "search", number: number): () => unknown {
  if (kind === "search") return engine.searching(number);
  return kind === "add" ? engine.adding(number) : engine.removing(number);
}

/** What this thread worked so far, and how long it was ready to and others ran (Linux; elsewhere
 * neither is known, and all time counts). */
function thread(): { readonly workedMs: number; readonly waitedMs: number } {
  try {
    const [worked, waited] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return { workedMs: Number(worked) / 1e6, waitedMs: Number(waited) / 1e6 };
  } catch {
    return { workedMs: NaN, waitedMs: 0 };
  }
}

function collectGarbage(): void {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect === "function") collect();
}
