/**
 * Port: the folder that a migration works in, so that it can be run again after it was broken off.
 *
 * Contract: what `append` and `replace` have answered is durable where they say so, and nothing
 * else. Names are ours: `[a-z0-9._-]`, no folders.
 */
export interface MigrationFolder {
  /** Adds to the end. Not durable until `settle`, unless `durable`. */
  append(name: string, bytes: Uint8Array, options?: { readonly durable: boolean }): Promise<void>;
  /** Makes durable what was appended to these. */
  settle(names: Iterable<string>): Promise<void>;
  /** All of it or nothing, durable. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Nothing where there is none. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** What is gone already is fine; after a crash it may be there again. */
  remove(name: string): Promise<void>;
  /** Removes all that a migration has left there, and nothing else. */
  clear(): Promise<void>;
}
