/**
 * The vector index in this process: quantised vectors, the best of them scored exactly, nothing to
 * build. What it may miss, now and then, is one of a crowd that lies as near as another.
 *
 * A search compares sign bits with all memories, int8 codes with the nearest, and the vectors
 * themselves, which are not kept here but asked for, with the last few. It gives way to other work
 * every few milliseconds; what changes meanwhile is scored again before the best are chosen, so
 * that a result is true of the index at the moment it is given.
 */
import { Pace } from "../pace.ts";
import type {
  FullVectors,
  NearPairs,
  NearPairsQuery,
  VectorEntry,
  VectorIndex,
  VectorQuery,
  VectorResult,
} from "../vector_index.ts";
import { Holding, type Measured } from "./holding.ts";
import type { NewKernel } from "./kernel.ts";
import { Finalists } from "./finalists.ts";
import { checkLength, measure } from "./measure.ts";
import { NearPairSearch } from "./near_pairs.ts";
import { FEW_CODES, Scan, type Steps } from "./scan.ts";
import { fastestKernel } from "./wasm_kernel.ts";

/** So often does a search go back to what changed before it finishes in one go: writers that never
 * rest must not keep it from answering. */
const MAX_RETURNS = 20;
/** So often is a search begun again whose nearest memories went away on the way. */
const MAX_RESTARTS = 3;

/** So many pairs of memories are compared by their full vectors at a time. */
const PAIRS_AT_ONCE = 32;

/** Says when to give way, and gives way. */
export type Pacing = Pick<Pace, "due" | "breathe">;

export interface QuantisedOptions {
  /** For the last and exact scores. Where there is no answer for a memory, the score of its
   * quantised vector stands: off by a thousandth or two at most. */
  readonly fullVectors?: FullVectors | undefined;
  readonly pace?: (() => Pacing) | undefined;
  readonly newKernel?: NewKernel | undefined;
  /** Up to so many codes are read without a look at the sign bits. */
  readonly fewCodes?: number | undefined;
}

