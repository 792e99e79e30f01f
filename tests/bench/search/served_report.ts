/** What was seen of the whole program, in two tables, and what of it was a goal. */
import type { Run } from "../run.ts";
import { mebibytes, ms, table, whole } from "../tables.ts";
import type { Served } from "./served.ts";

export const DIMENSIONS = 1536;
export const MODES = ["keyword", "semantic", "hybrid"] as const;
export const LIMIT_MIB = 512;
const LONGEST_WAIT_MS = 20;
const MANY = 100_000;
const TOLD = ["p50", "p95", "longest", "cpuMs"] as const;

export function report({ print, goals, questions }: Run, served: readonly Served[]): void {
  const steps = served.flatMap(({ stored, steps }) =>
    steps.map(({ what, seconds, residentBytes, peakBytes }) => [
      whole(stored),
      what,
      seconds.toFixed(1),
      mebibytes(residentBytes),
      mebibytes(peakBytes),
    ])
  );
  const searched = served.flatMap(({ stored, searched }) =>
    searched.map(({ mode, alone, others }) => [
      whole(stored),
      mode,
      ...(alone === undefined ? ["", "", "", ""] : TOLD.map((figure) => ms(alone[figure]))),
      ...[others.p50, others.p99, others.longest, others.longestOwn].map(ms),
    ])
  );
  const limits = served.flatMap(({ limited }) => limited === undefined ? [] : `  ${limited}.\n`);
  const waits = ["others p50 ms", "p99 ms", "longest ms", "own ms"];
  const head = ["memories", "mode", "p50 ms", "p95 ms", "longest ms", "CPU ms", ...waits];
  print(`The whole program, with vectors of ${DIMENSIONS} from a provider

${table(["memories", "step", "after s", "resident", "peak so far"], steps)}

  Seconds since the process was started; resident and peak as the kernel counts them (VmRSS, VmHWM).
  Started again, every vector comes out of \`embeddings.db\`.
${limits.join("")}
POST /search over HTTP, and GET /health/live asked every 2 ms while such searches run

${table(head, searched)}

  ${questions} questions that the provider was asked for before, on one connection. Mode "none": what a
  probe waits with nothing else to do, which is the machine's part in the lines below; "own" is the
  longest without the time that both sides waited for a processor.`);
  const many = served.find(({ stored }) => stored === MANY);
  if (many !== undefined) judge(goals, many);
}

function judge(goals: Run["goals"], { steps, searched, limited }: Served): void {
  const resident = Math.max(...steps.map(({ residentBytes }) => residentBytes));
  const peak = Math.max(...steps.map(({ peakBytes }) => peakBytes));
  goals.add(
    `100,000 memories with 1,536-dimension vectors in ${LIMIT_MIB} MiB, the whole process`,
    `resident ${mebibytes(resident)}, peak ${mebibytes(peak)}; ${limited}`,
    peak <= LIMIT_MIB * 2 ** 20,
  );
  const longest = Math.max(...searched.map(({ others }) => others.longest));
  const own = Math.max(...searched.map(({ others }) => others.longestOwn));
  goals.add(
    `no search holds up another request for more than ${LONGEST_WAIT_MS} ms`,
    `${ms(own)} ms, and ${ms(longest)} with the waiting for a processor`,
    (Number.isNaN(own) ? longest : own) <= LONGEST_WAIT_MS,
  );
}
