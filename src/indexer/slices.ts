/** Many memories a few at a time: their vectors are held together. */
import type { Memory } from "../memory.ts";
import { Pace } from "../pace.ts";

const SLICE = { memories: 100, characters: 100_000 } as const;

/** Does the work on one slice after the other, and lets others run in between. */
export async function inSlices(
  memories: Iterable<Memory>,
  stopping: AbortSignal,
  work: (slice: readonly Memory[]) => Promise<void>,
): Promise<void> {
  const pace = new Pace();
  let slice: Memory[] = [];
  let characters = 0;
  for (const memory of memories) {
    slice.push(memory);
    characters += memory.content.length;
    if (slice.length < SLICE.memories && characters < SLICE.characters) continue;
    await work(slice);
    slice = [];
    characters = 0;
    if (pace.due) await pace.breathe();
    if (stopping.aborted) return;
  }
  await work(slice);
}

/** Those of them that are there, each as it is when its turn comes. */
export function* memoriesOf(
  ids: Iterable<string>,
  memoryOf: (id: string) => Memory | undefined,
): Generator<Memory> {
  for (const id of ids) {
    const memory = memoryOf(id);
    if (memory !== undefined) yield memory;
  }
}
