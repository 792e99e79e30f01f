/**
 * Port: where backups of brains are kept, away from their volumes. A place for named streams of
 * bytes; what is in them, and that nobody can read it there, is the backups' business.
 *
 * Contract: a stream is there whole, or not at all, however its writing ended; a name that was
 * written is durable. Throws `SinkError` only, or the reason of `signal`.
 */
export interface SinkEntry {
  /** As given to `put`: segments of `[a-z0-9._-]` between slashes, none beginning with a dot. */
  readonly name: string;
  readonly bytes: number;
  /** When it was put there by the sink's own clock, milliseconds since 1970. */
  readonly writtenAt: number;
}

export class SinkError extends Error {
  override readonly name = "SinkError";
  readonly fault: "missing" | "full" | "unavailable";

  constructor(fault: SinkError["fault"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export interface BackupSink {
  /** Replaces what had the name. */
  put(name: string, pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<SinkEntry>;
  /** Throws `missing`. */
  read(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** All whose name begins with the prefix, by name. */
  list(prefix: string, signal: AbortSignal): Promise<readonly SinkEntry[]>;
  /** What is gone already is fine. */
  delete(name: string, signal: AbortSignal): Promise<void>;
}
