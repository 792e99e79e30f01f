/** An embedder that remembers, and whose vectors mean something: texts with words of one concept
 * are near each other. `isAway` takes the provider out of reach; what it said once stays known. */
import {
  type Embedder,
  EmbedderError,
  type EmbedOptions,
  type KeepingEmbedder,
} from "../../../src/embedder.ts";
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

  async embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]> {
    const known = await this.recall(texts);
    if (known.every((vector) => vector !== undefined)) return known;
    const vectors = await this.ask(texts, options);
    texts.forEach((text, at) => this.kept.set(text, vectors[at] ?? meaningOf(text)));
    return vectors;
  }
}

export function meaningOf(text: string): Float32Array {
  return Float32Array.from(fakeVector(text, LENGTH));
}
