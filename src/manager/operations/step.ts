/**
 * What an operation is made of. A step can be run again after it broke off at any call: it looks at
 * what is there and does the rest. After it the record names the next one.
 */
import type { Clock } from "../../clock.ts";
import type { Backups } from "../backups.ts";
import type { BrainAccess, BrainAddress } from "../brain_access.ts";
import type { Capabilities, Cluster } from "../cluster.ts";
import type { KubeObject } from "../kube_object.ts";
import type { BrainKeys } from "../manifests.ts";
import type { WaitingFor } from "../namespaces.ts";
import type { Operation, UserRecord, VerbName } from "../record.ts";
import type { Settings } from "../settings.ts";

/** What a verb was asked with, and what its steps remember. */
export type Args = Operation["args"];

/** What a verb may look at before it is begun. */
export interface Preparation {
  /** As it was last read or written. */
  readonly record: UserRecord;
  readonly cluster: Cluster;
  readonly brains: BrainAccess;
  readonly backups: Backups;
  readonly settings: Settings;
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly signal: AbortSignal;
  /**
   * All that the user of this record should have, but for the Secret with his keys: what was read
   * before a rotation must not be written after it. `ensureKeys` makes that one.
   */
  wantedObjects(record: UserRecord): readonly KubeObject[];
  /** Throws `ClusterError` `not_found` where he has none yet, or none any more. */
  keysOf(record: UserRecord): Promise<BrainKeys>;
  /** Throws as `keysOf`. */
  addressOf(record: UserRecord): Promise<BrainAddress>;
}

export interface StepContext extends Preparation {
  /** The one that is being carried out. */
  readonly operation: Operation;
  /**
   * Changes the record, by compare-and-set; `change` may be called again with a newer one. Throws
   * where the operation is not ours any more: let that through.
   */
  update(change: (record: UserRecord) => UserRecord): Promise<UserRecord>;
  /** Adds to what the operation remembers. */
  remember(args: Args): Promise<void>;
  /** The user is gone for good: his record goes, and the operation has succeeded. */
  remove(): Promise<void>;
  /** As `wantedObjects`, and the Secret with this key. */
  objectsWith(record: UserRecord, key: string): readonly KubeObject[];
  randomBytes(bytes: number): Uint8Array;
  /** Tells people; never throws, and is the same event when it is told again. */
  event(reason: string, message: string): Promise<void>;
}

/** `for`: what is waited for, such as "its pod to be ready". */
export type StepOutcome = "done" | { readonly waitMs: number; readonly for: string };

const LOOK_AGAIN_MS = 1_000;

/** Done where nothing is waited for; else it is soon looked at again. */
export function outcomeOf(waitingFor: WaitingFor): StepOutcome {
  return waitingFor === undefined ? "done" : { waitMs: LOOK_AGAIN_MS, for: waitingFor };
}

export interface Step {
  /** In the record; never another meaning for one that was there. */
  readonly name: string;
  /**
   * Throws `ManagerError` where it cannot be carried out (the way back begins), and the ports' own
   * errors, of which those worth trying again are.
   */
  readonly run: (context: StepContext) => Promise<StepOutcome>;
}

export interface Verb {
  /** From its begin; then it has failed, unless a step was not tried even once. */
  readonly minutes: number;
  /** Verbs that it may cut off. Their effects are all in the record's terms. */
  readonly takesOver?: readonly VerbName[];
  /**
   * Throws `ManagerError` where it cannot be done to him as he is. Gives what the operation begins
   * with, or undefined where there is nothing to do. Changes nothing.
   */
  prepare(context: Preparation, asked: Args): Promise<Args | undefined>;
  steps(operation: Operation): readonly Step[];
  /** Run after a failure; none: what is wanted stays wanted. */
  wayBack(operation: Operation): readonly Step[];
}
