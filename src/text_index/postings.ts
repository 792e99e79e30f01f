/**
 * Which memories hold a term, and how often: for each term a list of entries ordered by slot, so
 * that a memory is taken out by binary search and nothing is left behind for a later sweep.
 *
 * An entry is one number: the slot times 256, plus the frequency where that is below 255. There are
 * millions of them, most of frequency 10, and a list grows by one whenever a memory comes: so they
 * lie in blocks on a few large pages, and a list that outgrows its block moves to a larger one and
 * leaves the old one to the next list of that size. Arrays of their own would take twice the room,
 * and as much again in what the collector has not come to yet.
 */

/** Lower bits of an entry. A `Map` holds no more than 2^24 keys, so the other 24 hold every slot. */
const FREQUENCY_BITS = 8;
const FREQUENCY_MASK = 255;
/** Stands for a frequency that has no room in the entry. */
const FREQUENT = 255;
const SLOTS = 1 << 24;

const PAGE_BITS = 18;
const PAGE_ENTRIES = 1 << PAGE_BITS;
const OFFSET_MASK = PAGE_ENTRIES - 1;
/** A block of this many entries and more is a page of its own, and goes to the collector with it. */
const OWN_PAGE_ENTRIES = PAGE_ENTRIES / 16;
/** The sizes of blocks: none, then 2, 3, 4, 6, 8, 12, 16 and so on, so that little lies idle. */
const SIZES = Array.from(
  { length: 49 },
  (_, at) => at === 0 ? 0 : (at % 2 ? 2 : 3) * 2 ** ((at - 1) >>> 1),
);
/** A list with this many sizes to spare moves to a smaller block: to half its size. */
const SPARE_SIZES = 4;
const NONE = -1;
const FIELDS = 4, ADDRESS = 0, SIZE = 1, COUNT = 2;

/** Where the entries of one term stand, until the next change: from `from` on, so many. */
export interface Postings {
  readonly term: number;
  readonly entries: Int32Array;
  readonly from: number;
  readonly count: number;
  /** Frequencies that have no room in an entry, of all terms. */
  readonly frequent: ReadonlyMap<number, number>;
}

export function slotOf(entry: number): number {
  return entry >>> FREQUENCY_BITS;
}

/** How often the term stands in the memory of one of its entries. */
export function frequencyOf({ term, frequent }: Postings, entry: number): number {
  const frequency = entry & FREQUENCY_MASK;
  if (frequency !== FREQUENT) return frequency;
  return frequent.get(keyOf(term, slotOf(entry))) ?? FREQUENT;
}

export class PostingLists {
  readonly #pages: Int32Array[] = [];
  readonly #freePages: number[] = [];
  #pageUsed = PAGE_ENTRIES;
  #lastPage = NONE;
  /** By size, the first free block; each begins with the address of the next. */
  readonly #freeBlocks = new Int32Array(SIZES.length).fill(NONE);
  /** For each term the address of its block, which size that has, 0 for none, and how many entries
   * are in it: side by side, as they are read together and seldom in the cache. */
  #terms = new Int32Array(FIELDS * 1024);
  /** Frequencies of 255 and more, by term and slot. */
  readonly #frequent = new Map<number, number>();

  /** In how many memories the term stands. */
  count(term: number): number {
    return this.#terms[FIELDS * term + COUNT] ?? 0;
  }

  of(term: number): Postings {
    const address = this.#terms[FIELDS * term + ADDRESS] ?? 0;
    return {
      term,
      entries: this.#pages[address >>> PAGE_BITS] ?? new Int32Array(0),
      from: address & OFFSET_MASK,
      count: this.count(term),
      frequent: this.#frequent,
    };
  }

