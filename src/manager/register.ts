/**
 * The register of users: one ConfigMap each, in the manager's own namespace, so that it survives the
 * loss of what it speaks of. Written by compare-and-set alone.
 *
 * What cannot be read, is not ours, or was written by a newer version, is reported and left alone.
 */
import type { Cluster } from "./cluster.ts";
import type { KubeObject } from "./kube_object.ts";
import type { UserRecord } from "./record.ts";
import type { TierName } from "./tiers.ts";

/** A record as it was read: what a write is compared with. */
export interface Registered {
  readonly record: UserRecord;
  readonly resourceVersion: string;
  readonly uid: string;
}

export interface RegisterFilter {
  readonly tier?: TierName | undefined;
  readonly state?: UserRecord["state"] | undefined;
}

export interface Unreadable {
  /** Of the ConfigMap. */
  readonly name: string;
  readonly reason: string;
}

export interface RegisterList {
  /** By slug. */
  readonly users: readonly Registered[];
  readonly unreadable: readonly Unreadable[];
  /** To watch from. */
  readonly resourceVersion: string;
}

export class Register {
  constructor(_cluster: Cluster, _namespace: string) {}

  /** Undefined where there is none. Throws `record_unreadable`. */
  get(_slug: string): Promise<Registered | undefined> {
    throw new Error("not yet");
  }

  /** Throws `ClusterError` `already_exists`. */
  create(_record: UserRecord): Promise<Registered> {
    throw new Error("not yet");
  }

  /** Throws `ClusterError` `conflict` where it was written since, and `not_found`. */
  replace(_known: Registered, _record: UserRecord): Promise<Registered> {
    throw new Error("not yet");
  }

  /** What is gone already is fine; throws `conflict` where there is another by now. */
  remove(_known: Registered): Promise<void> {
    throw new Error("not yet");
  }

  list(_filter?: RegisterFilter): Promise<RegisterList> {
    throw new Error("not yet");
  }

  /** Of a watched ConfigMap. */
  read(_object: KubeObject): Registered | Unreadable {
    throw new Error("not yet");
  }
}
