/** What lies in a directory, two levels deep, with the sizes of its files. */
import { Pace } from "../../pace.ts";
import { Best } from "../../ranking.ts";
import { compareKeys } from "../../selection.ts";

/** More would fill a model's window; the rest is seen by looking into one directory after another. */
const MOST_ENTRIES = 1_000;
const UNITS = ["B", "K", "M", "G"] as const;

export interface SizedFile {
  /** Below the directory, without a slash before it. */
  readonly path: string;
  readonly bytes: number;
}

interface Entry {
  readonly names: readonly string[];
  readonly isDirectory: boolean;
  bytes: number;
}

/** A line for the directory itself, then one for each thing in it. */
export async function shownTree(directory: string, files: Iterable<SizedFile>): Promise<string> {
  const pace = new Pace();
  const entries = new Map<string, Entry>();
  let total = 0;
  for (const { path, bytes } of files) {
    if (pace.due) await pace.breathe();
    total += bytes;
    for (const entry of entriesOf(path.split("/"))) {
      const key = `${entry.names.join("/")}${entry.isDirectory ? "/" : ""}`;
      const known = entries.get(key);
      if (known === undefined) entries.set(key, { ...entry, bytes });
      else known.bytes += bytes;
    }
  }
  const first = new Best<Entry>(MOST_ENTRIES, compareEntries);
  for (const entry of entries.values()) {
    if (pace.due) await pace.breathe();
    first.offer(entry);
  }
  const lines = first.sorted().map(({ names, isDirectory, bytes }) =>
    `${sizeOf(bytes)}\t${directory}/${names.join("/")}${isDirectory ? "/" : ""}`
  );
  const left = entries.size - lines.length;
  const rest = left > 0 ? [`${left} more are not shown: view the directories one by one`] : [];
  return [`${sizeOf(total)}\t${directory}`, ...lines, ...rest].join("\n");
}

/** The file, or the directories that it lies in, as far as they are within two levels and shown. */
function entriesOf(names: readonly string[]): Omit<Entry, "bytes">[] {
  const found: Omit<Entry, "bytes">[] = [];
  for (let level = 1; level <= Math.min(2, names.length); level++) {
    if (isHidden(names[level - 1] ?? "")) break;
    found.push({ names: names.slice(0, level), isDirectory: level < names.length });
  }
  return found;
}

function isHidden(name: string): boolean {
  return name.startsWith(".") || name === "node_modules";
}

/** A directory comes right before what is in it; where a file has its name, behind that. */
function compareEntries(a: Entry, b: Entry): number {
  return compareKeys(a.names[0] ?? "", b.names[0] ?? "") ||
    compareKeys(a.names[1] ?? "", b.names[1] ?? "") ||
    compareKeys(Number(a.isDirectory), Number(b.isDirectory));
}

/** As people read it: `5.5K`, `1.2M`. */
function sizeOf(bytes: number): string {
  let size = bytes, unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Number.isInteger(size) ? size : size.toFixed(1)}${UNITS[unit]}`;
}
