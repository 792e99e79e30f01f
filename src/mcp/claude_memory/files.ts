/**
 * Files that are memories: the text of a file is the content of one memory, and where it lies stands
 * in its metadata, so that a search finds it, also by its name, and a person can edit or delete it
 * like any other. Directories are only parts of paths: one is there while a file is in it.
 *
 * Promises: commands take effect one after the other; what others do to a memory in between is seen
 * and never overwritten. A directory is renamed and deleted file by file.
 */
import { Buffer } from "node:buffer";
import { AppError } from "../../errors.ts";
import type { Listing } from "../../listing.ts";
import { Locks } from "../../locks.ts";
import type { Memories } from "../../memories.ts";
import type { Memory } from "../../memory.ts";
import { paced } from "../../pace.ts";
import { inserted, type LineRange, replaced, shownLines } from "./lines.ts";
import { isBelow, isFilePath, requireLength, ROOT } from "./paths.ts";
import { Refusal } from "./refusal.ts";
import { contentOf, type FileContent, textOf } from "./text.ts";
import { shownTree, type SizedFile } from "./tree.ts";

/** By this, and a path, others know such a memory. */
const SOURCE = "claude-memory";
/** Written side by side, so that they share what the disk takes for one. */
const AT_ONCE = 64;
/** How often a command is begun, where somebody changes its memory between reading and writing. */
const MOST_ATTEMPTS = 50;

interface MemoryFile {
  readonly path: string;
  readonly memory: Memory;
}

/** What of a brain is needed. */
export interface MemoryKeeper {
  readonly listing: Pick<Listing, "select">;
  readonly memories: Pick<Memories, "create" | "read" | "patch" | "delete">;
}

export class MemoryFiles {
  readonly #brain: MemoryKeeper;
  readonly #locks = new Locks();

  constructor(brain: MemoryKeeper) {
    this.#brain = brain;
  }

  async view(path: string, range: LineRange | undefined, signal: AbortSignal): Promise<string> {
    return await this.#inTurn(signal, async () => {
      const files = await this.#about([path]);
      const file = files.find((file) => file.path === path);
      if (file !== undefined) {
        const { memory } = this.#brain.memories.read(file.memory.id);
        const lines = await shownLines(textOf(memory), range);
        return `Here's the content of ${path} with line numbers:\n${lines}`;
      }
      const below = files.filter((file) => isBelow(file.path, path));
      if (below.length === 0 && path !== ROOT) {
        throw new Refusal(`The path ${path} does not exist. Please provide a valid path.`);
      }
      const tree = await shownTree(path, sizesOf(path, below));
      return `Here're the files and directories up to 2 levels deep in ${path}, excluding hidden ` +
        `items and node_modules:\n${tree}`;
    });
  }

  async create(path: string, text: string, signal: AbortSignal): Promise<string> {
    return await this.#inTurn(signal, async () => {
      const files = await this.#about([path]);
      if (path === ROOT || files.some((file) => isAtOrBelow(file.path, path))) {
        throw new Refusal(`Error: File ${path} already exists`);
      }
      requireNoFileAbove(path, files);
      const { content, blank_text } = contentOf(path, text);
      const where = { source: SOURCE, filename: path };
      const metadata = blank_text === null ? where : { ...where, blank_text };
      await this.#brain.memories.create({ content, metadata });
      return `File created successfully at: ${path}`;
    });
  }

  async replace(
    path: string,
    before: string,
    after: string,
    signal: AbortSignal,
  ): Promise<string> {
    return await this.#inTurn(signal, async () => {
      const missing = `Error: The path ${path} does not exist. Please provide a valid path.`;
      const { memory } = await this.#file(path, missing);
      const { text, snippet } = replaced({ path, text: textOf(memory), before, after });
      await this.#write(memory, contentOf(path, text));
      return "The memory file has been edited. Here is the snippet showing the change (with line " +
        `numbers):\n${snippet}`;
    });
  }

  async insert(path: string, line: number, more: string, signal: AbortSignal): Promise<string> {
    return await this.#inTurn(signal, async () => {
      const { memory } = await this.#file(path, `Error: The path ${path} does not exist`);
      await this.#write(memory, contentOf(path, inserted(textOf(memory), line, more)));
      return `The file ${path} has been edited.`;
    });
  }

  async delete(path: string, signal: AbortSignal): Promise<string> {
    return await this.#inTurn(signal, async () => {
      if (path === ROOT) {
        throw new Refusal("Error: Cannot delete the /memories directory itself");
      }
      const files = (await this.#about([path])).filter((file) => isAtOrBelow(file.path, path));
      if (files.length === 0) throw new Refusal(`Error: The path ${path} does not exist`);
      await inParts(files, signal, async (file) => {
        await this.#brain.memories.delete(file.memory.id, isStillAt(file.path));
      });
      return `Successfully deleted ${path}`;
    });
  }

  async rename(from: string, to: string, signal: AbortSignal): Promise<string> {
    return await this.#inTurn(signal, async () => {
      if (from === ROOT) {
        throw new Refusal("Error: Cannot rename the /memories directory itself");
      }
      const files = await this.#about([from, to]);
      if (to === ROOT || files.some((file) => isAtOrBelow(file.path, to))) {
        throw new Refusal(`Error: The destination ${to} already exists`);
      }
      const moved = files.filter((file) => isAtOrBelow(file.path, from));
      if (moved.length === 0) throw new Refusal(`Error: The path ${from} does not exist`);
      if (isBelow(to, from)) throw new Refusal(`Error: Cannot move ${from} into itself`);
      requireNoFileAbove(to, files);
      const destinationOf = (file: MemoryFile) => to + file.path.slice(from.length);
      for (const file of moved) requireLength(destinationOf(file));
      await inParts(moved, signal, async (file) => {
        const metadata = { filename: destinationOf(file) };
        await this.#brain.memories.patch(file.memory.id, { metadata }, isStillAt(file.path));
      });
      return `Successfully renamed ${from} to ${to}`;
    });
  }

  async #write(memory: Memory, { content, blank_text }: FileContent): Promise<void> {
    // What was read is what is changed, or the command begins again.
    const isSame = (now: Memory) => now === memory;
    // As a patch: a null takes out what another text left there.
    await this.#brain.memories.patch(memory.id, { content, metadata: { blank_text } }, isSame);
  }

  async #file(path: string, missing: string): Promise<MemoryFile> {
    const file = (await this.#about([path])).find((file) => file.path === path);
    if (file === undefined) throw new Refusal(missing);
    return file;
  }

  /** What lies at the paths, below them, or on the way to them; of several at one path the oldest
   * comes first, and is what the path means. */
  async #about(paths: readonly string[]): Promise<readonly MemoryFile[]> {
    const isAbout = (file: string) =>
      paths.some((path) => isAtOrBelow(file, path) || isBelow(path, file));
    const memories = await this.#brain.listing.select((memory) => {
      const path = pathOf(memory);
      return path !== undefined && isAbout(path);
    });
    return await paced(memories, (memory) => ({ path: pathOf(memory) ?? "", memory }));
  }

  async #inTurn(signal: AbortSignal, command: () => Promise<string>): Promise<string> {
    return await this.#locks.run("files", async () => {
      for (let attempt = 1;; attempt++) {
        signal.throwIfAborted();
        try {
          return await command();
        } catch (error) {
          if (!isGone(error)) throw error;
          if (attempt === MOST_ATTEMPTS) throw contended();
        }
      }
    });
  }
}

