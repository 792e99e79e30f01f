/** The log: one JSON object a line on standard output. Never a memory's text, never the key. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogDetail = Readonly<Record<string, string | number | boolean | null>>;

export type Log = (level: LogLevel, event: string, detail?: LogDetail) => void;

/** What a part of the service tells of itself in words: of level `warn`, if nothing else is said. */
export type Say = (message: string, level?: LogLevel) => void;

/** A value is cut here: a line must stay a line that a collector takes. */
const MOST_CHARACTERS = 1_000;

/** `write` gets whole lines; JSON escapes what could break out of one. */
export function logger(
  least: LogLevel,
  now: () => string,
  write: (line: string) => void,
): Log {
  return (level, event, detail = {}) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const cut = Object.entries(detail).map(([name, value]) => [
      name,
      typeof value === "string" ? value.slice(0, MOST_CHARACTERS) : value,
    ]);
    write(JSON.stringify({ time: now(), level, event, ...Object.fromEntries(cut) }) + "\n");
  };
}

/** How loud an event of a service is: what it tells of itself is something to look at, mostly. */
export function levelOf(event: string): LogLevel {
  return LEVELS.get(event) ?? "warn";
}

const LEVELS: ReadonlyMap<string, LogLevel> = new Map([
  ["disk_failed", "error"],
  ["folder_lost", "error"],
  ["backup_written", "info"],
]);
