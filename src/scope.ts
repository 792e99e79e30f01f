/**
 * What a caller was let in to do. The container's key is for everything; a key for reading sees
 * what is there and changes nothing.
 */
export type Scope = "write" | "read";

/** What the door goes on doing for a request that it let in. */
export interface Admitted {
  /** False once the request's key lets nobody in any more. */
  isLetIn(): boolean;
  /** Counts so many more requests that it stands for. Throws `rate_limited`. */
  admit(more: number): void;
}
