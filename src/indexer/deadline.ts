/** Calls of the provider that are given up in time. */
import type { Clock } from "../clock.ts";
import { withDeadline } from "../deadline.ts";
import { EmbedderError } from "../embedder.ts";

/** Throws `EmbedderError` after `ms`, and as soon as `stopping` aborts. */
export function embedInTime<T>(
  clock: Clock,
  ms: number,
  stopping: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const givenUp = (why: string) => new EmbedderError("retry", `Cannot embed: ${why}`);
  return withDeadline({
    clock,
    ms,
    late: () => givenUp(`no answer within ${ms} ms`),
    signal: stopping,
    aborted: () => givenUp("the indexer is stopping"),
  }, action);
}
