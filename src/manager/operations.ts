/**
 * Carries operations out, step by step, whoever began them: the service, a second one beside it, a
 * command line. Who runs one holds it by a lease in the record, and what a crash left is run on by
 * whoever comes first.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Backups } from "./backups.ts";
import type { BrainAccess, BrainAddress } from "./brain_access.ts";
import type { Capabilities, Cluster } from "./cluster.ts";
import type { KubeObject } from "./kube_object.ts";
import type { BrainKeys } from "./manifests.ts";
import type { Preparation } from "./operations/step.ts";
import type { UserRecord } from "./record.ts";
import type { Register } from "./register.ts";
import type { Settings } from "./settings.ts";

export interface OperationsOptions {
  readonly cluster: Cluster;
  readonly register: Register;
  readonly brains: BrainAccess;
  readonly backups: Backups;
  readonly settings: Settings;
  readonly clock: Clock;
  /** From 0 up to 1, for the waits. */
  readonly random: () => number;
  readonly randomBytes: (bytes: number) => Uint8Array;
  readonly newId: () => string;
  /** Of this process, among all that work on the register. */
  readonly holder: string;
  /** `OPENAI_API_KEY` and `QDRANT_API_KEY` of all brains. */
  readonly sharedKeys: Pick<BrainKeys, "embedding" | "qdrant">;
  readonly log: Log;
  /** Called with what ended, for the metrics. */
  readonly ended?: (verb: string, outcome: "succeeded" | "failed") => void;
}

export class Operations {
  constructor(_options: OperationsOptions) {}

  /**
   * Carries out what this user's record says is under way, until it has ended or others hold it.
   * A second call while the first is at it joins that.
   */
  run(_slug: string): Promise<void> {
    throw new Error("not yet");
  }

  /** What a user should have, for the reconciler. */
  wantedObjects(_record: UserRecord, _capabilities: Capabilities): readonly KubeObject[] {
    throw new Error("not yet");
  }

  addressOf(_record: UserRecord): Promise<BrainAddress> {
    throw new Error("not yet");
  }

  /** What verbs may look at before they are begun. */
  preparation(_record: UserRecord, _signal: AbortSignal): Promise<Preparation> {
    throw new Error("not yet");
  }

  /** Begins nothing more; over once what runs has come to the end of a step. */
  stop(): Promise<void> {
    throw new Error("not yet");
  }
}
