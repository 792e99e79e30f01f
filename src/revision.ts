/** Which version of a memory a client has seen. */
import { createHash } from "node:crypto";
import type { Memory } from "./memory.ts";

/** A digest of what a client can write; reading a memory does not change it. */
export function revisionOf(memory: Memory): string {
  const { content, memory_type, importance_score, tags, metadata, embedding } = memory;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([content, memory_type, importance_score, tags, metadata]));
  if (embedding !== undefined) hash.update(new Uint8Array(embedding.buffer));
  return hash.digest("base64url").slice(0, 27);
}
