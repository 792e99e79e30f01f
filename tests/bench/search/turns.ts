/** Engines that hold the same, asked the same questions by turns, so that what drifts falls on all. */
import type { Run } from "../run.ts";
import { median, percentile } from "../statistics.ts";
import { whole } from "../tables.ts";
import type { Subject, Worked } from "./engine.ts";
import { type EngineName, EngineProcess, OURS } from "./engine_process.ts";
import type { RivalName } from "./rivals.ts";

/** The first one is for warming up, and is not counted. */
const ROUNDS = 4;
const SEARCH_SECONDS = 20;

export interface Built {
  readonly process: EngineProcess;
  /** The time that the engine itself took. */
  readonly buildMs: number;
  /** Median of one. */
  readonly addMs: number;
}

export interface BuildOptions {
  readonly subject: Subject;
  readonly names: readonly EngineName[];
  readonly stored: number;
  /** Who is not done by then is left out. */
  readonly seconds: number;
}

/**
 * Ours first, and then the others side by side, as that may take minutes. Whoever cannot be had is
 * left out, with the reason put to `left`.
 */
export async function build(
  { note, rivals }: Pick<Run, "note" | "rivals">,
  { subject, names, stored, seconds }: BuildOptions,
  left: string[],
): Promise<Built[]> {
  const one = async (name: EngineName): Promise<Built | undefined> => {
    let process: EngineProcess | undefined;
    try {
      process = new EngineProcess(name, name === OURS ? [] : await argumentsFor(name, rivals));
      await process.work({ do: "open", engine: name, subject });
      const { done, totalMs, latenciesMs } = await process.work({
        do: "add",
        from: 0,
        to: stored,
        seconds,
      });
      if (done < stored) {
        throw new Error(`only ${whole(done)} of ${whole(stored)} within ${seconds} s`);
      }
      note(`${name}: built in ${(totalMs / 1000).toFixed(1)} s`);
      return { process, buildMs: totalMs, addMs: median(latenciesMs) };
    } catch (error) {
      await process?.end();
      if (name === OURS) throw error;
      left.push(`${name}, ${whole(stored)}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  };
  const ours = await Promise.all(names.filter((name) => name === OURS).map(one));
  const others = await Promise.all(names.filter((name) => name !== OURS).map(one));
  return [...ours, ...others].filter((built) => built !== undefined);
}

/** Installs the others, where that was not done. Throws, with the reason, where one is not to be had. */
async function argumentsFor(name: RivalName, rivals: Run["rivals"]): Promise<readonly string[]> {
  const installed = await rivals();
  const missing = installed.missing.get(name);
  if (missing !== undefined) throw new Error(missing);
  return installed.arguments;
}

export interface Asked {
  /** Of each round, the median. */
  readonly p50s: readonly number[];
  /** The median of the rounds'. */
  readonly p95: number;
  /** Of one question, the median of the rounds' means. */
  readonly cpuMs: number;
  readonly found: readonly (readonly number[])[];
}

export async function askByTurns<P extends EngineProcess>(
  processes: readonly P[],
  questions: number,
): Promise<Map<P, Asked>> {
  const job = { do: "search", from: 0, to: questions, seconds: SEARCH_SECONDS } as const;
  const rounds = new Map(processes.map((process): [P, Worked[]] => [process, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [process, worked] of rounds) {
      const one = await process.work(job);
      if (round > 0) worked.push(one);
    }
  }
  return new Map([...rounds].map(([process, worked]) => [process, {
    p50s: worked.map(({ latenciesMs }) => median(latenciesMs)),
    p95: median(worked.map(({ latenciesMs }) => percentile(latenciesMs, 0.95))),
    cpuMs: median(worked.map(({ cpuMs, done }) => cpuMs / done)),
    found: worked[0]?.found ?? [],
  }]));
}
