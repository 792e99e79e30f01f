/** Time, passed in wherever it matters, so that tests turn it by hand. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Calls once after the time has passed; a waiting call does not keep the program alive. */
  after(ms: number, call: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, call) {
    const id = setTimeout(call, ms);
    Deno.unrefTimer(id);
    return { cancel: () => clearTimeout(id) };
  },
};

/** RFC 3339, UTC, milliseconds. */
export function timestamp(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
