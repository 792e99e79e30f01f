/** The few numbers that many measurements are told by. */

/** Nearest rank: the smallest value that at least this share of all values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("Cannot take a percentile: there are no values");
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/** The middle value; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take a median: there are no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** What one run of requests came to; times in milliseconds, from the first byte sent to the last
 * byte received. */
export interface Timing {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly longest: number;
  /** What each request took of the server's processors; NaN where the system does not say. */
  readonly cpuMs: number;
}

export function timing(latenciesMs: readonly number[], seconds: number, cpuMs = NaN): Timing {
  return {
    requests: latenciesMs.length,
    perSecond: latenciesMs.length / seconds,
    p50: percentile(latenciesMs, 0.5),
    p95: percentile(latenciesMs, 0.95),
    p99: percentile(latenciesMs, 0.99),
    longest: percentile(latenciesMs, 1),
    cpuMs: cpuMs / latenciesMs.length,
  };
}

/** Several rounds as one: each number is the median of the rounds' numbers, `longest` the longest
 * of all. */
export function medianTiming(rounds: readonly Timing[]): Timing {
  const middle = (of: (timing: Timing) => number) => median(rounds.map(of));
  return {
    requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
    perSecond: middle(({ perSecond }) => perSecond),
    p50: middle(({ p50 }) => p50),
    p95: middle(({ p95 }) => p95),
    p99: middle(({ p99 }) => p99),
    longest: Math.max(...rounds.map(({ longest }) => longest)),
    cpuMs: middle(({ cpuMs }) => cpuMs),
  };
}
