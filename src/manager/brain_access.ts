/**
 * Port: the brains themselves, over the HTTP contract that every client of theirs has. The manager
 * asks a brain for what only it knows, and touches none of its files.
 *
 * Every call has a deadline, of silence where it streams; throws `BrainAccessError`, or the reason
 * of `signal`.
 */
export interface BrainAddress {
  /** Such as `http://brain.user-ada.svc:8000`. */
  readonly url: string;
  readonly key: string;
}

export interface BrainStats {
  readonly memories: number;
  /** What counts against its storage quota. */
  readonly bytes: number;
  readonly version: string;
}

export interface ImportOptions {
  /** Of an id that is there; `newest` goes by `updated_at`. */
  readonly onConflict: "overwrite" | "newest" | "skip";
  /** `abort`: one bad record, and nothing is imported. */
  readonly onError: "abort" | "skip";
}

export interface ImportOutcome {
  readonly imported: number;
  readonly updated: number;
  readonly skipped: number;
  /** Bad records that were left out. */
  readonly failed: number;
  /** The first of them; `index` counts the lines from 0. */
  readonly errors: readonly {
    readonly index: number;
    readonly id: string | null;
    readonly reason: string;
  }[];
}

export class BrainAccessError extends Error {
  override readonly name = "BrainAccessError";
  /** `away`: no connection or not ready; `refused`: 4xx and 507, trying again is of no use. */
  readonly fault: "away" | "refused" | "broken";

  constructor(fault: BrainAccessError["fault"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export interface BrainAccess {
  isReady(address: BrainAddress, signal: AbortSignal): Promise<boolean>;
  stats(address: BrainAddress, signal: AbortSignal): Promise<BrainStats>;
  /**
   * All its memories as NDJSON, with the vectors that were sent with them, as they come. An export
   * that breaks off throws; what ends without an error is whole.
   */
  export(address: BrainAddress, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * NDJSON. One unit: all of it or none; what `pieces` throws is thrown, and nothing was imported.
   * Without options it is a restore: what has the id of one that is there replaces it, and one bad
   * record refuses all.
   */
  import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    options?: ImportOptions,
  ): Promise<ImportOutcome>;
}
