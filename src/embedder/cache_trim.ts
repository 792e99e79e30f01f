/**
 * Keeps the embedding cache within its size. First go the rows that nobody asked for in this life
 * of the process: every memory's are asked for at start-up, and until then none goes, so these are
 * of texts that were edited or deleted, of queries, or of a model that was left. Then the oldest.
 */
import { resized } from "../typed_arrays.ts";
import { type CacheFile, pragma } from "./cache_file.ts";

export class CacheTrim {
  readonly #limitBytes: number;
  readonly #used = new RowSet();
  readonly #tooSmall: () => void;
  /** Up to this one, all rows are in use. */
  #lookedTo = 0;

  /** `tooSmall` is called when rows that are in use have to go. */
  constructor(limitBytes: number, tooSmall: () => void) {
    this.#limitBytes = limitBytes;
    this.#tooSmall = tooSmall;
  }

  /** Says that a row was asked for or written. */
  use(row: unknown): void {
    this.#used.add(Number(row));
  }

  useKey({ find }: CacheFile, key: string): void {
    const found = find.get(key);
    if (found !== undefined) this.use(found["row"]);
  }

  /** One bounded step towards the size limit; true while more are needed. */
  step(file: CacheFile): boolean {
    const { db } = file;
    const size = pragma(db, "page_size");
    const used = (pragma(db, "page_count") - pragma(db, "freelist_count")) * size;
    // A margin, so that at the limit new rows go into freed pages and the file stands still.
    if (used > this.#limitBytes * 0.95) return this.#forgetSome(file);
    if (pragma(db, "page_count") * size <= this.#limitBytes) return false;
    // Gives freed pages back to the disk; `all` since each page is a step of the statement.
    db.prepare("PRAGMA incremental_vacuum(200)").all();
    return pragma(db, "page_count") * size > this.#limitBytes && pragma(db, "freelist_count") > 0;
  }

  /** False where there was nothing left to forget. */
  #forgetSome({ db, nextRows, forgetRow }: CacheFile): boolean {
    const rowsAfter = (row: number) => nextRows.all(row).map(({ row }) => Number(row));
    const next = rowsAfter(this.#lookedTo);
    this.#lookedTo = next.at(-1) ?? this.#lookedTo;
    const going = next.length > 0 ? next.filter((row) => !this.#used.has(row)) : rowsAfter(0);
    if (next.length === 0 && going.length > 0) this.#tooSmall();
    db.exec("BEGIN IMMEDIATE");
    for (const row of going) forgetRow.run(row);
    db.exec("COMMIT");
    return next.length + going.length > 0;
  }
}

/** A bit for each: a million rows take 125 KB. */
class RowSet {
  #bits = new Uint8Array(1024);

  add(row: number): void {
    const byte = Math.floor(row / 8);
    if (byte >= this.#bits.length) this.#bits = resized(this.#bits, new Uint8Array(2 * byte));
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << row % 8);
  }

  has(row: number): boolean {
    return ((this.#bits[Math.floor(row / 8)] ?? 0) & (1 << row % 8)) !== 0;
  }
}
