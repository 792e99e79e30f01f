/**
 * What this brain may hold. Growing writes are refused before the limit is passed, also when many
 * come at once; reading, correcting and deleting always go on.
 */
import type { Clock } from "./clock.ts";
import { AppError } from "./errors.ts";

export interface QuotaLimits {
  /** 0 is no limit. */
  readonly memories: number;
  /** Bytes in the data folder; 0 is no limit. */
  readonly bytes: number;
}

interface Usage {
  /** These two are asked only where a limit needs it: counting bytes has its price. */
  memories(): number;
  bytes(): number;
  /** Throws where nothing that grows is taken now, whatever room there is. */
  requireGrowth(): void;
  /** True where nothing more can be kept in the process's memory. */
  isHeapFull(): boolean;
}

/** Gives back room that what was deleted still takes. */
interface Reclaiming {
  readonly clock: Clock;
  /** False where there is nothing to gain. */
  worthIt(): boolean;
  /** Says itself, to the log, when it fails. */
  run(): Promise<void>;
  /**
   * Looks again at what is used, and lets go of backups until no more bytes are in excess. Returns
   * why those stay that would have been enough.
   */
  makeRoom(excess: () => number, keepsNewest: boolean): Promise<string | undefined>;
}

/** A brain that is truly full must not be rewritten for every write that is refused. */
const RECLAIM_AGAIN_MS = 10_000;
/** What fills the heap may be garbage that is collected soon. */
const HEAP_AGAIN_S = 5;

export class Quota {
  readonly #limits: QuotaLimits;
  readonly #usage: Usage;
  readonly #reclaiming: Reclaiming;
  #reservedMemories = 0;
  #reservedBytes = 0;
  #reclaimRuns = false;
  #reclaimedAt = -Infinity;
  #makingRoom: Promise<void> | undefined;

  constructor(limits: QuotaLimits, usage: Usage, reclaiming: Reclaiming) {
    this.#limits = limits;
    this.#usage = usage;
    this.#reclaiming = reclaiming;
  }

  get limits(): QuotaLimits {
    return this.#limits;
  }

  /**
   * Takes room for a write that is under way; the caller gives it back when the write is done, by
   * when it shows in the usage. Throws `insufficient_storage`, or as the store would: a write that
   * is refused anyway must cost no backup. With `keepsNewest` the newest one is not to be its price.
   */
  async reserve(memories: number, bytes: number, keepsNewest = false): Promise<() => void> {
    return await this.#reserve(memories, bytes, keepsNewest, () => {
      this.#usage.requireGrowth();
      if (memories > 0) this.#refuseTooMany(memories);
    });
  }

  /** The same for a file beside the memories, also where none of those is taken. */
  async reserveFile(bytes: number): Promise<() => void> {
    return await this.#reserve(0, bytes, true, () => {});
  }

  async #reserve(
    memories: number,
    bytes: number,
    keepsNewest: boolean,
    refuse: () => void,
  ): Promise<() => void> {
    for (;;) {
      // Before room is made, and in the same turn as the taking: others were served meanwhile.
      refuse();
      this.#refuseFullHeap();
      if (this.excess(bytes) <= 0) return this.#take(memories, bytes);
      if (this.#makingRoom !== undefined) await this.#makingRoom;
      else await this.#makeRoom(bytes, keepsNewest);
    }
  }

  /** The same for what must be in nobody's way: undefined where there is no room as it is. */
  reserveIdle(bytes: number): (() => void) | undefined {
    return this.excess(bytes) > 0 ? undefined : this.#take(0, bytes);
  }

  #take(memories: number, bytes: number): () => void {
    this.#reservedMemories += memories;
    this.#reservedBytes += bytes;
    return () => {
      this.#reservedMemories -= memories;
      this.#reservedBytes -= bytes;
    };
  }

  /** So many bytes too many would be used, were these added. */
  excess(bytes: number): number {
    const most = this.#limits.bytes;
    return most === 0 ? 0 : this.#usage.bytes() + this.#reservedBytes + bytes - most;
  }

  /** One at a time; throws where it was not enough. Else others may be quicker to take it. */
  async #makeRoom(bytes: number, keepsNewest: boolean): Promise<void> {
    const excess = () => this.excess(bytes);
    const making = Promise.withResolvers<void>();
    this.#makingRoom = making.promise;
    try {
      const why = await this.#reclaiming.makeRoom(excess, keepsNewest);
      if (excess() > 0) this.#refuseTooLarge(why);
    } finally {
      this.#makingRoom = undefined;
      making.resolve();
    }
  }

  #refuseTooMany(memories: number): void {
    const most = this.#limits.memories;
    if (most === 0) return;
    const used = this.#usage.memories();
    if (used + this.#reservedMemories + memories <= most) return;
    throw new AppError(
      "insufficient_storage",
      `Cannot store more memories: ${used} of ${most} are there; ` +
        "delete some or raise MAX_MEMORIES",
    );
  }

  /** All memories are held in memory: one too many would end the process, and its next start. */
  #refuseFullHeap(): void {
    if (!this.#usage.isHeapFull()) return;
    throw new AppError(
      "insufficient_storage",
      "Cannot store more: the process's memory is full; delete memories, or give it more memory",
      { retryAfterS: HEAP_AGAIN_S },
    );
  }

  #refuseTooLarge(why: string | undefined): never {
    const retryAfterS = this.#reclaim();
    const more = why === undefined ? "" : `, and ${why}`;
    throw new AppError(
      "insufficient_storage",
      `Cannot store more: ${this.#usage.bytes()} of ${this.#limits.bytes} bytes are used${more}; ` +
        "delete memories or exports, or raise STORAGE_QUOTA_BYTES",
      retryAfterS === undefined ? {} : { retryAfterS },
    );
  }

  /**
   * What was deleted stays on disk until the next snapshot, and a brain that takes no writes would
   * never come to one by itself. Returns the seconds after which asking again is worth it.
   */
  #reclaim(): number | undefined {
    const { clock } = this.#reclaiming;
    if (this.#reclaimRuns) return 1;
    if (!this.#reclaiming.worthIt()) return undefined;
    const waitMs = this.#reclaimedAt + RECLAIM_AGAIN_MS - clock.now();
    const isWaiting = waitMs > 0 && waitMs <= RECLAIM_AGAIN_MS; // The clock may have been set back.
    if (isWaiting) return Math.ceil(waitMs / 1000);
    this.#reclaimRuns = true;
    void this.#reclaiming.run().catch(() => {}).finally(() => {
      this.#reclaimRuns = false;
      this.#reclaimedAt = clock.now();
    });
    return 1;
  }
}
