/**
 * Minds the room on the disk. Below a limit it refuses what grows, so that nothing meets the wall;
 * and it holds some room in reserve, in a file of real bytes: where the disk is full all the same,
 * that file goes, and what is deleted can still be written down.
 *
 * Only a delete is not growing: even a shorter text is first of all one more line of the journal.
 */
import type { AppError } from "../errors.ts";
import { Locks } from "../locks.ts";
import { diskFull, diskLow, isNoSpace } from "./disk_errors.ts";
import type { DataFolder } from "./folder.ts";
import { writeAll } from "./fs.ts";
import type { Waiting } from "./write_queue.ts";

const BALLAST_BYTES = 1024 * 1024;

export interface SpaceLimits {
  /** Below so many free bytes nothing grows any more; 0 is no such check. */
  readonly minFreeBytes?: number | undefined;
  /** The size of the reserve. */
  readonly ballastBytes?: number | undefined;
}

export class Space {
  readonly #folder: DataFolder;
  readonly #minFreeBytes: number;
  readonly #ballastBytes: number;
  #freeBytes: number | undefined;
  #hasBallast = false;
  /** The disk has refused a write, and it did not show since that there is room again. */
  #isFull = false;
  readonly #locks = new Locks();

  constructor(folder: DataFolder, { minFreeBytes = 0, ballastBytes = BALLAST_BYTES }: SpaceLimits) {
    this.#folder = folder;
    this.#minFreeBytes = minFreeBytes;
    this.#ballastBytes = ballastBytes;
  }

  get state(): "ok" | "low" | "full" {
    return this.#isFull ? "full" : this.#isLow ? "low" : "ok";
  }

  get #isLow(): boolean {
    return this.#freeBytes !== undefined && this.#freeBytes < this.#minFreeBytes;
  }

  /** Those that may be written now; the others are refused. */
  admit(batch: readonly Waiting[]): readonly Waiting[] {
    const refusal = this.#refusal;
    if (refusal === undefined) return batch;
    const deletes = batch.filter(({ change }) => change?.op === "delete");
    for (const waiting of batch) if (!deletes.includes(waiting)) waiting.reject(refusal);
    return deletes;
  }

  /** Throws `insufficient_storage` where nothing may grow now. */
  requireRoom(): void {
    const refusal = this.#refusal;
    if (refusal !== undefined) throw refusal;
  }

  get #refusal(): AppError | undefined {
    return this.#isFull ? diskFull() : this.#isLow ? diskLow(this.#minFreeBytes) : undefined;
  }

  /** False where so much would certainly not fit. */
  #fits(bytes: number): boolean {
    return this.#freeBytes === undefined || this.#freeBytes > bytes;
  }

  /** Before anything is written: a start on a full disk needs room as well. */
  async begin(): Promise<void> {
    const { fs, ballast } = this.#folder;
    await this.#measure();
    this.#hasBallast = await fs.size(ballast) === this.#ballastBytes;
    if (!this.#fits(this.#ballastBytes)) await this.ranOut();
  }

  /** Looks how much room there is; makes the reserve again, and by that ends a full disk. */
  look(): Promise<void> {
    return this.#locks.run("ballast", () => this.#look());
  }

  async #look(): Promise<void> {
    await this.#measure();
    if (this.#isLow) return;
    // Not into the last room, which deletes may be needing.
    if (!this.#hasBallast && this.#fits(2 * this.#ballastBytes)) {
      this.#hasBallast = await this.#makeBallast();
    }
    // Without the reserve a delete could not be written once the disk is full: so it is full now.
    this.#isFull = !this.#hasBallast;
  }

  async #measure(): Promise<void> {
    const { fs, root } = this.#folder;
    this.#freeBytes = await fs.freeBytes(root);
  }

  /** The disk refused a write. True where there is room now that was not there before. */
  ranOut(): Promise<boolean> {
    this.#isFull = true;
    return this.#locks.run("ballast", () => this.#dropBallast());
  }

  async #dropBallast(): Promise<boolean> {
    this.#isFull = true; // A look may have ended it meanwhile.
    if (!this.#hasBallast) return false;
    this.#hasBallast = false;
    const { fs, ballast } = this.#folder;
    try {
      await fs.remove(ballast);
      return true;
    } catch {
      return false; // The disk is failing as well: the caller's change stays refused.
    }
  }

  /** False where there is no room for it after all. */
  async #makeBallast(): Promise<boolean> {
    const { fs, root, ballast } = this.#folder;
    if (await fs.size(ballast) === this.#ballastBytes) return true;
    await fs.remove(ballast);
    try {
      const file = await fs.create(ballast);
      try {
        // Only more room than the reserve itself shows that the disk is not full any more.
        await writeAll(file, noise(this.#isFull ? 2 * this.#ballastBytes : this.#ballastBytes));
        if (this.#isFull) await file.truncate(this.#ballastBytes);
        await file.sync();
      } finally {
        file.close();
      }
      await fs.syncFolder(root);
      return true;
    } catch (error) {
      await fs.remove(ballast).catch(() => {}); // Best effort: the next look removes it too.
      if (isNoSpace(error)) return false;
      throw error;
    }
  }
}

/** Bytes that a file system cannot store smaller than they are (xorshift). */
function noise(bytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let word = 2_463_534_242;
  for (let i = 0; i < words.length; i++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[i] = word;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}
