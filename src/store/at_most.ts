import type { Clock } from "../clock.ts";

/** Resolves when the promise does, or when the time is over. */
export async function atMost(clock: Clock, ms: number, end: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = clock.after(ms, over.resolve);
  await Promise.race([end, over.promise]);
  timer.cancel();
}
