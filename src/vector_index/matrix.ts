/**
 * Vectors of one length, bit for bit as they were given, with the inverse of each one's length
 * beside. They lie in pages, so that growing copies nothing: a copy of 600 MB would stop the
 * program for half a second and need the memory twice.
 */

/** float32 numbers in a page, if one vector is not already longer: 4 MiB. */
const PAGE_NUMBERS = 1 << 20;

export class Matrix {
  readonly dimensions: number;
  readonly #rowsPerPage: number;
  readonly #pages: Float32Array[] = [];
  readonly #inverseLengths: Float64Array[] = [];

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rowsPerPage = Math.max(1, Math.floor(PAGE_NUMBERS / dimensions));
  }

  get bytes(): number {
    return [...this.#pages, ...this.#inverseLengths].reduce(
      (sum, page) => sum + page.byteLength,
      0,
    );
  }

  /** Fills a row, at most one beyond the last. */
  set(row: number, vector: Float32Array, inverseLength: number): void {
    const page = Math.floor(row / this.#rowsPerPage);
    const inPage = row % this.#rowsPerPage;
    if (page === this.#pages.length) {
      this.#pages.push(new Float32Array(this.#rowsPerPage * this.dimensions));
      this.#inverseLengths.push(new Float64Array(this.#rowsPerPage));
    }
    this.#pages[page]?.set(vector, inPage * this.dimensions);
    this.#inverseLengths[page]?.fill(inverseLength, inPage, inPage + 1);
  }

  /** A copy of the row. */
  vector(row: number): Float32Array {
    const { page, offset } = this.place(row);
    return page.slice(offset, offset + this.dimensions);
  }

  /** Where the row lies; not to be kept across changes. */
  place(row: number): { readonly page: Float32Array; readonly offset: number } {
    const page = this.#pages[Math.floor(row / this.#rowsPerPage)];
    if (page === undefined) throw new RangeError(`Cannot read row ${row}: there is none`);
    return { page, offset: (row % this.#rowsPerPage) * this.dimensions };
  }

  inverseLength(row: number): number {
    const page = this.#inverseLengths[Math.floor(row / this.#rowsPerPage)];
    return page?.[row % this.#rowsPerPage] ?? 0;
  }

  move(from: number, to: number): void {
    const { page, offset } = this.place(from);
    const vector = page.subarray(offset, offset + this.dimensions);
    this.set(to, vector, this.inverseLength(from));
  }

  /** Gives back pages that so many rows do not need; one spare stays, for what comes next. */
  shrink(rows: number): void {
    const enough = Math.ceil(rows / this.#rowsPerPage) + 1;
    this.#pages.splice(enough);
    this.#inverseLengths.splice(enough);
  }
}
