/**
 * Time as the indexer sees it: passed in, so that a test turns it by hand. Milliseconds that only
 * ever go forward; not the time of day.
 */
import { EmbedderError } from "../embedder.ts";

export interface Clock {
  now(): number;
  /** Runs once, `ms` from now; the returned function takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Lets everything else that is waiting have its turn. */
export function turn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(0, resolve));
}

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
  const cancel = clock.after(ms, () => giveUp(`no answer within ${ms} ms`));
  try {
    return await Promise.race([givenUp, action(inner.signal)]);
  } finally {
    cancel();
    outer.removeEventListener("abort", stop);
  }
}
