/** An embedder that remembers, and whose vectors mean something: texts with words of one concept
 * are near each other. `isAway` takes the provider out of reach; what it said once stays known. */
import {
  type Embedder,
  EmbedderError,
  type EmbedOptions,
  type KeepingEmbedder,
} from "../../../src/embedder.ts";
import { chunksOf } from "../../../src/indexer/chunks.ts";
import type { Memory } from "../../../src/memory.ts";
import { fakeVector } from "../openai.ts";

const LENGTH = 24;

export class MeaningEmbedder implements KeepingEmbedder {
  readonly provider = "fake";
  readonly model = "meaning-1";
  readonly dimensions = LENGTH;
  readonly kept = new Map<string, Float32Array>();
  isAway = false;

  readonly ask: Embedder["embed"] = (texts, { signal }) => {
    if (this.isAway) return Promise.reject(new EmbedderError("retry", "Cannot embed: away"));
    signal.throwIfAborted();
    return Promise.resolve(texts.map(meaningOf));
  };

  recall(texts: readonly string[]): Promise<(Float32Array | undefined)[]> {
    return Promise.resolve(texts.map((text) => this.kept.get(text)));
  }

  /** Nothing is ever forgotten here for want of room. */
  use(): Promise<void> {
    return Promise.resolve();
  }

  async embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    const known = await this.recall(texts);
    if (known.every((vector) => vector !== undefined)) return known;
    const vectors = await this.ask(texts, options);
    texts.forEach((text, at) => this.kept.set(text, vectors[at] ?? meaningOf(text)));
    return vectors;
  }
}

/** Words in the same proportions give the very same vector, not nearly the same: which of two that
 * are nearly as near comes first is a matter of rounding, and nobody's promise. */
export function meaningOf(text: string): Float32Array {
  const counts = Object.entries(Object.groupBy(text.toLowerCase().split(" "), (word) => word))
    .map(([word, same = []]) => [word, same.length] as const)
    .sort(([a], [b]) => a < b ? -1 : 1);
  const divisor = counts.map(([, count]) => count).reduce(greatestDivisor, 0);
  const words = counts.flatMap(([word, count]) => Array(count / divisor).fill(word));
  return Float32Array.from(fakeVector(words.join(" "), LENGTH));
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** What a memory's vectors should be. */
export function vectorsOf({ content, embedding }: Memory): Float32Array[] {
  return embedding === undefined ? chunksOf(content).map(meaningOf) : [embedding];
}

/** In doubles, which no float32 is too large or too small for. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  const dot = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a)) / Math.sqrt(dot(b, b));
}
