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

export interface ImportOutcome {
  readonly imported: number;
  readonly updated: number;
  readonly skipped: number;
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
  /** NDJSON; what has the id of one that is there replaces it. One unit: all of it or none. */
  import(
    address: BrainAddress,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ImportOutcome>;
}
