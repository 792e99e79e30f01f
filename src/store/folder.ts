/**
 * The names in a data folder, in one place.
 *
 *     memories.json          the snapshot            journal/000007.log   history since then
 *     memories.prev.json     the one before          quarantine/          bytes that were refused
 *     .lock                  held while running      exports/             what was exported to files
 *     ballast.bin            room in reserve         embeddings.db        vectors, for speed only
 *     brain.id               for a vector store
 *
 * A snapshot of another name, `other.json`, has `other.prev.json`, `other.brain.id` and a journal of
 * its own in `other.journal/`: else each would replay what was written to the other.
 */
import { basename, dirname, relative, resolve } from "node:path";
import { notOurs } from "./disk_errors.ts";
import type { FileKind, FileSystem } from "./fs.ts";
import { Quarantine } from "./quarantine.ts";

const DEFAULT_NAME = "memories.json";

export class DataFolder {
  readonly fs: FileSystem;
  readonly root: string;
  readonly memories: string;
  readonly previous: string;
  readonly journal: string;
  readonly lock: string;
  readonly ballast: string;
  readonly exports: string;
  readonly embeddings: string;
  readonly brainId: string;
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
    this.ballast = `${this.root}/ballast.bin`;
    this.exports = `${this.root}/exports`;
    this.embeddings = `${this.root}/embeddings.db`;
    this.brainId = `${this.root}/${name === DEFAULT_NAME ? "" : `${stem}.`}brain.id`;
    this.quarantine = new Quarantine(fs, `${this.root}/quarantine`, now);
  }

  /**
   * Refuses a folder in which a name of ours leads elsewhere: what is written to it would land
   * there. (The folder itself may be a link: where the data lies is the operator's choice.)
   */
  async requireOwn(): Promise<void> {
    const wanted: readonly (readonly [string, readonly FileKind[]])[] = [
      [this.journal, ["folder"]],
      [this.quarantine.folder, ["folder"]],
      [this.exports, ["folder"]],
      [this.lock, ["file"]],
      [this.ballast, ["file"]],
      [this.embeddings, ["file"]],
      [this.brainId, ["file"]],
      // A folder of that name is damage, of which recovery makes the best.
      [this.memories, ["file", "folder"]],
      [this.previous, ["file", "folder"]],
    ];
    for (const [path, kinds] of wanted) {
      const kind = await this.fs.kind(path);
      if (kind !== undefined && !kinds.includes(kind)) throw notOurs(this.nameOf(path));
    }
  }

  /** A path as notes name it: relative, so that no reply tells where the folder lies. */
  nameOf(path: string): string {
    return relative(this.root, path);
  }
}
