/**
 * The vectors of what is searched for: within 1.5 seconds or not at all, since a search that has
 * none still answers by keyword. A few hundred recent ones are remembered.
 */
import type { Clock } from "../clock.ts";
import { EmbedderError } from "../embedder.ts";
import { Breaker } from "../breaker.ts";
import { embedInTime } from "./deadline.ts";
import type { Recall } from "./remembered.ts";
import type { Embed } from "./text_calls.ts";

const DEADLINE_MS = 1_500;
const REMEMBERED = 256;

export class QueryVectors {
  readonly #embed: Embed;
  readonly #recall: Recall;
  readonly #clock: Clock;
  readonly #stopping: AbortSignal;
  readonly #breaker: Breaker;
  /** Least recently used first. */
  readonly #remembered = new Map<string, Float32Array>();

  constructor(
    embed: Embed,
    recall: Recall,
    clock: Clock,
    stopping: AbortSignal,
  ) {
    this.#embed = embed;
    this.#recall = recall;
    this.#clock = clock;
    this.#stopping = stopping;
    this.#breaker = new Breaker(clock);
  }

  /** Throws `EmbedderError`. */
  async get(text: string): Promise<Float32Array> {
    const vector = this.#remembered.get(text) ?? (await this.#recall([text]))[0] ??
      await this.#ask(text);
    this.#remembered.delete(text);
    this.#remembered.set(text, vector);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= REMEMBERED) break;
      this.#remembered.delete(oldest);
    }
    return vector;
  }

  async #ask(text: string): Promise<Float32Array> {
    if (!this.#breaker.admit()) {
      throw new EmbedderError("retry", "Cannot embed: the provider failed too often just now");
    }
    try {
      const [vector] = await embedInTime(
        this.#clock,
        DEADLINE_MS,
        this.#stopping,
        (signal) => this.#embed([text], signal),
      );
      if (vector === undefined) throw new EmbedderError("retry", "Cannot embed: no vector came");
      this.#breaker.succeeded();
      return vector;
    } catch (error) {
      const fault = error instanceof EmbedderError ? error.fault : "retry";
      // A text that the provider will not take says nothing about the provider.
      if (fault === "input") this.#breaker.succeeded();
      else this.#breaker.failed(fault === "config");
      throw error;
    }
  }
}
