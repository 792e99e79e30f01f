/**
 * The truth in memory: what replaying all durable changes gives. Pure: no time, no files. The same
 * `apply` serves replay and live traffic, so a restart cannot read history differently.
 */
import {
  type Access,
  type Change,
  type Entry,
  type Memory,
  type MemoryType,
  NEVER_ACCESSED,
  type Receipt,
  sizeOf,
} from "./memory.ts";

export const RECEIPT_HOURS = 24;
/** Beyond so many, or so many bytes of replies, the oldest receipts go before their time. */
const MOST_RECEIPTS = 100_000, MOST_RECEIPT_BYTES = 32 * 1024 * 1024;
/** What a receipt takes that holds no memory. */
const RECEIPT_BYTES = 300;

export interface Held {
  readonly memories: readonly Memory[];
  /** Whose the accesses are, in the same order. */
  readonly readIds: readonly string[];
  readonly accesses: readonly Access[];
}

export class State {
  readonly #memories = new Map<string, Memory>();
  readonly #accesses = new Map<string, Access>();
  readonly #receipts = new Map<string, Receipt>();
  /** By memory, the receipts that hold its text. */
  readonly #receiptsOf = new Map<string, Set<string>>();
  #receiptBytes = 0;
  /** By length, how many memories have a vector of their own. */
  readonly #byVectorLength = new Map<number, number>();
  readonly #byType = new Map<MemoryType, number>();
  readonly #byTag = new Map<string, number>();
  /** Whose text was written, and which were not yet told to be found by their meaning. */
  readonly #unembedded = new Set<string>();

  apply(change: Change): void {
    switch (change.op) {
      case "put":
        this.#put(change.memory);
        // Also where nothing embeds texts: something may after the next start.
        if (isWritten(change)) this.#unembedded.add(change.memory.id);
        if (change.access !== undefined) this.#setAccess(change.memory.id, change.access);
        break;
      case "delete":
        this.#forget(change.id);
        break;
      case "access":
        for (const [id, access] of change.accesses) {
          if (this.#memories.has(id)) this.#setAccess(id, access);
        }
        break;
      case "embedded":
        for (const id of change.ids) this.#unembedded.delete(id);
        break;
      case "receipt":
        break;
    }
    if ("receipt" in change && change.receipt !== undefined) this.#keepReceipt(change.receipt);
  }

  #put(memory: Memory): void {
    const before = this.#memories.get(memory.id);
    if (before !== undefined) this.#count(before, -1);
    this.#memories.set(memory.id, memory);
    this.#count(memory, 1);
  }

