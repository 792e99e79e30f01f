/** What lies in a directory, two levels deep, with the sizes of its files. */
import { Pace } from "../../pace.ts";
import { Best } from "../../ranking.ts";
import { compareKeys } from "../../selection.ts";

/** More would fill a model's window; the rest is seen by looking into one directory after another. */
const MOST_ENTRIES = 1_000;
const LEVELS = 2;
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

/** A line for the directory itself, then one for each thing in it; no path is there twice. */
export async function shownTree(directory: string, files: Iterable<SizedFile>): Promise<string> {
  const pace = new Pace();
  const first = new Best<Entry>(MOST_ENTRIES, compareEntries);
  const directories = new Map<string, Entry>();
  let entries = 0, total = 0;
  for (const { path, bytes } of files) {
    if (pace.due) await pace.breathe();
    total += bytes;
    const names = path.split("/", LEVELS + 1);
    const shown = levelsShown(names);
    for (let level = 1; level <= Math.min(shown, names.length - 1); level++) {
      addTo(directories, names.slice(0, level), bytes);
    }
    if (shown < names.length) continue;
    first.offer({ names, isDirectory: false, bytes });
    entries++;
  }
  for (const entry of directories.values()) {
    if (pace.due) await pace.breathe();
    first.offer(entry);
  }
  const lines = first.sorted().map(({ names, isDirectory, bytes }) =>
    `${sizeOf(bytes)}\t${directory}/${names.join("/")}${isDirectory ? "/" : ""}`
  );
  const left = entries + directories.size - lines.length;
  const rest = left > 0 ? [`${left} more are not shown: view the directories one by one`] : [];
  return [`${sizeOf(total)}\t${directory}`, ...lines, ...rest].join("\n");
}

/** How many of the names, from the first on, are within the levels, and in nothing hidden. */
function levelsShown(names: readonly string[]): number {
  const hidden = names.findIndex((name) => name.startsWith(".") || name === "node_modules");
  return Math.min(LEVELS, hidden === -1 ? names.length : hidden);
}

function addTo(directories: Map<string, Entry>, names: readonly string[], bytes: number): void {
  const path = names.join("/");
  const known = directories.get(path);
  if (known === undefined) directories.set(path, { names, isDirectory: true, bytes });
  else known.bytes += bytes;
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
