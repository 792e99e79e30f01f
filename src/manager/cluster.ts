/**
 * Port: a Kubernetes cluster, as far as the manager needs one. Objects go in and come out as data.
 *
 * Contract, beside what each method says:
 * - Every call has a deadline of its own and throws `ClusterError`, or the reason of `signal`.
 * - What was written may have been written also where the call failed with `unavailable`: every
 *   caller must be able to ask again. An adapter repeats by itself only what cannot do harm.
 * - A connection that is lost may have a write sent twice below us: `already_exists` and `conflict`
 *   may speak of the caller's own write. Read again before believing that it was somebody else's.
 * - Applying onto something that is being deleted succeeds at the server and means nothing: look at
 *   `metadata.deletionTimestamp` of what comes back.
 */
import type { KubeKind, KubeObject, KubeRef } from "./kube_object.ts";

export type ClusterFault =
  /** 404. `get` and `delete` do not throw it. */
  | "not_found"
  /** 409: changed since it was read, or another manager owns a field, or `uid` is another's. */
  | "conflict"
  /** 409 AlreadyExists. */
  | "already_exists"
  /** 422, and 400: the object is wrong. */
  | "invalid"
  /** 403: no right to, a quota, an admission policy; also in a namespace that is being deleted. */
  | "forbidden"
  /** 410: what was to be watched from is no longer known. List again. */
  | "gone"
  /** The server has no such kind, version or subresource. */
  | "unsupported"
  /** 429, 5xx, no connection, no answer in time. Worth trying again. */
  | "unavailable";

export class ClusterError extends Error {
  override readonly name = "ClusterError";
  readonly fault: ClusterFault;
  /** The server's own code and reason, such as 422 and "Invalid"; 0 where it did not answer. */
  readonly status: number;
  readonly reason: string;

  /** `message` is the server's, cut; it may name objects, never hold a Secret's data. */
  constructor(fault: ClusterFault, status: number, reason: string, message: string) {
    super(message);
    this.fault = fault;
    this.status = status;
    this.reason = reason;
  }
}

export interface WriteOptions {
  /** All checks of the server, and nothing is kept. */
  readonly dryRun?: boolean | undefined;
}

export interface Selection {
  /** Left out: of all namespaces, or a kind that has none. */
  readonly namespace?: string | undefined;
  /** All must be equal; a value of null: the label is there, whatever it says. */
  readonly labels?: Readonly<Record<string, string | null>> | undefined;
}

export interface KubeList {
  readonly items: readonly KubeObject[];
  /** To watch from. */
  readonly resourceVersion: string;
}

export interface WatchEvent {
  readonly type: "put" | "deleted" | "bookmark";
  readonly object: KubeObject;
}

/** What this cluster can do; looked up again every now and then. */
export interface Capabilities {
  /** Such as "1.33". */
  readonly version: string;
  /** `pods/resize`, 1.33 and later. */
  readonly resize: boolean;
  /** The version in which disruption budgets are served. */
  readonly disruptionBudgets: "policy/v1" | "policy/v1beta1" | undefined;
  /** `snapshot.storage.k8s.io/v1` is served. */
  readonly snapshots: boolean;
  /** Access mode ReadWriteOncePod, 1.29 and later (the driver must know it as well). */
  readonly readWriteOncePod: boolean;
  readonly admissionPolicies: boolean;
}

export interface Cluster {
  /**
   * Server-side apply as field manager `brain-manager`, taking over fields that others set. Returns
   * the object as it is now. An object without a namespace of its own is the cluster's.
   */
  apply(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Throws `already_exists`. `metadata.generateName` is not supported: names are ours to choose. */
  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** Only if `metadata.resourceVersion`, which must be there, is still the present one; else throws
   * `conflict`. */
  replace(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** JSON Merge Patch (RFC 7396), of the object or of one subresource, such as "resize". */
  patch(
    ref: KubeRef,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions & { readonly subresource?: string | undefined },
  ): Promise<KubeObject>;
  /** Undefined where there is none. */
  get(ref: KubeRef): Promise<KubeObject | undefined>;
  /** All of them, read in pages. Secrets are neither listed nor watched: that is `invalid`. */
  list(kind: KubeKind, selection?: Selection): Promise<KubeList>;
  /**
   * Begins a deletion; what is gone already is fine. With `uid` only that very one: throws
   * `conflict` where it is another by now. The caller waits by asking again.
   */
  delete(
    ref: KubeRef,
    options?: WriteOptions & { readonly uid?: string | undefined; readonly graceS?: number },
  ): Promise<void>;
  /**
   * Changes since `resourceVersion`, with bookmarks. Ends when `signal` aborts; throws `gone` where
   * too much happened since, and `unavailable` where the connection broke or fell silent.
   */
  watch(
    kind: KubeKind,
    selection: Selection & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>;
  capabilities(): Promise<Capabilities>;
}
