/** Calls that are given up in time, whatever is at the other end of them. */
import type { Clock } from "../clock.ts";
import { EmbedderError } from "../embedder.ts";

/**
 * Runs `action` no longer than `ms` or until `outer` aborts, whether or not it heeds the signal it
 * is given.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (why: string) => {
    reject(new EmbedderError("retry", `Cannot embed: ${why}`));
    inner.abort();
  };
  const stop = () => giveUp("the indexer is stopping");
  if (outer.aborted) stop();
  outer.addEventListener("abort", stop);
  const timer = clock.after(ms, () => giveUp(`no answer within ${ms} ms`));
  try {
    return await Promise.race([givenUp, action(inner.signal)]);
  } finally {
    timer.cancel();
    outer.removeEventListener("abort", stop);
  }
}
