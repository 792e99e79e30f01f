/** What every format that memories are written in gives: files, by their names in a folder. */
import type { Entry } from "../memory.ts";

export interface TargetFile {
  /** With slashes, and never out of its folder. */
  readonly path: string;
  readonly text: string;
}

export type FolderTarget = (entries: AsyncIterable<Entry>) => AsyncGenerator<TargetFile>;

/** Lines of one file. */
export type LinesTarget = (entries: AsyncIterable<Entry>) => AsyncGenerator<string>;
