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
