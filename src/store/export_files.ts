/** Exports as files in a folder of the data folder. */
import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";
import type { ExportFolder, WrittenExport } from "../export_folder.ts";
import { isNoSpace } from "./disk_errors.ts";
import { type FileSystem, writeAll } from "./fs.ts";

/** Names are made by the service; this is the second lock on the door. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Half of an export that this service began; other drafts are somebody's. */
const OWN_DRAFT = /^export-.+\.tmp$/;

export class ExportFiles implements ExportFolder {
  readonly #fs: FileSystem;
  readonly #folder: string;
  #bytes = 0;
  #sums = 0;

  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs;
    this.#folder = folder;
  }

  /** Adds up what is there, and removes what a crash left half-written. */
  async open(): Promise<void> {
    for (const name of await this.#fs.list(this.#folder)) {
      if (OWN_DRAFT.test(name)) await this.#fs.remove(`${this.#folder}/${name}`);
    }
    await this.#sum();
  }

  /** Looks at the files themselves: people remove them by hand. */
  async #sum(): Promise<void> {
    const turn = ++this.#sums;
    let bytes = 0;
    for (const name of await this.#fs.list(this.#folder)) {
      if (!OWN_DRAFT.test(name)) bytes += await this.#fs.size(`${this.#folder}/${name}`) ?? 0;
    }
    if (turn === this.#sums) this.#bytes = bytes; // Else one that began later knows more.
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(name: string, content: AsyncIterable<Uint8Array>): Promise<WrittenExport> {
    if (!SAFE_NAME.test(name)) throw new Error("Cannot write an export: its name is not safe");
    const path = `${this.#folder}/${name}`;
    const draft = `${path}.tmp`;
    try {
      await this.#fs.makeFolder(this.#folder);
      if (await this.#fs.exists(path)) {
        throw new AppError("conflict", `Cannot export: there is a file "${name}" already`);
      }
      const written = await this.#writeDraft(draft, content);
      await this.#fs.rename(draft, path);
      await this.#fs.syncFolder(this.#folder);
      this.#bytes += written.bytes;
      await this.#sum().catch(() => {}); // The export is there, whether it can be counted or not.
      return { file: `exports/${name}`, ...written };
    } catch (error) {
      await this.#fs.remove(draft).catch(() => {}); // Best effort: the next start removes it too.
      if (!isNoSpace(error)) throw error;
      throw new AppError(
        "insufficient_storage",
        "Cannot export to a file: the disk is full; let the reply be the export instead",
      );
    }
  }

  async #writeDraft(draft: string, content: AsyncIterable<Uint8Array>) {
    const hash = createHash("sha256");
    const file = await this.#fs.create(draft);
    let bytes = 0;
    try {
      for await (const piece of content) {
        hash.update(piece);
        bytes += piece.length;
        await writeAll(file, piece);
      }
      await file.sync();
    } finally {
      file.close();
    }
    return { bytes, sha256: hash.digest("hex") };
  }
}
