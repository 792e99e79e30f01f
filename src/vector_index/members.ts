/**
 * Which memory each row of an index belongs to. A memory keeps its number, its slot, as long as it
 * is in the index; its rows change theirs when others go.
 */
import { resized } from "../typed_arrays.ts";

const FIRST_LENGTH = 256;
const NONE = 0xffff_ffff;

export class Members {
  readonly #slotOf = new Map<string, number>();
  readonly #ids: (string | undefined)[] = [];
  readonly #free: number[] = [];
  #rowCount = 0;
  /** Row -> its memory's slot, and the next row of that memory. */
  #slots = new Uint32Array(FIRST_LENGTH);
  #next = new Uint32Array(FIRST_LENGTH);
  /** Slot -> a row of it. */
  #first = new Uint32Array(FIRST_LENGTH);

  get size(): number {
    return this.#slotOf.size;
  }

  /** Every slot is below this. */
  get slotLimit(): number {
    return this.#ids.length;
  }

  /** Row -> slot, until the next change. */
  get slots(): Uint32Array {
    return this.#slots;
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#next.byteLength + this.#first.byteLength;
  }

  ids(): Iterable<string> {
    return this.#slotOf.keys();
  }

  slotOf(id: string): number | undefined {
    return this.#slotOf.get(id);
  }

  /** Undefined where the slot is free. */
  idAt(slot: number): string | undefined {
    return this.#ids[slot];
  }

  /** One of a memory's rows. */
  rowAt(slot: number): number | undefined {
    const row = this.#first[slot] ?? NONE;
    return row === NONE ? undefined : row;
  }

  hasSeveral(slot: number): boolean {
    const row = this.rowAt(slot);
    return row !== undefined && this.#next[row] !== NONE;
  }

  /** In no order. */
  rowsAt(slot: number): number[] {
    const rows: number[] = [];
    if (this.#ids[slot] === undefined) return rows;
    for (let row = this.#first[slot] ?? NONE; row !== NONE; row = this.#next[row] ?? NONE) {
      rows.push(row);
    }
    return rows;
  }

  /** A memory with as yet no row. */
  add(id: string): number {
    const slot = this.#free.pop() ?? this.#ids.length;
    this.#ids[slot] = id;
    this.#slotOf.set(id, slot);
    if (slot === this.#first.length) this.#first = resized(this.#first, new Uint32Array(2 * slot));
    this.#first[slot] = NONE;
    return slot;
  }

  /** Gives the slot a row behind the last. */
  pushRow(slot: number): void {
    const row = this.#rowCount++;
    if (row === this.#slots.length) this.#resizeRows(2 * row);
    this.#slots[row] = slot;
    this.#next[row] = this.#first[slot] ?? NONE;
    this.#first[slot] = row;
  }

  /** Takes a row from its slot; the last row has its number then. Returns that one's slot. */
  dropRow(row: number): number {
    this.#relink(row, this.#next[row] ?? NONE);
    const last = --this.#rowCount;
    const moved = this.#slots[last] ?? NONE;
    if (row !== last) {
      this.#relink(last, row);
      this.#slots[row] = moved;
      this.#next[row] = this.#next[last] ?? NONE;
    }
    const { length } = this.#slots;
    if (length > FIRST_LENGTH && this.#rowCount < length / 4) this.#resizeRows(length / 2);
    return moved;
  }

  /** Forgets a memory that has no rows any more. */
  remove(slot: number): void {
    const id = this.#ids[slot];
    if (id === undefined) return;
    this.#slotOf.delete(id);
    this.#ids[slot] = undefined;
    this.#free.push(slot);
  }

  /** Has what points to the row point elsewhere. */
  #relink(row: number, to: number): void {
    const slot = this.#slots[row] ?? NONE;
    let at = this.#first[slot] ?? NONE;
    if (at === row) {
      this.#first[slot] = to;
      return;
    }
    while (at !== NONE && this.#next[at] !== row) at = this.#next[at] ?? NONE;
    if (at !== NONE) this.#next[at] = to;
  }

  #resizeRows(length: number): void {
    this.#slots = resized(this.#slots, new Uint32Array(length));
    this.#next = resized(this.#next, new Uint32Array(length));
  }
}
