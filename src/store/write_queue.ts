/** Changes that wait for the disk: bounded, and taken in batches that share one fsync. */
import { AppError } from "../errors.ts";
import type { Position } from "../history.ts";
import type { Change } from "../memory.ts";
import { MAX_LINE_BYTES } from "./journal.ts";

const BATCH_CHARACTERS = 4 * 1024 * 1024, BATCH_RECORDS = 1_000;
const QUEUE_CHARACTERS = 8 * 1024 * 1024, QUEUE_RECORDS = 5_000;
/** Checksum, sequence number and blanks around the JSON of a line. */
const FRAME_BYTES = 64;

export type Durable = (at: Position) => void;

export interface Waiting {
  readonly json: string;
  /** Undefined for a step of an import, which the importer applies itself. */
  readonly change: Change | undefined;
  /** To be told in its turn, once it is durable: of what is not a change. */
  readonly durable: Durable | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WriteQueue {
  #waiting: Waiting[] = [];
  #characters = 0;

  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when the change is durable. Throws `overloaded` or `too_large`: nothing happened. */
  push(json: string, change?: Change, durable?: Durable): Promise<void> {
    if (tooLong(json)) {
      throw new AppError("too_large", "Cannot store the change: it takes more than 4 MiB on disk");
    }
    const full = this.#waiting.length >= QUEUE_RECORDS ||
      this.#waiting.length > 0 && this.#characters + json.length > QUEUE_CHARACTERS;
    if (full) {
      throw new AppError("overloaded", "Cannot write now: too many writes wait for the disk", {
        retryAfterS: 1,
      });
    }
    this.#characters += json.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ json, change, durable, resolve, reject });
    });
  }

  takeBatch(): readonly Waiting[] {
    let characters = 0, count = 0;
    for (const { json } of this.#waiting) {
      if (count >= BATCH_RECORDS || count > 0 && characters + json.length > BATCH_CHARACTERS) break;
      characters += json.length;
      count++;
    }
    this.#characters -= characters;
    return this.#waiting.splice(0, count);
  }

  rejectAll(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#characters = 0;
  }
}

/** A character takes one to three bytes in UTF-8: most texts need not be measured. */
function tooLong(json: string): boolean {
  const most = MAX_LINE_BYTES - FRAME_BYTES;
  return json.length * 3 > most && new TextEncoder().encode(json).length > most;
}
