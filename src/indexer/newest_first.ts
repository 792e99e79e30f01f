/** Memories in the order in which they are embedded, sorted without holding up anybody. */
import type { Memory } from "../memory.ts";
import { Pace } from "../pace.ts";
import { compareKeys } from "../selection.ts";

const RUN = 1_000;

/** The newest first, some at a time: short runs are sorted, then merged two by two. */
export async function* newestFirst(memories: readonly Memory[]): AsyncGenerator<Memory[]> {
  const pace = new Pace();
  let runs: Memory[][] = [];
  for (let from = 0; from < memories.length; from += RUN) {
    runs.push(memories.slice(from, from + RUN).sort(byAge));
    if (pace.due) await pace.breathe();
  }
  while (runs.length > 1) {
    const merged: Memory[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], pace));
    }
    runs = merged;
  }
  const [sorted = []] = runs;
  for (let from = 0; from < sorted.length; from += RUN) {
    yield sorted.slice(from, from + RUN);
    if (pace.due) await pace.breathe();
  }
}

function byAge(a: Memory, b: Memory): number {
  return compareKeys(b.created_at, a.created_at);
}

async function merge(a: readonly Memory[], b: readonly Memory[], pace: Pace): Promise<Memory[]> {
  const merged: Memory[] = [];
  for (let atA = 0, atB = 0;;) {
    const [nextA, nextB] = [a[atA], b[atB]];
    if (nextA === undefined) return [...merged, ...b.slice(atB)];
    if (nextB === undefined) return [...merged, ...a.slice(atA)];
    if (byAge(nextA, nextB) <= 0) {
      merged.push(nextA);
      atA++;
    } else {
      merged.push(nextB);
      atB++;
    }
    if (merged.length % RUN === 0 && pace.due) await pace.breathe();
  }
}
