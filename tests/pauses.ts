/**
 * How long the event loop stands still. What counts is the time that this thread worked, or waited
 * for what it had called, but not the time that it waited for a processor: that is the neighbours'.
 * Where the system does not tell the two apart, all counts.
 */

/** Milliseconds that this thread was ready to run, and another one ran. */
function waitedMs(): number {
  const [, waitedNs = ""] = Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ");
  return Number(waitedNs) / 1e6;
}

function canTell(): boolean {
  try {
    return waitedMs() >= 0;
  } catch {
    return false; // Not Linux, or without these figures.
  }
}

const ownMs = canTell() ? () => performance.now() - waitedMs() : () => performance.now();

/** With the longest time between two turns of the event loop while the work runs. */
export async function withPauses<T>(
  work: () => Promise<T>,
): Promise<{ readonly longestMs: number; readonly result: T }> {
  let longestMs = 0, last = ownMs(), running = true;
  const turn = () => {
    const now = ownMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    const result = await work();
    await new Promise((resolve) => setImmediate(resolve));
    return { longestMs, result };
  } finally {
    running = false;
  }
}
