/**
 * Any number of texts, embedded by calls of bounded size.
 *
 * Promises: a text that the provider refuses costs only itself: it is found by halving, tried
 * shorter, and only then given up, and never because of a setting. What was answered before a call
 * failed is there for the caller.
 */
import type { Clock } from "../clock.ts";
import { EmbedderError } from "../embedder.ts";
import { embedInTime } from "./deadline.ts";
import { cutText } from "./cut_text.ts";

/** An embedder's, of the length that the index has. Throws `EmbedderError`. */
export type Embed = (texts: readonly string[], signal: AbortSignal) => Promise<Float32Array[]>;

export interface TextCallsOptions {
  readonly embed: Embed;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/** By its text; null where the provider will not take the text, however short. */
export type Answers = Map<string, Float32Array | null>;

/** What one call may hold. */
export const CALL = { texts: 100, characters: 100_000 } as const;
const DEADLINE_MS = 20_000;
/** A refused text is tried shorter down to this, since models differ in how much they take. */
const SHORTEST_CHARACTERS = 500;
/** Nobody can object to it: whether it is refused tells a bad text from a bad setting. */
const HARMLESS_TEXT = "memory";

export class TextCalls {
  readonly #options: TextCallsOptions;
  /** Whether the provider ever took a text as it is set up now. */
  #proven = false;

  constructor(options: TextCallsOptions) {
    this.#options = options;
  }

  get proven(): boolean {
    return this.#proven;
  }

  /** Puts an answer for each text into `answers`. Throws `EmbedderError`. */
  async embed(texts: Iterable<string>, answers: Answers): Promise<void> {
    for (const call of callsOf(texts)) await this.#embedAll(call, answers);
  }

  async #embedAll(texts: readonly string[], answers: Answers): Promise<void> {
    const parts = [texts];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const vectors = await this.#call(part);
      if (vectors !== undefined) {
        part.forEach((text, at) => answers.set(text, vectors[at] ?? null));
        continue;
      }
      const [first] = part;
      if (first !== undefined && part.length === 1) {
        answers.set(first, await this.#shortened(first));
        continue;
      }
      // One of them is refused: halve until it stands alone.
      const middle = part.length >> 1;
      parts.push(part.slice(middle), part.slice(0, middle));
    }
  }

  /** The vector of the longest beginning that the provider takes. */
  async #shortened(text: string): Promise<Float32Array | null> {
    if (!this.#proven) await this.#prove();
    for (let length = text.length >> 1; length >= SHORTEST_CHARACTERS; length >>= 1) {
      const vectors = await this.#call([cutText(text, length)]);
      if (vectors !== undefined) return vectors[0] ?? null;
    }
    return null;
  }

  /** Throws where the provider refuses what nobody can object to. */
  async #prove(): Promise<void> {
    if (await this.#call([HARMLESS_TEXT]) !== undefined) return;
    throw new EmbedderError("config", "Cannot embed: the provider refuses every text");
  }

  /** One vector for each text; undefined where the provider refuses one of them. */
  async #call(texts: readonly string[]): Promise<Float32Array[] | undefined> {
    const { clock, embed, stopping } = this.#options;
    let vectors: Float32Array[];
    try {
      vectors = await embedInTime(clock, DEADLINE_MS, stopping, (signal) => embed(texts, signal));
    } catch (error) {
      if (error instanceof EmbedderError && error.fault === "input") return undefined;
      throw error;
    }
    if (vectors.length !== texts.length) {
      throw new EmbedderError("retry", "Cannot index: a vector is missing");
    }
    this.#proven = true;
    return vectors;
  }
}

/** Fills one call after the other; a text that is too long for any has one of its own. */
function* callsOf(texts: Iterable<string>): Generator<readonly string[]> {
  let call: string[] = [];
  let characters = 0;
  for (const text of texts) {
    characters += text.length;
    if (call.length > 0 && (call.length === CALL.texts || characters > CALL.characters)) {
      yield call;
      call = [];
      characters = text.length;
    }
    call.push(text);
  }
  if (call.length > 0) yield call;
}
