/**
 * The names in a data folder, in one place.
 *
 *     memories.json          the snapshot            journal/000007.log   history since then
 *     memories.prev.json     the one before          quarantine/          bytes that were refused
 *     .lock                  held while running
 *
 * A snapshot of another name, `other.json`, has `other.prev.json` and a journal of its own in
 * `other.journal/`: else each would replay what was written to the other.
 */
import { basename, dirname, relative, resolve } from "node:path";
import type { FileSystem } from "./fs.ts";
import { Quarantine } from "./quarantine.ts";

const DEFAULT_NAME = "memories.json";

export class DataFolder {
  readonly fs: FileSystem;
  readonly root: string;
  readonly memories: string;
  readonly previous: string;
  readonly journal: string;
  readonly lock: string;
  readonly quarantine: Quarantine;

  /** `memoriesPath` names the snapshot; everything else lies beside it. */
  constructor(fs: FileSystem, memoriesPath: string, now: () => string) {
    this.fs = fs;
    this.memories = resolve(memoriesPath);
    this.root = dirname(this.memories);
    const name = basename(this.memories), stem = name.replace(/\.json$/, "");
    this.previous = `${this.root}/${stem}.prev.json`;
    this.journal = `${this.root}/${name === DEFAULT_NAME ? "journal" : `${stem}.journal`}`;
    this.lock = `${this.root}/.lock`;
    this.quarantine = new Quarantine(fs, `${this.root}/quarantine`, now);
  }

  /** A path as notes name it: relative, so that no reply tells where the folder lies. */
  nameOf(path: string): string {
    return relative(this.root, path);
  }
}