  #forget(id: string): void {
    // What is to be forgotten must not live on in the answer to a retry.
    for (const key of this.#receiptsOf.get(id) ?? []) {
      const receipt = this.#receipts.get(key);
      if (receipt !== undefined) this.#setReceipt({ ...receipt, reply: { deleted: id } });
    }
    const before = this.#memories.get(id);
    if (before === undefined) return;
    this.#count(before, -1);
    this.#memories.delete(id);
    this.#accesses.delete(id);
    this.#unembedded.delete(id);
  }

  #count(memory: Memory, step: 1 | -1): void {
    const add = <K>(counts: Map<K, number>, key: K) => {
      const count = (counts.get(key) ?? 0) + step;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    };
    add(this.#byType, memory.memory_type);
    if (memory.embedding !== undefined) add(this.#byVectorLength, memory.embedding.length);
    for (const tag of memory.tags) add(this.#byTag, tag);
  }

  /** Most memories are never read one by one: those take no room here. */
  #setAccess(id: string, access: Access): void {
    if (access.access_count === 0 && access.last_accessed_at === null) this.#accesses.delete(id);
    else this.#accesses.set(id, access);
  }

  #keepReceipt(receipt: Receipt): void {
    this.#dropReceipt(receipt.key);
    this.#setReceipt(receipt);
    const oldest = dayBefore(receipt.at);
    for (const [key, { at }] of this.#receipts) {
      const tooMany = this.#receipts.size > MOST_RECEIPTS ||
        this.#receiptBytes > MOST_RECEIPT_BYTES;
      if (at >= oldest && !tooMany) break;
      this.#dropReceipt(key);
    }
  }

  /** Puts it in the place of the one with its key, if there is one, or at the end. */
  #setReceipt(receipt: Receipt): void {
    const before = this.#receipts.get(receipt.key);
    if (before !== undefined) this.#countReceipt(before, -1);
    this.#receipts.set(receipt.key, receipt);
    this.#countReceipt(receipt, 1);
  }

  #dropReceipt(key: string): void {
    const receipt = this.#receipts.get(key);
    if (receipt === undefined) return;
    this.#receipts.delete(key);
    this.#countReceipt(receipt, -1);
  }

  #countReceipt({ key, reply }: Receipt, step: 1 | -1): void {
    const memory = reply !== null && "memory" in reply ? reply.memory : undefined;
    this.#receiptBytes += step * (memory === undefined ? RECEIPT_BYTES : sizeOf(memory));
    if (memory === undefined) return;
    const keys = this.#receiptsOf.get(memory.id) ?? new Set();
    if (step === 1) keys.add(key);
    else keys.delete(key);
    if (keys.size === 0) this.#receiptsOf.delete(memory.id);
    else this.#receiptsOf.set(memory.id, keys);
  }

  /**
   * Counts one reading. Not durable by itself: the caller writes an `access` change now and then,
   * and until that is on disk a crash may forget it.
   */
  touch(id: string, at: string): Access {
    // A larger one would be no whole number on disk: the next start would take it for damage.
    const count = Math.min(this.access(id).access_count + 1, Number.MAX_SAFE_INTEGER);
    const access = { access_count: count, last_accessed_at: at };
    if (this.#memories.has(id)) this.#accesses.set(id, access);
    return access;
  }

  get(id: string): Memory | undefined {
    return this.#memories.get(id);
  }

  access(id: string): Access {
    return this.#accesses.get(id) ?? NEVER_ACCESSED;
  }

  receipt(key: string): Receipt | undefined {
    return this.#receipts.get(key);
  }

  get size(): number {
    return this.#memories.size;
  }

  get countByType(): ReadonlyMap<MemoryType, number> {
    return this.#byType;
  }

  get countByTag(): ReadonlyMap<string, number> {
    return this.#byTag;
  }

  /** In the order of insertion; an update keeps its place. */
  memories(): Iterable<Memory> {
    return this.#memories.values();
  }

  *entries(): Generator<Entry> {
    for (const memory of this.#memories.values()) {
      yield { memory, access: this.access(memory.id) };
    }
  }

  /**
   * The memories of this moment, and how often each was read that ever was. Quick: neither change
   * in place, so only lists are made of them; a map would take fifty times as long.
   */
  held(): Held {
    return {
      memories: [...this.#memories.values()],
      readIds: [...this.#accesses.keys()],
      accesses: [...this.#accesses.values()],
    };
  }

  /** Those that are still honoured at the given time. */
  *receipts(at: string): Generator<Receipt> {
    const oldest = dayBefore(at);
    for (const receipt of this.#receipts.values()) if (receipt.at >= oldest) yield receipt;
  }

  isUnembedded(id: string): boolean {
    return this.#unembedded.has(id);
  }

  /** Those that are yet to be told to be found by their meaning. */
  unembedded(): Iterable<string> {
    return this.#unembedded;
  }

  /** The length of the vectors that clients sent; undefined where none did. */
  get vectorLength(): number | undefined {
    const [length] = this.#byVectorLength.keys();
    return length;
  }
}

/** Whether a text is another than before. By the change alone: the state may be ahead of it. */
function isWritten({ access, existing, reworded }: Change & { readonly op: "put" }): boolean {
  return reworded === true || access !== undefined && existing !== true;
}

/** A receipt from before then is no longer honoured. */
function dayBefore(time: string): string {
  return new Date(Date.parse(time) - RECEIPT_HOURS * 3_600_000).toISOString();
}
