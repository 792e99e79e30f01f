/**
 * The vectors that are to be had without a call, of the length that the index has.
 */
import type { Clock } from "../clock.ts";
import { dotProduct, inverseLength } from "../cosine.ts";
import { type AnyEmbedder, EmbedderError } from "../embedder.ts";
import { paced } from "../pace.ts";
import type { Source } from "../vector_index.ts";
import { embedInTime } from "./deadline.ts";
import { RecentChunks } from "./recent_chunks.ts";

/** For each text the vector that is to be had without a call, or undefined. */
export type Recall = (texts: readonly string[]) => Promise<(Float32Array | undefined)[]>;

const ASKING_MS = 20_000;
/** What is looked up while a search waits: each chunk is a read from the disk. */
const SEARCHED_CHARACTERS = 150_000;
/** Providers answer the same text a little differently each time; other models far beyond this. */
const SAME_COSINE = 0.98;

export class Remembered {
  readonly #embedder: AnyEmbedder | undefined;
  readonly #takesLength: (length: number) => boolean;
  readonly #recentChunks = new RecentChunks();
  /** A text and the vector that was remembered of it. */
  #sample: { readonly text: string; readonly vector: Float32Array } | undefined;

  /** `takesLength` says whether vectors of a length are of use. */
  constructor(embedder: AnyEmbedder | undefined, takesLength: (length: number) => boolean) {
    this.#embedder = embedder;
    this.#takesLength = takesLength;
  }

  /** Whether anything was remembered, by which a model is told. */
  get hasSample(): boolean {
    return this.#sample !== undefined;
  }

  async ofTexts(texts: readonly string[]): Promise<(Float32Array | undefined)[]> {
    if (texts.length === 0) return [];
    const vectors = await this.#embedder?.recall?.(texts) ?? [];
    return vectors.map((vector, at) => {
      if (vector === undefined || !this.#takesLength(vector.length)) return undefined;
      this.#sample ??= { text: texts[at] ?? "", vector };
      return vector;
    });
  }

  /** For each content the vectors of all its chunks, or undefined. */
  async ofContents(
    contents: readonly string[],
  ): Promise<(readonly Float32Array[] | undefined)[]> {
    const chunks = await this.#chunksOf(contents);
    const vectors = await this.ofTexts(chunks.flat());
    let next = 0;
    return chunks.map(({ length }) => {
      const own = vectors.slice(next, next += length).filter((vector) => vector !== undefined);
      return own.length === length ? own : undefined;
    });
  }

  /** Says that what is remembered of these is in use. */
  async use(contents: readonly string[]): Promise<void> {
    await this.#embedder?.use?.((await this.#chunksOf(contents)).flat());
  }

  #chunksOf(contents: readonly string[]): Promise<(readonly string[])[]> {
    return paced(contents, (content) => this.#recentChunks.of(content));
  }

  async #ofBest(contents: readonly string[]): Promise<(readonly Float32Array[] | undefined)[]> {
    let characters = 0;
    const isLookedUp = contents.map(({ length }) => {
      const fits = characters === 0 || characters + length <= SEARCHED_CHARACTERS;
      if (fits) characters += length;
      return fits;
    });
    const found = await this.ofContents(contents.filter((_, at) => isLookedUp[at]));
    let next = 0;
    return isLookedUp.map((is) => is ? found[next++] : undefined);
  }

  /** For each source its vectors: one of a client's own, or what `recall` has of the text's. */
  async ofSources(
    sources: readonly (Source | undefined)[],
    recall = (texts: readonly string[]) => this.ofContents(texts),
  ): Promise<(readonly Float32Array[] | undefined)[]> {
    const recalled = await recall(sources.filter((source) => typeof source === "string"));
    let next = 0;
    return sources.map((source) =>
      typeof source === "string" ? recalled[next++] : source && [source]
    );
  }

  /** The same, but of long texts only the first few. */
  ofBestSources(sources: readonly (Source | undefined)[]): ReturnType<Remembered["ofSources"]> {
    return this.ofSources(sources, (texts) => this.#ofBest(texts));
  }

  /**
   * False where the provider does not make such vectors any more: many a server answers by
   * whatever model it runs, whichever is asked for. True also while nobody can tell.
   */
  async areStillMade(clock: Clock, stopping: AbortSignal): Promise<boolean> {
    const sample = this.#sample;
    if (sample === undefined) return false;
    try {
      const vectors = await embedInTime(
        clock,
        ASKING_MS,
        stopping,
        async (signal) => await this.#embedder?.ask?.([sample.text], { signal }),
      );
      const vector = vectors?.[0];
      return vector !== undefined && cosine(vector, sample.vector) >= SAME_COSINE;
    } catch (error) {
      return error instanceof EmbedderError && error.fault === "retry";
    }
  }
}

/** 0 where the lengths differ. */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  return dotProduct(a, 0, b) * inverseLength(a) * inverseLength(b);
}
