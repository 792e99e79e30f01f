/** `second-brain export --to`: all memories in the form of another program. */
import { type TargetFile, toMarkdown, toServerMemory } from "../formats.ts";
import { isJsonObject } from "../json.ts";
import { linePieces } from "../lines.ts";
import type { Entry } from "../memory.ts";
import { plainEntry } from "../plain_entry.ts";
import { readLineRecords } from "../record_stream.ts";
import { writeFolder } from "./target_folder.ts";
import { CommandError, type Terminal } from "./terminal.ts";

/** An export of ours, a memory a line. */
export interface Exported {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** With fewer it broke off on the way. */
  readonly total: number;
}

/** Writes a folder that appears whole or not at all. */
export async function exportMarkdown(
  exported: Exported,
  path: string,
  progress: Terminal["progress"],
): Promise<void> {
  await writeFolder(path, shown(toMarkdown(entriesOf(exported)), progress));
}

/** The bytes of the one file that the form has. */
export function serverMemoryPieces(exported: Exported): AsyncGenerator<Uint8Array> {
  return linePieces(toServerMemory(entriesOf(exported)), "\n");
}

async function* shown(
  files: AsyncIterable<TargetFile>,
  progress: Terminal["progress"],
): AsyncGenerator<TargetFile> {
  let count = 0;
  for await (const file of files) {
    if (++count % 1_000 === 0) progress?.(`wrote ${count} files`);
    yield file;
  }
  progress?.(`wrote ${count} files\n`);
}

async function* entriesOf({ pieces, total }: Exported): AsyncGenerator<Entry> {
  const decoder = new TextDecoder();
  let count = 0;
  for await (const records of readLineRecords(pieces)) {
    for (const { bytes } of records) {
      const entry = bytes === undefined ? undefined : entryOf(decoder.decode(bytes));
      if (entry === undefined) throw new CommandError("Cannot export: a memory is not as ours are");
      count++;
      yield entry;
    }
  }
  if (count < total) {
    throw new CommandError(`Cannot export: it broke off after ${count} of ${total} memories`);
  }
}

function entryOf(text: string): Entry | undefined {
  const value: unknown = JSON.parse(text);
  if (!isJsonObject(value)) return undefined;
  const { embedding, ...plain } = value;
  const entry = plainEntry(plain);
  if (entry === undefined || embedding === undefined) return entry;
  const isVector = Array.isArray(embedding) && embedding.every((x) => typeof x === "number");
  if (!isVector) return undefined;
  const vector = Float32Array.from(embedding);
  return { ...entry, memory: { ...entry.memory, embedding: vector } };
}
