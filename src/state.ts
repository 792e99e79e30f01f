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
} from "./memory.ts";

export const RECEIPT_HOURS = 24;
/** Beyond this many the oldest receipts are let go before their time. */
const MOST_RECEIPTS = 100_000;

export class State {
  readonly #memories = new Map<string, Memory>();
  readonly #accesses = new Map<string, Access>();
  readonly #receipts = new Map<string, Receipt>();
  readonly #byType = new Map<MemoryType, number>();
  readonly #byTag = new Map<string, number>();

  apply(change: Change): void {
    switch (change.op) {
      case "put":
        this.#put(change.memory);
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
    const before = this.#memories.get(id);
    if (before === undefined) return;
    this.#count(before, -1);
    this.#memories.delete(id);
    this.#accesses.delete(id);
  }

  #count(memory: Memory, step: 1 | -1): void {
    const add = <K>(counts: Map<K, number>, key: K) => {
      const count = (counts.get(key) ?? 0) + step;
      if (count === 0) counts.delete(key);
      else counts.set(key, count);
    };
    add(this.#byType, memory.memory_type);
    for (const tag of memory.tags) add(this.#byTag, tag);
  }

  /** Most memories are never read one by one: those take no room here. */
  #setAccess(id: string, access: Access): void {
    if (access.access_count === 0 && access.last_accessed_at === null) this.#accesses.delete(id);
    else this.#accesses.set(id, access);
  }

  #keepReceipt(receipt: Receipt): void {
    this.#receipts.delete(receipt.key);
    this.#receipts.set(receipt.key, receipt);
    const oldest = new Date(Date.parse(receipt.at) - RECEIPT_HOURS * 3_600_000).toISOString();
    for (const [key, { at }] of this.#receipts) {
      if (at >= oldest && this.#receipts.size <= MOST_RECEIPTS) break;
      this.#receipts.delete(key);
    }
  }

  /**
   * Counts one reading. Not durable by itself: the caller writes an `access` change now and then,
   * and until that is on disk a crash may forget it.
   */
  touch(id: string, at: string): Access {
    const access = { access_count: this.access(id).access_count + 1, last_accessed_at: at };
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

  receipts(): Iterable<Receipt> {
    return this.#receipts.values();
  }
}
