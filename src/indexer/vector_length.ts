/**
 * The length of the provider's vectors, which decides what the index can hold. It may be asked for,
 * or taken from what is remembered until the provider says it; but what the provider said once in
 * a life of the process is settled: a reply of another length is a fault then.
 */
import { type Embedder, EmbedderError } from "../embedder.ts";
import type { Embed } from "./text_calls.ts";

export interface VectorLengthOptions {
  /** Where it is known. */
  readonly length: number | undefined;
  readonly isSettled: boolean;
  /** Length of the vectors in the index. */
  readonly indexed: () => number | undefined;
  readonly changed: () => void;
}

export class VectorLength {
  readonly #options: VectorLengthOptions;
  #known: number | undefined;
  #isSettled: boolean;

  constructor(options: VectorLengthOptions) {
    this.#options = options;
    this.#known = options.length;
    this.#isSettled = options.isSettled;
  }

  get known(): number | undefined {
    return this.#known;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The index holds vectors of another length. */
  get isOutgrown(): boolean {
    const indexed = this.#options.indexed();
    return this.#known !== undefined && indexed !== undefined && indexed !== this.#known;
  }

  /** Whether a remembered vector is of use; the first one tells, where nobody did. */
  takes(length: number): boolean {
    if (this.#known === undefined) this.#set(length);
    return length === this.#known;
  }

  /**
   * Takes what the provider says first; `isSaid` is false where it may be what is remembered of it.
   * Throws for any other length, and if the index has one.
   */
  check(length: number, isSaid: boolean): void {
    if (!isSaid) this.takes(length);
    else if (!this.#isSettled) {
      this.#isSettled = true;
      if (length !== this.#known) this.#set(length);
    }
    if (length !== this.#known) {
      throw new EmbedderError(
        isSaid ? "config" : "retry",
        `Cannot index: the provider's vectors have ${length} numbers, the index's ${this.#known}`,
      );
    }
    this.requireIndex();
  }

  /** Throws where the index is still one of another length. */
  requireIndex(): void {
    if (!this.isOutgrown) return;
    throw new EmbedderError("retry", "Cannot embed: the index's vectors have another length still");
  }

  #set(length: number): void {
    this.#known = length;
    this.#options.changed();
  }
}

/** The embedder, whose vectors' length is checked. */
export function checkedEmbed(embedder: Embedder, vectorLength: VectorLength): Embed {
  return async (texts, signal) => {
    const length = vectorLength.known;
    const answer = { isRemembered: false };
    const remembered = () => void (answer.isRemembered = true);
    const vectors = await embedder.embed(texts, { signal, length, remembered });
    for (const vector of vectors) {
      // Nothing is remembered at another length than was asked for.
      const isSaid = !answer.isRemembered || vector.length !== (length ?? vector.length);
      vectorLength.check(vector.length, isSaid);
    }
    return vectors;
  };
}
