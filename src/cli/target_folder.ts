/**
 * Writes many files as a folder that appears whole or not at all, beside what may be there: a folder
 * with something in it is somebody's, and left alone.
 */
import { basename, dirname, join, normalize, resolve, sep } from "node:path";
import type { TargetFile } from "../formats.ts";
import { CommandError, reasonOf } from "./terminal.ts";

/** The disk takes many at once for little more than one. */
const SYNCED_AT_ONCE = 32;
const PRIVATE = { recursive: true, mode: 0o700 } as const;
/** What ends the program, and the exit code that says so. */
const SIGNALS = [["SIGINT", 130], ["SIGTERM", 143]] as const;

/** What the files' own source throws is passed on as it is. */
export async function writeFolder(
  path: string,
  files: AsyncIterable<TargetFile>,
): Promise<void> {
  const folder = resolve(path);
  const cannot = (error: unknown) =>
    new CommandError(`Cannot write ${JSON.stringify(path)}: ${reasonOf(error)}`);
  const failed = (error: unknown) => Promise.reject(cannot(error));
  await requireRoom(path).catch(failed);
  const draft = join(dirname(folder), `.${basename(folder)}.${crypto.randomUUID()}.tmp`);
  using _ = removedOnSignals(draft);
  await Deno.mkdir(draft, { mode: 0o700 }).catch(failed);
  try {
    // Where it cannot make way, as a mount cannot, that is told before all the work.
    await Deno.remove(folder).catch(unlessNone).catch(failed);
    const folders = new Set([draft]);
    const written: string[] = [];
    for await (const { path: name, text } of files) {
      const file = join(draft, name);
      if (!file.startsWith(draft + sep)) throw cannot(new CommandError("a name leads out"));
      if (!folders.has(dirname(file))) await Deno.mkdir(dirname(file), PRIVATE).catch(failed);
      folders.add(dirname(file));
      await Deno.writeTextFile(file, text, { createNew: true, mode: 0o600 }).catch(failed);
      written.push(file);
    }
    await syncAll([...written, ...folders]).catch(failed);
    await Deno.rename(draft, folder).catch(failed);
    await syncAll([dirname(folder)]).catch(failed);
  } catch (error) {
    await Deno.remove(draft, { recursive: true }).catch(() => {}); // The first failure is told.
    throw error;
  }
}

/** Nothing, or an empty folder, which the new one takes the place of. */
async function requireRoom(path: string): Promise<void> {
  if (normalize(path) === ".") throw new CommandError("it is where you are; name a new folder");
  try {
    const { isDirectory, isSymlink } = await Deno.lstat(path);
    if (isSymlink) throw new CommandError("it is a link; name a new folder");
    if (!isDirectory) throw new CommandError("it is there and is no folder");
    for await (const _ of Deno.readDir(path)) {
      throw new CommandError("it is there and has something in it; name a new folder");
    }
  } catch (error) {
    unlessNone(error);
  }
}

function unlessNone(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** With the disk's own word for it: a folder that is there after a power cut has all its files. */
async function syncAll(paths: readonly string[]): Promise<void> {
  for (let first = 0; first < paths.length; first += SYNCED_AT_ONCE) {
    await Promise.all(
      paths.slice(first, first + SYNCED_AT_ONCE).map(async (path) => {
        using file = await Deno.open(path);
        await file.sync();
      }),
    );
  }
}

/** An end by a signal leaves nothing of it behind either. */
function removedOnSignals(draft: string): Disposable {
  const listeners = SIGNALS.map(([signal, code]) => {
    const end = () => {
      try {
        removeNow(draft);
      } finally {
        Deno.exit(code);
      }
    };
    Deno.addSignalListener(signal, end);
    return () => Deno.removeSignalListener(signal, end);
  });
  return { [Symbol.dispose]: () => listeners.forEach((remove) => remove()) };
}

function removeNow(draft: string): void {
  try {
    Deno.removeSync(draft, { recursive: true });
  } catch {
    // What was being written may have come in between; there is no more of it.
    Deno.removeSync(draft, { recursive: true });
  }
}
