/**
 * The data folder, held for this process by the lock of one file in it. The lock guards that very
 * file: where its name is gone or is another file's, the folder was replaced or emptied under us,
 * and another process may rightly hold what lies there now.
 */
import type { DataFolder } from "./folder.ts";
import { locked, openError } from "./disk_errors.ts";
import type { FileLock } from "./fs.ts";

export class Holding {
  readonly #folder: DataFolder;
  /** For humans: what the lock file says of its holder. */
  readonly #holder: string;
  #lock: FileLock | undefined;

  constructor(folder: DataFolder, holder: string) {
    this.#folder = folder;
    this.#holder = holder;
  }

  /** Throws `StoreOpenError`; does nothing where it was taken already. */
  async take(): Promise<void> {
    if (this.#lock !== undefined) return;
    const { fs, root, lock } = this.#folder;
    try {
      await fs.makeFolder(root);
      await this.#folder.requireOwn();
      this.#lock = await fs.lock(lock, this.#holder);
    } catch (error) {
      throw openError(error);
    }
    if (this.#lock === undefined) throw locked();
  }

  async stands(): Promise<boolean> {
    return this.#lock !== undefined && await this.#lock.stands();
  }

  letGo(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }
}
