/** One row of the embedding cache: the key that a vector is found by, and its bytes. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

export interface CacheEntry {
  readonly key: string;
  readonly vector: Float32Array;
}

/** The model whose vectors searches use. */
export interface Served {
  readonly model: string;
  /** Asked for; undefined is the model's own. */
  readonly dimensions: number | undefined;
  /** Of its vectors. */
  readonly length: number;
}

/** The key of a text's vector; a lone surrogate is escaped by JSON, so no two texts share a key. */
export function embeddingKey(model: string, dimensions: number | undefined, text: string): string {
  const hash = createHash("sha256");
  return hash.update(JSON.stringify([model, dimensions ?? 0, text])).digest("hex");
}

export function bytesOf({ key, vector }: CacheEntry): { blob: Uint8Array; crc: number } {
  const blob = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return { blob, crc: checksum(key, blob) };
}

/** Undefined where the row is damaged. */
export function vectorIn(key: string, vector: unknown, crc: unknown): Float32Array | undefined {
  if (!(vector instanceof Uint8Array) || vector.length % 4 !== 0) return undefined;
  if (checksum(key, vector) !== crc) return undefined;
  // They need not lie where a Float32Array may begin, nor alone; as a rule they do.
  const { buffer, byteOffset, byteLength } = vector;
  const isAlone = byteOffset === 0 && buffer.byteLength === byteLength;
  return new Float32Array(isAlone ? buffer : vector.slice().buffer);
}

/** Over key and vector, so that a row under the wrong key is found out too. */
function checksum(key: string, blob: Uint8Array): number {
  return crc32(blob, crc32(key));
}
