/**
 * Port: turns texts into vectors. What is behind it may be slow, away or wrong, so whoever calls
 * it has a way to go on without.
 */
export interface Embedder {
  /** A word for `/stats`, such as `openai`; never an address or a key. */
  readonly provider: string;
  readonly model: string;
  /** Vectors' length asked for, or undefined: then the provider's own. */
  readonly dimensions: number | undefined;
  /**
   * One vector for each text, in order; every one finite, not all zeros, all of one length.
   * Throws `EmbedderError`.
   */
  embed(texts: readonly string[], options: EmbedOptions): Promise<Float32Array[]>;
}

export interface EmbedOptions {
  readonly signal: AbortSignal;
  /** What is remembered at another length is asked for anew. */
  readonly length?: number | undefined;
  /** Told where the provider may not have been asked for all of them now. */
  readonly remembered?: (() => void) | undefined;
}

/** An embedder that remembers what it was answered. */
export interface KeepingEmbedder extends Embedder {
  /** For each text the vector that is already there, or undefined; asks no provider. */
  recall(texts: readonly string[]): Promise<(Float32Array | undefined)[]>;
  /** Says that what is remembered of these is in use, as `recall` does, and reads none of it. */
  use(texts: readonly string[]): Promise<void>;
  /** Asks the provider whatever is remembered, and remembers nothing of it. */
  readonly ask: Embedder["embed"];
}

/** One that may remember, or not. */
export type AnyEmbedder = Embedder & Partial<Pick<KeepingEmbedder, "recall" | "use" | "ask">>;

/** Which model's vectors searches use: remembered beside the vectors, over restarts. */
export interface ServedModels {
  /** Length of today's model's vectors, where it was the one. */
  readonly length: number | undefined;
  /** The one whose vectors searches used last, if that is not today's. */
  readonly previous: { readonly embedder: KeepingEmbedder; readonly length: number } | undefined;
  /** Says that searches use this one's vectors from now on. */
  serve(embedder: Pick<Embedder, "model" | "dimensions">, length: number): void;
  /** Calls when vectors that were remembered are lost, and new ones can be. */
  whenLost(listener: () => void): void;
  /** Says that the vectors of all memories were asked for once: those that were not may go. */
  allAsked(): void;
  /** Whether there is no room for all that is in use: what goes is paid for again after a restart. */
  isTooSmall(): boolean;
}

/**
 * - `retry`: slow, unreachable, overloaded, or the reply was not usable: the same call may work later.
 * - `config`: refused for what the operator set (key, model, address): no use before that changes.
 * - `input`: this batch was refused for one of its texts.
 */
export type EmbedderFault = "retry" | "config" | "input";

export class EmbedderError extends Error {
  override readonly name = "EmbedderError";
  readonly fault: EmbedderFault;
  readonly retryAfterMs: number | undefined;

  constructor(fault: EmbedderFault, message: string, retryAfterMs?: number) {
    super(message);
    this.fault = fault;
    this.retryAfterMs = retryAfterMs;
  }
}
