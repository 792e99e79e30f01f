/** The log of a service: lines on standard output, never in the way of whoever writes them. */
import { type Log, logger, type LogLevel } from "../log.ts";
import { LineWriter, type Sink } from "./line_writer.ts";

const FLUSH_MS = 1_000;

/**
 * `flush` writes what is still waiting, though it does not wait for long. Standard error is for a
 * program whose output is its client's.
 */
export function standardLog(
  level: LogLevel,
  sink: Sink = Deno.stdout,
): { readonly log: Log; flush(): Promise<void> } {
  const lines = new LineWriter(sink, (lines) => log("warn", "log_dropped", { lines }));
  const log = logger(level, () => new Date().toISOString(), (line) => lines.write(line));
  return { log, flush: () => lines.flush(FLUSH_MS) };
}
