/**
 * What this brain may hold. Growing writes are refused before the limit is passed, also when many
 * come at once; reading, correcting and deleting always go on.
 */
import { AppError } from "./errors.ts";

export interface QuotaLimits {
  /** 0 is no limit. */
  readonly memories: number;
  /** Bytes in the data folder; 0 is no limit. */
  readonly bytes: number;
}

export class Quota {
  readonly #limits: QuotaLimits;
  readonly #usage: () => { readonly memories: number; readonly bytes: number };
  #reservedMemories = 0;
  #reservedBytes = 0;

  constructor(
    limits: QuotaLimits,
    usage: () => { readonly memories: number; readonly bytes: number },
  ) {
    this.#limits = limits;
    this.#usage = usage;
  }

  get limits(): QuotaLimits {
    return this.#limits;
  }

  /**
   * Takes room for a write that is under way; the caller gives it back when the write is done, by
   * when it shows in the usage. Throws `insufficient_storage`.
   */
  reserve(memories: number, bytes: number): () => void {
    const usage = this.#usage();
    const { memories: mostMemories, bytes: mostBytes } = this.#limits;
    if (
      mostMemories > 0 && memories > 0 &&
      usage.memories + this.#reservedMemories + memories > mostMemories
    ) {
      throw new AppError(
        "insufficient_storage",
        `Cannot store more memories: ${usage.memories} of ${mostMemories} are there; ` +
          "delete some or raise MAX_MEMORIES",
      );
    }
    if (mostBytes > 0 && usage.bytes + this.#reservedBytes + bytes > mostBytes) {
      throw new AppError(
        "insufficient_storage",
        `Cannot store more: ${usage.bytes} of ${mostBytes} bytes are used; ` +
          "delete memories or exports, or raise STORAGE_QUOTA_BYTES",
      );
    }
    this.#reservedMemories += memories;
    this.#reservedBytes += bytes;
    return () => {
      this.#reservedMemories -= memories;
      this.#reservedBytes -= bytes;
    };
  }
}
