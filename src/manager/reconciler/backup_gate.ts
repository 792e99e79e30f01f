/** Lets due backups begin, so many at the same time; the others get their turn when one has ended. */
import type { UserRecord } from "../record.ts";

export interface BackupGateOptions {
  readonly most: number;
  /** Over once the backup has begun. */
  readonly begin: (record: UserRecord) => Promise<void>;
  /** Over once it has ended. Never throws. */
  readonly ended: (slug: string) => Promise<void>;
  /** To be looked at again. */
  readonly again: (slug: string) => void;
}

export class BackupGate {
  readonly #options: BackupGateOptions;
  readonly #running = new Set<string>();
  readonly #waiting = new Set<string>();

  constructor(options: BackupGateOptions) {
    this.#options = options;
  }

  async begin(record: UserRecord): Promise<void> {
    const { slug } = record;
    const { most, begin, ended } = this.#options;
    if (this.#running.has(slug)) return;
    if (this.#running.size >= most) {
      this.#waiting.add(slug);
      return;
    }
    this.#waiting.delete(slug);
    this.#running.add(slug);
    try {
      await begin(record);
    } catch (error) {
      this.#leave(slug);
      throw error;
    }
    void ended(slug).finally(() => this.#leave(slug));
  }

  #leave(slug: string): void {
    this.#running.delete(slug);
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      this.#options.again(next);
      return;
    }
  }
}
