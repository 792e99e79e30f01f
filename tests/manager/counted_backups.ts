/** Backups that say whether they are at work: what packs them has threads of its own, and a clock
 * that is turned by hand has to wait for those. */
import type { BrainAddress } from "../../src/manager/brain_access.ts";
import { type Backup, type BackupOwner, Backups } from "../../src/manager/backups.ts";
import type { BackupsOptions } from "../../src/manager/backups.ts";

export interface Busy {
  calls: number;
}

export class CountedBackups extends Backups {
  readonly #busy: Busy;

  constructor(options: BackupsOptions, busy: Busy) {
    super(options);
    this.#busy = busy;
  }

  override create(
    owner: BackupOwner,
    address: BrainAddress,
    signal: AbortSignal,
    id?: string,
    mostBytes?: number,
  ): Promise<Backup> {
    return this.#counted(() => super.create(owner, address, signal, id, mostBytes));
  }

  override verify(owner: BackupOwner, id: string, signal: AbortSignal): Promise<Backup> {
    return this.#counted(() => super.verify(owner, id, signal));
  }

  override async *read(
    owner: BackupOwner,
    id: string,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    this.#busy.calls++;
    try {
      yield* super.read(owner, id, signal);
    } finally {
      this.#busy.calls--;
    }
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#busy.calls++;
    try {
      return await work();
    } finally {
      this.#busy.calls--;
    }
  }
}
