/** Searches that are given up in time, whatever is at the other end of them. */
import type { Clock } from "../../clock.ts";
import { QdrantError } from "./points.ts";

/** Runs `action` no longer than `ms` or until `outer` aborts, whether or not it heeds its signal;
 * throws `QdrantError`, or the reason of `outer`. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted();
  const inner = new AbortController();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = (reason: unknown) => {
    reject(reason);
    inner.abort(reason);
  };
  const stop = () => giveUp(outer.reason);
  outer.addEventListener("abort", stop);
  const timer = clock.after(ms, () => {
    giveUp(new QdrantError("busy", `Cannot search in Qdrant: no answer within ${ms} ms`));
  });
  try {
    return await Promise.race([givenUp, action(inner.signal)]);
  } finally {
    timer.cancel();
    outer.removeEventListener("abort", stop);
    // What was asked at the same time is of no use any more.
    inner.abort();
  }
}