  /** Adds a slot that is not in the list. */
  add(term: number, slot: number, frequency: number): void {
    const at = FIELDS * term;
    if (at >= this.#terms.length) this.#grow(at + FIELDS);
    const count = this.#terms[at + COUNT] ?? 0;
    const size = this.#terms[at + SIZE] ?? 0;
    if (count === SIZES[size]) this.#move(term, size + 1);
    const address = this.#terms[at + ADDRESS] ?? 0;
    const page = this.#pages[address >>> PAGE_BITS];
    if (page === undefined) return;
    const from = address & OFFSET_MASK;
    const place = find(page, from, from + count, slot);
    if (place < from + count) page.copyWithin(place + 1, place, from + count);
    if (frequency >= FREQUENT) this.#frequent.set(keyOf(term, slot), frequency);
    page[place] = slot << FREQUENCY_BITS | Math.min(frequency, FREQUENT);
    this.#terms[at + COUNT] = count + 1;
  }

  /** Takes a slot out; one that is not in the list is no error. */
  remove(term: number, slot: number): void {
    const { entries, from, count } = this.of(term);
    const end = from + count;
    const at = find(entries, from, end, slot);
    const entry = entries[at];
    if (at === end || entry === undefined || slotOf(entry) !== slot) return;
    if ((entry & FREQUENCY_MASK) === FREQUENT) this.#frequent.delete(keyOf(term, slot));
    entries.copyWithin(at, at + 1, end);
    this.#terms[FIELDS * term + COUNT] = count - 1;
    const size = this.#terms[FIELDS * term + SIZE] ?? 0;
    if (count === 1) this.#move(term, 0);
    else if (count <= (SIZES[size - SPARE_SIZES] ?? 0)) this.#move(term, size - SPARE_SIZES / 2);
  }

  /** Puts the term's entries into a block of another size. */
  #move(term: number, size: number): void {
    const { entries, from, count } = this.of(term);
    const at = FIELDS * term;
    const sizeBefore = this.#terms[at + SIZE] ?? 0;
    const addressBefore = this.#terms[at + ADDRESS] ?? 0;
    this.#terms[at + SIZE] = size;
    if (size > 0) {
      const address = this.#take(size);
      const page = this.#pages[address >>> PAGE_BITS];
      for (let entry = 0; entry < count; entry++) {
        if (page !== undefined) page[(address & OFFSET_MASK) + entry] = entries[from + entry] ?? 0;
      }
      this.#terms[at + ADDRESS] = address;
    }
    if (sizeBefore > 0) this.#giveBack(addressBefore, sizeBefore);
  }

  #take(size: number): number {
    const entries = SIZES[size] ?? 0;
    if (entries >= OWN_PAGE_ENTRIES) return this.#addPage(entries) << PAGE_BITS;
    const free = this.#freeBlocks[size] ?? NONE;
    if (free !== NONE) {
      const page = this.#pages[free >>> PAGE_BITS];
      this.#freeBlocks[size] = page?.[free & OFFSET_MASK] ?? NONE;
      return free;
    }
    if (this.#pageUsed + entries > PAGE_ENTRIES) {
      this.#lastPage = this.#addPage(PAGE_ENTRIES);
      this.#pageUsed = 0;
    }
    const address = this.#lastPage << PAGE_BITS | this.#pageUsed;
    this.#pageUsed += entries;
    return address;
  }

  #giveBack(address: number, size: number): void {
    const number = address >>> PAGE_BITS;
    const page = this.#pages[number];
    if (page === undefined) return;
    if ((SIZES[size] ?? 0) >= OWN_PAGE_ENTRIES) {
      this.#pages[number] = new Int32Array(0);
      this.#freePages.push(number);
      return;
    }
    page[address & OFFSET_MASK] = this.#freeBlocks[size] ?? NONE;
    this.#freeBlocks[size] = address;
  }

  #addPage(entries: number): number {
    const number = this.#freePages.pop() ?? this.#pages.length;
    this.#pages[number] = new Int32Array(entries);
    return number;
  }

  #grow(needed: number): void {
    const terms = new Int32Array(Math.max(needed, 2 * this.#terms.length));
    terms.set(this.#terms);
    this.#terms = terms;
  }
}

/** Where the slot stands or would stand. Looks at the end first: a bulk load appends. */
function find(entries: Int32Array, from: number, end: number, slot: number): number {
  if (end > from && slotOf(entries[end - 1] ?? 0) < slot) return end;
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (slotOf(entries[middle] ?? 0) < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyOf(term: number, slot: number): number {
  return term * SLOTS + slot;
}
