/**
 * The shapes everything else speaks of: the memory, the change that is written to disk, and the
 * filter that a listing or a search is narrowed by. Nothing here touches a file, a clock or the
 * network.
 */
import type { JsonObject } from "./json.ts";

export const MEMORY_TYPES = ["semantic", "episodic", "procedural"] as const;
export type MemoryType = (typeof MEMORY_TYPES)[number];

/** The limits of one memory. "Characters" are Unicode code points, as in JSON Schema. */
export const LIMITS = {
  contentCharacters: 100_000,
  tags: 50,
  tagCharacters: 64,
  metadataBytes: 64 * 1024,
  metadataDepth: 16,
  embeddingDimensions: 8192,
} as const;

/** One memory as the state holds it. A memory is never changed in place: a change replaces it. */
export interface Memory {
  readonly id: string;
  readonly content: string;
  readonly memory_type: MemoryType;
  readonly importance_score: number;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  /** RFC 3339, UTC, milliseconds: so times compare as strings. */
  readonly created_at: string;
  readonly updated_at: string;
  /** Only where a client sent its own vector; it is data and as durable as the text. */
  readonly embedding?: Float32Array;
}

/** How often, and when last, `GET /memories/{id}` answered a memory. Kept apart from it, so that
 * reading neither rewrites a memory nor races with an update of it. */
export interface Access {
  readonly access_count: number;
  readonly last_accessed_at: string | null;
}

export const NEVER_ACCESSED: Access = { access_count: 0, last_accessed_at: null };

/**
 * Proof that a request with an `Idempotency-Key` was carried out: written with its change, so that
 * a retry after a crash gets the same answer and has no second effect.
 */
export interface Receipt {
  /** SHA-256 of the key, hex: the key itself is the client's. */
  readonly key: string;
  /** SHA-256 of what was asked, hex: another request under the same key is refused. */
  readonly request: string;
  /** RFC 3339; a receipt is honoured for 24 hours. */
  readonly at: string;
  /** The reply to give again: a memory as it was answered, another JSON body, or nothing. */
  readonly reply: { readonly memory: Memory; readonly access: Access } | {
    readonly json: JsonObject;
  } | null;
}

/** One durable step of history: full-state and idempotent, so that it may be replayed. */
export type Change =
  | {
    readonly op: "put";
    readonly memory: Memory;
    /** Left out by an update, which must not touch how often the memory was read. */
    readonly access?: Access;
    readonly receipt?: Receipt;
  }
  | { readonly op: "delete"; readonly id: string; readonly receipt?: Receipt }
  | { readonly op: "access"; readonly accesses: readonly (readonly [string, Access])[] }
  | { readonly op: "receipt"; readonly receipt: Receipt };

/** What narrows a listing or a search; every given part must hold. */
export interface MemoryFilter {
  readonly memory_type?: readonly MemoryType[] | undefined;
  /** All of these. */
  readonly tags?: readonly string[] | undefined;
  /** At least one of these. */
  readonly tags_any?: readonly string[] | undefined;
  readonly min_importance?: number | undefined;
  /** Inclusive. */
  readonly created_after?: string | undefined;
  /** Exclusive. */
  readonly created_before?: string | undefined;
  /** Equal values at top-level keys. */
  readonly metadata?: JsonObject | undefined;
}
