/** How the Qdrant that keeps the vectors is reached and used, as the operator sets it. */
export interface QdrantSettings {
  readonly url: string;
  readonly apiKey: string | undefined;
  /** Left out: one for each model and length of vectors. */
  readonly collection: string | undefined;
  readonly timeoutMs: number;
  readonly quantization: "none" | "scalar";
}