export class QuantisedVectorIndex implements VectorIndex {
  readonly kind = "memory";
  readonly #pace: () => Pacing;
  readonly #fullVectors: FullVectors | undefined;
  readonly #newKernel: NewKernel;
  readonly #fewCodes: number;
  readonly #scans = new Set<Scan>();
  #holding: Holding | undefined;
  /** Writes that wait or are under way, and the last of them. */
  #writes = 0;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor({ fullVectors, pace, newKernel, fewCodes }: QuantisedOptions = {}) {
    this.#pace = pace ?? (() => new Pace());
    this.#fullVectors = fullVectors;
    this.#newKernel = newKernel ?? fastestKernel();
    this.#fewCodes = fewCodes ?? FEW_CODES;
  }

  get dimensions(): number | undefined {
    return this.#holding?.quantiser.dimensions;
  }

  get size(): number {
    return this.#holding?.members.size ?? 0;
  }

  get bytes(): number {
    return this.#holding?.bytes ?? 0;
  }

  has(id: string): boolean {
    return this.#holding?.members.slotOf(id) !== undefined;
  }

  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    await this.#inTurn(() => this.#upsertNow(entries));
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#inTurn(() => this.#deleteNow(ids));
  }

  async search({ vector, limit, accept, signal }: VectorQuery): Promise<VectorResult> {
    signal?.throwIfAborted();
    const query = {
      vector: vector.slice(),
      inverseLength: measure(vector, vector.length, "search"),
    };
    const pace = this.#pace();
    for (let restarts = 0;; restarts++) {
      const holding = this.#holding;
      checkLength(vector, this.dimensions ?? vector.length, "search");
      if (holding === undefined) return { hits: [], total: 0 };
      const quantised = holding.quantiser.query(query.vector, query.inverseLength);
      const scan = new Scan(holding, {
        query: quantised,
        limit,
        accept,
        fewCodes: this.#fewCodes,
      });
      const finalists = new Finalists(scan, query, limit);
      this.#scans.add(scan);
      try {
        const isLast = restarts === MAX_RESTARTS;
        const isTrue = await this.#run(scan, finalists, isLast ? undefined : pace, signal);
        if (isTrue || isLast) return finalists.result();
      } finally {
        this.#scans.delete(scan);
        holding.giveBack(scan.scores);
      }
    }
  }

  async nearPairs({ minScore, limit, signal }: NearPairsQuery): Promise<NearPairs> {
    signal?.throwIfAborted();
    const holding = this.#holding;
    if (holding === undefined) return { pairs: [], isComplete: true };
    const pace = this.#pace();
    const near = new NearPairSearch(holding, minScore, limit);
    await walk(near.steps(), pace, signal);
    for (let from = 0; from < near.pairs.length; from += PAIRS_AT_ONCE) {
      const some = near.pairs.slice(from, from + PAIRS_AT_ONCE);
      const ids = [...new Set(some.flatMap(({ a, b }) => [a, b]))];
      const vectors = await this.#fullVectors?.(ids) ?? [];
      signal?.throwIfAborted();
      near.rescore(from, PAIRS_AT_ONCE, new Map(ids.map((id, at) => [id, vectors[at]])));
    }
    return near.result();
  }

  /** False where the index became so different on the way that the search must begin again. */
  async #run(
    scan: Scan,
    finalists: Finalists,
    pace: Pacing | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    await walk(scan.steps(), pace, signal);
    for (let returns = 0;; returns++) {
      const isLast = pace === undefined || returns >= MAX_RETURNS;
      await walk(scan.reconsider(), isLast ? undefined : pace, signal);
      if (scan.holding !== this.#holding || scan.isStale) return false;
      if (isLast) return true;
      if (scan.changed.size > 0) continue;
      if (this.#fullVectors === undefined) return true;
      const unsure = finalists.unsure();
      if (unsure.length === 0) return true;
      const vectors = await this.#fullVectors(unsure.map(({ id }) => id));
      signal?.throwIfAborted();
      finalists.rescore(unsure, vectors);
    }
  }

  /** One write at a time, in the order they came; at once where none is under way. */
  async #inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#writes++ === 0 ? write() : this.#lastWrite.then(write);
    this.#lastWrite = turn.catch(() => undefined);
    try {
      await turn;
    } finally {
      this.#writes--;
    }
  }

  async #upsertNow(entries: readonly VectorEntry[]): Promise<void> {
    const filled = entries.filter(({ vectors }) => vectors.length > 0);
    const dimensions = this.dimensions ?? filled[0]?.vectors[0]?.length;
    if (dimensions === undefined) return;
    const pace = this.#pace();
    // Each is looked at before the first is kept, so that a bad one changes nothing.
    const measured: { readonly id: string; readonly vectors: readonly Measured[] }[] = [];
    for (const { id, vectors } of filled) {
      const measures = vectors.map((vector): Measured => (
        { vector, inverseLength: measure(vector, dimensions, "index a vector") }
      ));
      measured.push({ id, vectors: measures });
      if (pace.due) await pace.breathe();
    }
    const holding = this.#holding ??= new Holding(dimensions, this.#newKernel);
    for (const { id, vectors } of measured) {
      holding.put(id, vectors, (slot) => this.#markChanged(slot));
      if (pace.due) await pace.breathe();
    }
  }

  async #deleteNow(ids: readonly string[]): Promise<void> {
    const pace = this.#pace();
    for (const id of ids) {
      this.#holding?.remove(id, (slot) => this.#markChanged(slot));
      if (pace.due) await pace.breathe();
    }
    if (this.size === 0) this.#holding = undefined;
  }

  #markChanged(slot: number): void {
    for (const scan of this.#scans) scan.changed.add(slot);
  }
}

/** Takes the steps; without a pace in one go. */
async function walk(
  steps: Steps,
  pace: Pacing | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const _ of steps) {
    if (!pace?.due) continue;
    await pace.breathe();
    signal?.throwIfAborted();
  }
}
