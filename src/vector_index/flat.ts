/**
 * The vector index without approximation: every search reads every vector. The truth for other
 * adapters, and fast enough for tens of thousands of memories.
 *
 * A search gives way to other work every few milliseconds. What changes meanwhile is scored again
 * before the best are chosen, so that a result is true of the index at the moment it is given.
 */
import { AppError } from "../errors.ts";
import { Pace } from "../pace.ts";
import { Best } from "../ranking.ts";
import type {
  NearPairsQuery,
  VectorEntry,
  VectorHit,
  VectorIndex,
  VectorPair,
  VectorQuery,
  VectorResult,
} from "../vector_index.ts";
import { clampCosine, dotProduct, inverseLength } from "./cosine.ts";
import { Matrix } from "./matrix.ts";

/** Rows scored between two looks at the clock. */
const ROWS_PER_LOOK = 32;
/** So often does a search go back to rows that changed before it finishes in one go: writers that
 * never rest must not keep it from answering. */
const MAX_RETURNS = 100;

/** Says when to give way, and gives way. */
export type Pacing = Pick<Pace, "due" | "breathe">;

export interface FlatOptions {
  readonly pace?: () => Pacing;
}

/** A search under way. */
interface Scan {
  readonly query: Float32Array;
  readonly inverseLength: number;
  readonly accept: (id: string) => boolean;
  /** Row -> cosine, or NaN where the filter did not let it through. */
  scores: Float64Array;
  /** Rows below this one are scored, but for those that changed since. */
  next: number;
  readonly changed: Set<number>;
}

export class FlatVectorIndex implements VectorIndex {
  readonly kind = "memory";
  readonly #pace: () => Pacing;
  readonly #rowOf = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #scans = new Set<Scan>();
  #matrix: Matrix | undefined;

  constructor(options: FlatOptions = {}) {
    this.#pace = options.pace ?? (() => new Pace());
  }

  get dimensions(): number | undefined {
    return this.#matrix?.dimensions;
  }

  get size(): number {
    return this.#ids.length;
  }

  get bytes(): number {
    return this.#matrix?.bytes ?? 0;
  }

  has(id: string): boolean {
    return this.#rowOf.has(id);
  }

  // deno-lint-ignore require-await -- the port answers with a promise, as other adapters must wait
  async get(id: string): Promise<Float32Array | undefined> {
    const row = this.#rowOf.get(id);
    return row === undefined ? undefined : this.#matrix?.vector(row);
  }

