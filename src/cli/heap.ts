/** How much memory the process has left for JavaScript that stays. */
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";

export interface HeapUse {
  /** What has been taken from the system for what stays, garbage and holes included. */
  readonly takenBytes: number;
  readonly mostBytes: number;
}

/** Three times `--max-semi-space-size`, which V8 counts in but keeps for new values only. */
export const FOR_NEW_BYTES = 3 * 4 * 1024 * 1024;

function heapUse(): HeapUse {
  const old = getHeapSpaceStatistics().filter(({ space_name }) => !space_name.startsWith("new_"));
  return {
    takenBytes: old.reduce((sum, { space_size }) => sum + space_size, 0),
    mostBytes: getHeapStatistics().heap_size_limit - FOR_NEW_BYTES,
  };
}

/** An import brings much at once: it ends while there is still room to work in. */
const SHORT = 0.85, FULL = 0.93;
/** What several requests at once may need until it is looked again. */
const LEAST_LEFT_BYTES = 12 * 1024 * 1024;
/** So many looks in a row must find the heap full: a collection of garbage may be near. */
const LOOKS = 16;

/**
 * Says when the heap is short, and when it is full. What counts is what it has taken, not what is
 * used of that: two texts of 95 kB take a page of 256 kB, and where no page is to be had the process
 * ends, though a quarter of the heap is holes.
 */
export class HeapWatch {
  readonly #use: () => HeapUse;
  #fullLooks = 0;

  constructor(use: () => HeapUse = heapUse) {
    this.#use = use;
  }

  get isShort(): boolean {
    const { takenBytes, mostBytes } = this.#use();
    return takenBytes > SHORT * mostBytes;
  }

  /** To be asked for each thing that is to be kept. */
  get isFull(): boolean {
    const { takenBytes, mostBytes } = this.#use();
    const isFull = takenBytes > Math.min(FULL * mostBytes, mostBytes - LEAST_LEFT_BYTES);
    this.#fullLooks = isFull ? this.#fullLooks + 1 : 0;
    return this.#fullLooks >= LOOKS;
  }
}
