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
   * Looks again at what is used, and lets go of what nobody asked to be kept, until no more bytes
   * are in excess.
   */
  makeRoom(excess: () => number): Promise<void>;
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
   * when it shows in the usage. Throws `insufficient_storage`.
   */
  async reserve(memories: number, bytes: number): Promise<() => void> {
    while (this.#excess(bytes) > 0) {
      if (!await this.#makeRoom(bytes)) this.#refuseTooLarge();
    }
    // Last, and in the same turn as the taking: others were served while this one waited.
    if (memories > 0) this.#refuseTooMany(memories);
    this.#refuseFullHeap();
    return this.#take(memories, bytes);
  }

  /** The same for what must be in nobody's way: undefined where there is no room as it is. */
  reserveIdle(bytes: number): (() => void) | undefined {
    return this.#excess(bytes) > 0 ? undefined : this.#take(0, bytes);
  }

  #take(memories: number, bytes: number): () => void {
    this.#reservedMemories += memories;
    this.#reservedBytes += bytes;
    return () => {
      this.#reservedMemories -= memories;
      this.#reservedBytes -= bytes;
    };
  }

  /** So many bytes too many would be used. */
  #excess(bytes: number): number {
    const most = this.#limits.bytes;
    return most === 0 ? 0 : this.#usage.bytes() + this.#reservedBytes + bytes - most;
  }

  /** One at a time; false where it was not enough. Else others may have been quicker to take it. */
  async #makeRoom(bytes: number): Promise<boolean> {
    while (this.#makingRoom !== undefined) await this.#makingRoom;
    const excess = () => this.#excess(bytes);
    if (excess() <= 0) return true;
    const making = Promise.withResolvers<void>();
    this.#makingRoom = making.promise;
    try {
      await this.#reclaiming.makeRoom(excess);
      return excess() <= 0;
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

  #refuseTooLarge(): never {
    const retryAfterS = this.#reclaim();
    throw new AppError(
      "insufficient_storage",
      `Cannot store more: ${this.#usage.bytes()} of ${this.#limits.bytes} bytes are used; ` +
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
    if (waitMs > 0) return Math.ceil(waitMs / 1000);
    this.#reclaimRuns = true;
    void this.#reclaiming.run().catch(() => {}).finally(() => {
      this.#reclaimRuns = false;
      this.#reclaimedAt = clock.now();
    });
    return 1;
  }
}
