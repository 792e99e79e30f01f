/** What was seen of the whole program with its vectors in Qdrant, and what of it was a goal. */
import type { Run } from "../run.ts";
import { mebibytes, ms, table, whole } from "../tables.ts";
import { DIMENSIONS, type Stored, type StoredStep } from "./stored.ts";

const MANY = 100_000;
const MOST_MIB = 200;
const LONGEST_WAIT_MS = 20;

export function report({ print, goals, questions }: Run, seen: Stored): void {
  const { stored, vectors, steps, searched } = seen;
  const times = searched.map(({ mode, timing: { p50, p95, longest, cpuMs } }) => [
    mode,
    ...[p50, p95, longest, cpuMs].map(ms),
  ]);
  const head = ["step", "after s", "resident", "peak so far", "requests", "read", "others p99 ms"];
  print(`Vectors in Qdrant: ${whole(stored)} memories, ${whole(vectors)} vectors of ${DIMENSIONS}

${table([...head, "longest ms", "own ms"], steps.map(rowOf))}

  Of each process by itself; seconds since it was started, resident and peak as the kernel counts
  them (VmRSS, VmHWM). Requests: what Qdrant was asked since the last line. Read: from files and
  connections since then. Others: GET /health/live every 2 ms meanwhile; "own" is the longest
  without the time that both sides waited for a processor. It is not Qdrant that was asked, but
  what stands in for it in the tests, which compares every vector: its times are not Qdrant's.

${table(["POST /search", "p50 ms", "p95 ms", "longest ms", "CPU ms"], times)}

  ${questions} questions that the provider was asked for before, on one connection. The vector
  store itself is asked by this bench, for the same brain; what stands in for Qdrant compares each
  vector anew and filters by looking at every payload. CPU: of the brain.`);
  if (stored === MANY) judge(goals, steps);
}

function rowOf(step: StoredStep): string[] {
  const { what, seconds, residentBytes, peakBytes, requests, readBytes, others } = step;
  const waits = others && [others.p99, others.longest, others.longestOwn].map(ms);
  return [
    what,
    seconds.toFixed(1),
    mebibytes(residentBytes),
    mebibytes(peakBytes),
    Number.isNaN(requests) ? "" : whole(requests),
    mebibytes(readBytes),
    ...waits ?? ["", "", ""],
  ];
}

function judge(goals: Run["goals"], [, texts, ...steps]: readonly StoredStep[]): void {
  const most = (of: (step: StoredStep) => number) => Math.max(...steps.map(of));
  const over = most(({ residentBytes }) => residentBytes) - (texts?.residentBytes ?? NaN);
  const peak = most(({ peakBytes }) => peakBytes) - (texts?.peakBytes ?? NaN);
  goals.add(
    `100,000 memories with 1,536-dimension vectors in Qdrant: ${MOST_MIB} MiB over their texts`,
    `resident ${mebibytes(over)} more at most, peak ${mebibytes(peak)} more`,
    over <= MOST_MIB * 2 ** 20,
  );
  const own = most(({ others }) => others?.longestOwn ?? 0);
  goals.add(
    `no work for Qdrant holds up another request for more than ${LONGEST_WAIT_MS} ms`,
    `${ms(own)} ms, and ${
      ms(most(({ others }) => others?.longest ?? 0))
    } with the waiting for a processor`,
    own <= LONGEST_WAIT_MS,
  );
}
