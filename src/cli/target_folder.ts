/**
 * Writes many files as a folder that appears whole or not at all, beside what may be there: a folder
 * with something in it is somebody's, and left alone.
 */
import { basename, dirname, join, resolve, sep } from "node:path";
import type { TargetFile } from "../formats.ts";
import { CommandError, reasonOf } from "./terminal.ts";

/** Returns how many files it wrote. What the files' own source throws is passed on as it is. */
export async function writeFolder(
  path: string,
  files: AsyncIterable<TargetFile>,
): Promise<number> {
  const folder = resolve(path);
  const cannot = (error: unknown) =>
    new CommandError(`Cannot write ${JSON.stringify(path)}: ${reasonOf(error)}`);
  const failed = (error: unknown) => Promise.reject(cannot(error));
  await requireRoom(folder).catch(failed);
  const draft = join(dirname(folder), `.${basename(folder)}.${crypto.randomUUID()}.tmp`);
  await Deno.mkdir(draft, { mode: 0o700 }).catch(failed);
  try {
    const made = new Set<string>();
    let count = 0;
    for await (const { path: name, text } of files) {
      const file = join(draft, name);
      if (!file.startsWith(draft + sep)) throw cannot(new CommandError("a name leads out"));
      if (!made.has(dirname(file))) await Deno.mkdir(dirname(file), PRIVATE).catch(failed);
      made.add(dirname(file));
      await Deno.writeTextFile(file, text, { createNew: true, mode: 0o600 }).catch(failed);
      count++;
    }
    await Deno.rename(draft, folder).catch(failed);
    return count;
  } catch (error) {
    await Deno.remove(draft, { recursive: true }).catch(() => {}); // The first failure is told.
    throw error;
  }
}

const PRIVATE = { recursive: true, mode: 0o700 } as const;

/** Nothing, or an empty folder, which the new one takes the place of. */
async function requireRoom(folder: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(folder)) {
      throw new CommandError("it is there and has something in it; name a new folder");
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) {
      throw new CommandError("it is there and is no folder");
    }
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
