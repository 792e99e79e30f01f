/** Waits that are given up in time, whatever is at the other end of them. Who waits says what is
 * thrown then. */
import type { Clock } from "./clock.ts";

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** What is thrown once they are over. */
  readonly late: () => Error;
  /** Ends the wait before. */
  readonly signal: AbortSignal;
  /** What is thrown then; left out: the signal's reason. */
  readonly aborted?: (() => Error) | undefined;
}

/** Runs `action` until the deadline, whether or not it heeds the signal that it is given. */
export async function withDeadline<T>(
  { clock, ms, late, signal, aborted }: Deadline,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const stop = () => inner.abort(aborted?.() ?? signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  const timer = clock.after(ms, () => inner.abort(late()));
  try {
    return await orAborted(inner.signal, () => action(inner.signal));
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", stop);
    // What was asked at the same time is of no use any more.
    inner.abort();
  }
}

/** Waits for the work no longer than the signal allows; then throws its reason, if nothing else. */
export async function orAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  thrown: () => unknown = () => signal?.reason,
): Promise<T> {
  if (signal?.aborted) throw thrown();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(thrown());
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
