/**
 * The end of a service, within the ten seconds that a supervisor grants: requests that are under way
 * are answered, then what is left of the time is the data's. A disk that hangs does not hold up the
 * end: what was answered is in the journal, and what was not, nobody was promised.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";

const REQUESTS_MS = 6_000, LEAST_MS = 2_000, ALL_MS = 8_000;

export interface Serving {
  /** Takes nothing more, and answers so. */
  stopTaking(): void;
  /** Lets requests end for so long. */
  closeServer(graceMs: number): Promise<void>;
  /** Ends everything else, the store last. */
  close(): Promise<void>;
}

export async function stopServing(serving: Serving, clock: Clock, log: Log): Promise<void> {
  const began = clock.now();
  serving.stopTaking();
  await serving.closeServer(REQUESTS_MS);
  // Not less, and not more, where the clock was turned meanwhile.
  const leftMs = Math.min(ALL_MS, Math.max(LEAST_MS, ALL_MS - (clock.now() - began)));
  const late = Promise.withResolvers<boolean>();
  const timer = clock.after(leftMs, () => late.resolve(false));
  const isClosed = await Promise.race([serving.close().then(() => true), late.promise]);
  timer.cancel();
  if (isClosed) log("info", "stopped", {});
  else log("error", "stop_cut_short", {});
}
