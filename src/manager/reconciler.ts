/**
 * The loop that keeps what is there as it is wanted: it carries out operations wherever they were
 * left, repairs what others changed, and does what has become due.
 */

/** For the metrics; counted since the program started. */
export interface ReconcilerStats {
  /** Users by `<tier>/<state>`, as last seen. */
  readonly users: ReadonlyMap<string, number>;
  /** Full passes that were ended. */
  readonly passes: number;
  /** Users that wait for their turn, and those whose turn it is. */
  readonly queued: number;
  readonly running: number;
  /** Users whose objects were not as they are wanted, and were put right. */
  readonly repairs: number;
  /** Looks at a user that ended in an error. */
  readonly failures: number;
  /** By `<verb>/<outcome>`. */
  readonly operations: ReadonlyMap<string, number>;
  /** Namespaces with our labels that no record knows. They are reported, never deleted. */
  readonly orphans: readonly string[];
  /** Seconds since the last good backup of the active user who waits longest for one. */
  readonly oldestBackupS: number;
}

export class Reconciler {
  get stats(): ReconcilerStats {
    throw new Error("not yet");
  }

  /** Watches from now on, and looks at everybody every ten minutes. */
  start(): void {
    throw new Error("not yet");
  }

  /** Begins nothing more; over once nothing is under way. */
  stop(): Promise<void> {
    return Promise.reject(new Error("not yet"));
  }

  /** Looks at everybody once; over when that is done. */
  pass(): Promise<void> {
    return Promise.reject(new Error("not yet"));
  }
}