  // deno-lint-ignore require-await -- a refusal is a rejected promise, as from any other adapter
  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    const rows = entries.flatMap(({ id, vectors }) => vectors.map((vector) => ({ id, vector })));
    const first = rows[0];
    if (first === undefined) return;
    const dimensions = this.dimensions ?? first.vector.length;
    // Each is looked at before the first is kept, so that a bad one changes nothing.
    const inverses = rows.map(({ vector }) => measure(vector, dimensions, "index a vector"));
    const matrix = this.#matrix ??= new Matrix(dimensions);
    rows.forEach(({ id, vector }, at) => {
      const row = this.#rowOf.get(id) ?? this.#ids.push(id) - 1;
      this.#rowOf.set(id, row);
      matrix.set(row, vector, inverses[at] ?? 0);
      this.#markChanged(row);
    });
  }

  // deno-lint-ignore require-await -- see get
  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#remove(id);
    if (this.size === 0) this.#matrix = undefined;
    else this.#matrix?.shrink(this.size);
  }

  async search({ vector, limit, accept, signal }: VectorQuery): Promise<VectorResult> {
    signal?.throwIfAborted();
    const scan: Scan = {
      query: vector.slice(),
      inverseLength: measure(vector, this.dimensions ?? vector.length, "search"),
      accept: accept ?? (() => true),
      scores: new Float64Array(this.size),
      next: 0,
      changed: new Set(),
    };
    this.#scans.add(scan);
    try {
      await this.#run(scan, signal);
      return this.#result(scan, limit);
    } finally {
      this.#scans.delete(scan);
    }
  }

  async nearPairs({ minScore, limit }: NearPairsQuery): Promise<readonly VectorPair[]> {
    const pairs: VectorPair[] = [];
    for (const id of this.#ids.toSorted()) {
      const vector = await this.get(id);
      if (vector === undefined) continue;
      const { hits } = await this.search({ vector, limit: this.size, accept: (b) => b > id });
      for (const { id: b, score } of hits) if (score >= minScore) pairs.push({ a: id, b, score });
    }
    return pairs.sort((a, b) => b.score - a.score).slice(0, limit);
  }

  async #run(scan: Scan, signal: AbortSignal | undefined): Promise<void> {
    const pace = this.#pace();
    for (let returns = 0; !this.#advance(scan, pace, returns > MAX_RETURNS);) {
      await pace.breathe();
      signal?.throwIfAborted();
      if (this.#matrix !== undefined) {
        checkLength(scan.query, this.#matrix.dimensions, "search");
      }
      if (scan.next >= this.size) returns++;
    }
  }

  /** Scores rows until nothing is left (true) or the slice is used up. */
  #advance(scan: Scan, pace: Pacing, toTheEnd: boolean): boolean {
    const matrix = this.#matrix;
    if (matrix === undefined) return true;
    if (scan.scores.length < this.size) scan.scores = grown(scan.scores, 2 * this.size);
    for (let count = 1;; count++) {
      const row = scan.next < this.size ? scan.next++ : take(scan.changed);
      if (row === undefined) return true;
      if (row < this.size) this.#score(scan, matrix, row);
      if (count % ROWS_PER_LOOK === 0 && !toTheEnd && pace.due) return false;
    }
  }

  #score(scan: Scan, matrix: Matrix, row: number): void {
    if (!scan.accept(this.#ids[row] ?? "")) {
      scan.scores[row] = NaN;
      return;
    }
    const { page, offset } = matrix.place(row);
    const product = dotProduct(page, offset, scan.query);
    scan.scores[row] = clampCosine(product * scan.inverseLength * matrix.inverseLength(row));
  }

  #result(scan: Scan, limit: number): VectorResult {
    const best = new Best<VectorHit>(limit, compareHits);
    let total = 0;
    for (let row = 0; row < this.size; row++) {
      const score = scan.scores[row] ?? NaN;
      if (Number.isNaN(score)) continue;
      total++;
      if (score >= (best.worst?.score ?? -1)) best.offer({ id: this.#ids[row] ?? "", score });
    }
    return { hits: best.sorted(), total };
  }

  /** The last row takes the place of the one that goes. */
  #remove(id: string): void {
    const row = this.#rowOf.get(id);
    const lastId = this.#ids.pop();
    if (row === undefined || lastId === undefined) {
      if (lastId !== undefined) this.#ids.push(lastId);
      return;
    }
    this.#rowOf.delete(id);
    if (lastId === id) return;
    this.#matrix?.move(this.#ids.length, row);
    this.#ids[row] = lastId;
    this.#rowOf.set(lastId, row);
    this.#markChanged(row);
  }

  #markChanged(row: number): void {
    for (const scan of this.#scans) if (row < scan.next) scan.changed.add(row);
  }
}

function compareHits(a: VectorHit, b: VectorHit): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1);
}

/** The inverse length of a vector that can be compared; any other is refused. */
function measure(vector: Float32Array, dimensions: number, action: string): number {
  checkLength(vector, dimensions, action);
  const inverse = inverseLength(vector);
  if (Number.isNaN(inverse)) {
    throw new AppError("invalid", `Cannot ${action}: the vector has a number that is not finite`);
  }
  if (inverse === Infinity) {
    throw new AppError("invalid", `Cannot ${action}: the vector is empty or all zeros`);
  }
  return inverse;
}

function checkLength(vector: Float32Array, dimensions: number, action: string): void {
  if (vector.length === dimensions) return;
  throw new AppError(
    "invalid",
    `Cannot ${action}: the vector has ${vector.length} numbers, the index holds ${dimensions}`,
  );
}

function take(rows: Set<number>): number | undefined {
  for (const row of rows) {
    rows.delete(row);
    return row;
  }
  return undefined;
}

function grown(array: Float64Array, length: number): Float64Array {
  const next = new Float64Array(length);
  next.set(array);
  return next;
}