/** Where the file lies that the memory is, if it is one. */
function pathOf({ metadata }: Memory): string | undefined {
  const { source, filename } = metadata;
  if (source !== SOURCE || typeof filename !== "string") return undefined;
  return isFilePath(filename) ? filename : undefined;
}

/** What a path means, once. */
function* sizesOf(directory: string, files: readonly MemoryFile[]): Generator<SizedFile> {
  const seen = new Set<string>();
  for (const { path, memory } of files) {
    if (seen.has(path)) continue;
    seen.add(path);
    yield { path: path.slice(directory.length + 1), bytes: Buffer.byteLength(textOf(memory)) };
  }
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || isBelow(path, directory);
}

function isStillAt(path: string): (memory: Memory) => boolean {
  return (memory) => pathOf(memory) === path;
}

function requireNoFileAbove(path: string, files: readonly MemoryFile[]): void {
  const above = files.find((file) => isBelow(path, file.path));
  if (above === undefined) return;
  throw new Refusal(`Error: The path ${above.path} is a file, not a directory`);
}

/** Somebody else changed or deleted the memory. */
function isGone(error: unknown): boolean {
  return error instanceof AppError &&
    (error.code === "precondition_failed" || error.code === "not_found");
}

function contended(): AppError {
  return new AppError(
    "precondition_failed",
    "Cannot change the file: others keep changing its memory; try again",
  );
}

/** Some at a time, to the end of each part; what is gone by then need not be done. */
async function inParts(
  files: readonly MemoryFile[],
  signal: AbortSignal,
  work: (file: MemoryFile) => Promise<void>,
): Promise<void> {
  let done = 0;
  for (let from = 0; from < files.length; from += AT_ONCE) {
    signal.throwIfAborted();
    const part = await Promise.allSettled(files.slice(from, from + AT_ONCE).map(work));
    const failed = part.filter((one) => one.status === "rejected" && !isGone(one.reason));
    done += part.length - failed.length;
    const [first] = failed;
    if (first?.status === "rejected") throw stoppedAt(done, files.length, first.reason);
  }
}

/** Says how far it came: who asks again finds some of it done. */
function stoppedAt(done: number, all: number, reason: unknown): unknown {
  if (!(reason instanceof AppError) || done === 0) return reason;
  const { code, message, retryAfterS } = reason;
  const far = `${message}; ${done} of ${all} files were done before, go on with the others`;
  return new AppError(code, far, { cause: reason, ...(retryAfterS && { retryAfterS }) });
}
