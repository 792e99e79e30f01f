/**
 * What an index elsewhere holds, quantised and in this process, as far as it fits: filled from
 * where the vectors are kept in full, a slice at a time, and told of whatever is written meanwhile.
 *
 * Promises: what was written counts for more than what was read before it, so that nothing comes
 * back that was deleted while it was being read.
 */
import { Pace } from "../../pace.ts";
import type {
  VectorEntry,
  VectorIndex,
  VectorsElsewhere,
  VectorsKind,
} from "../../vector_index.ts";
import { type QuantisedOptions, QuantisedVectorIndex } from "../quantised.ts";

/** An index whose vectors another service keeps. */
export type RemoteVectorIndex = VectorIndex & { readonly elsewhere: VectorsElsewhere };

export interface LocalCopyOptions {
  /** Of which it is a copy. */
  readonly remote: RemoteVectorIndex;
  readonly vectors: Pick<VectorsKind, "fullVectors" | "allVectors">;
  /** No slice is read once it holds so much. */
  readonly maxBytes: number;
  /** Asked between two slices: where nobody wants it any more, the filling ends there. */
  readonly isWanted: () => boolean;
  readonly quantised?: Omit<QuantisedOptions, "fullVectors"> | undefined;
}

/** So many memories' vectors are held in full at a time: a few MiB of ordinary ones. */
const SLICE = 50;

export class LocalCopy {
  readonly index: QuantisedVectorIndex;
  readonly #options: LocalCopyOptions;
  #filling: Promise<void> | undefined;
  #isWhole = false;
  /** Whether something came to the remote index, since the filling began, that is not here. */
  #lacksSome = false;
  /** What was written since the vectors of a slice were asked for. */
  readonly #written = new Set<string>();

  constructor(options: LocalCopyOptions) {
    const { vectors: { fullVectors }, quantised } = options;
    this.index = new QuantisedVectorIndex({ ...quantised, fullVectors });
    this.#options = options;
  }

  /** Whether it has all that the remote index holds, but for vectors that are not to be had. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get isFull(): boolean {
    return this.index.bytes >= this.#options.maxBytes;
  }

  get isFilling(): boolean {
    return this.#filling !== undefined;
  }

  /** Reads what is not here, as far as it fits and is wanted; all who ask at once share it. */
  fill(): Promise<void> {
    return this.#filling ??= this.#fillNow().finally(() => {
      this.#filling = undefined;
      this.#written.clear();
    });
  }

  /** Of what the remote index took. */
  async upsert(entries: readonly VectorEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const ids = entries.map(({ id }) => id);
    this.#noteWritten(ids);
    if (!this.isFull) return await this.index.upsert(entries);
    this.miss();
    await this.index.delete(ids);
  }

  async delete(ids: readonly string[]): Promise<void> {
    this.#noteWritten(ids);
    await this.index.delete(ids);
  }

  /** The remote index holds something that did not come by here: it is read by the next filling. */
  miss(): void {
    this.#isWhole = false;
    this.#lacksSome = true;
  }

  #noteWritten(ids: readonly string[]): void {
    if (this.#filling === undefined) return;
    for (const id of ids) this.#written.add(id);
  }

  async #fillNow(): Promise<void> {
    this.#lacksSome = false;
    const { remote, isWanted, quantised } = this.#options;
    const pace = quantised?.pace?.() ?? new Pace();
    let slice: string[] = [];
    for (const id of remote.elsewhere.ids()) {
      if (pace.due) await pace.breathe();
      if (this.index.has(id)) continue;
      if (this.isFull || !isWanted()) return;
      slice.push(id);
      if (slice.length < SLICE) continue;
      await this.#read(slice);
      slice = [];
    }
    await this.#read(slice);
    this.#isWhole = !this.#lacksSome;
  }

  async #read(ids: readonly string[]): Promise<void> {
    const { remote, vectors: { allVectors } } = this.#options;
    this.#written.clear();
    const found = await allVectors(ids);
    const { dimensions } = remote;
    const entries = ids.flatMap((id, at) => {
      const vectors = found[at];
      if (vectors === undefined || this.#written.has(id)) return [];
      return vectors.every(({ length }) => length === dimensions) ? [{ id, vectors }] : [];
    });
    await this.index.upsert(entries);
  }
}
