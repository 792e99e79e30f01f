/** Exports as files in a folder of the data folder. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { AppError } from "../errors.ts";
import type { ExportFolder, WrittenExport } from "../export_folder.ts";
import { isNoSpace } from "./disk_errors.ts";
import { type FileSystem, readPieces, writeAll } from "./fs.ts";

/** Names are made by the service; this is the second lock on the door. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Half of a file that this service began; other drafts are somebody's. */
const OWN_DRAFT = /^(?:export|backup)-.+\.tmp$/;

export class ExportFiles implements ExportFolder {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #minFreeBytes: number;
  /** Throws where the data folder is not ours any more, or has no room for what grows. */
  readonly #requireFolder: (grows: boolean) => Promise<void>;
  #bytes = 0;
  #sums = 0;
  #making: Promise<void> | undefined;

  constructor(
    fs: FileSystem,
    folder: string,
    minFreeBytes = 0,
    requireFolder: (grows: boolean) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#fs = fs;
    this.#folder = folder;
    this.#minFreeBytes = minFreeBytes;
    this.#requireFolder = requireFolder;
  }

  /** Adds up what is there, and removes what a crash left half-written. */
  async open(): Promise<void> {
    for (const name of await this.#fs.list(this.#folder)) {
      if (OWN_DRAFT.test(name)) await this.#fs.remove(`${this.#folder}/${name}`);
    }
    await this.list();
  }

  /** Looks at the files themselves: people remove them by hand. */
  async list(): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
    const turn = ++this.#sums;
    const found: { name: string; bytes: number }[] = [];
    for (const name of await this.#fs.list(this.#folder)) {
      if (OWN_DRAFT.test(name)) continue;
      const bytes = await this.#fs.size(`${this.#folder}/${name}`);
      if (bytes !== undefined) found.push({ name, bytes });
    }
    // Else one that began later knows more.
    if (turn === this.#sums) this.#bytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
    return found;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async freeBytes(): Promise<number | undefined> {
    const free = await this.#fs.freeBytes(dirname(this.#folder));
    return free === undefined ? undefined : free - this.#minFreeBytes;
  }

  #path(name: string): string {
    if (!SAFE_NAME.test(name)) throw new Error("Cannot use an export: its name is not safe");
    return `${this.#folder}/${name}`;
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return readPieces(this.#fs, this.#path(name));
  }

  async remove(name: string): Promise<void> {
    await this.#requireFolder(false);
    await this.#fs.remove(this.#path(name));
    await this.#fs.syncFolder(this.#folder);
    await this.list();
  }

  async write(
    name: string,
    content: AsyncIterable<Uint8Array>,
    verify?: (content: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<WrittenExport> {
    const path = this.#path(name);
    const draft = `${path}.tmp`;
    await this.#requireFolder(true);
    try {
      await this.#makeFolder();
      if (await this.#fs.exists(path)) {
        throw new AppError("conflict", `Cannot export: there is a file "${name}" already`);
      }
      const written = await this.#writeDraft(draft, content);
      await verify?.(readPieces(this.#fs, draft));
      await this.#fs.rename(draft, path);
      await this.#fs.syncFolder(this.#folder);
      this.#bytes += written.bytes;
      await this.list().catch(() => {}); // The export is there, whether it can be counted or not.
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

  /** Two that make it at the same time would be in each other's way. */
  async #makeFolder(): Promise<void> {
    this.#making ??= this.#fs.makeFolder(this.#folder).finally(() => this.#making = undefined);
    await this.#making;
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
