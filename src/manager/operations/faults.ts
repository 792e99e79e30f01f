/** What becomes of an operation when one of its steps throws. */
import { BrainAccessError } from "../brain_access.ts";
import { SinkError } from "../backup_sink.ts";
import { type Cluster, ClusterError } from "../cluster.ts";
import { ManagerError } from "../errors.ts";
import { findNamespace } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";

export type Verdict =
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** `most`: after so many tries in a row it has failed with the same words. */
  | {
    readonly kind: "again";
    readonly most: number;
    readonly code: string;
    readonly message: string;
  };

/** A right that was just given may take a moment to be known everywhere; a quota has to be counted. */
const MOST_REFUSALS = 6;
const MOST_UNEXPECTED = 4;
/** A record stays small. */
const MOST_CHARACTERS = 1_000;

/**
 * In a namespace that is being deleted the manager's rights end with it: what it may not do there, it
 * has to wait for, until there is a new one.
 */
export async function isShut(
  cluster: Cluster,
  record: UserRecord,
  error: unknown,
): Promise<boolean> {
  if (!(error instanceof ClusterError) || error.fault !== "forbidden") return false;
  const namespace = await findNamespace(cluster, record);
  return namespace?.metadata.deletionTimestamp !== undefined;
}

export function verdictOf(error: unknown): Verdict {
  if (error instanceof ManagerError) return failed(error.code, error.message);
  if (error instanceof ClusterError) return clusterVerdict(error);
  if (error instanceof BrainAccessError) {
    if (error.fault === "refused") return failed("brain_refused", error.message);
    return again(Infinity, "brain_refused", error.message);
  }
  if (error instanceof SinkError) {
    if (error.fault !== "unavailable") return failed("backup_failed", error.message);
    return again(Infinity, "backup_failed", error.message);
  }
  return again(MOST_UNEXPECTED, "internal", "Cannot go on: an unexpected error; the log has it");
}

function clusterVerdict({ fault, message }: ClusterError): Verdict {
  const said = `Cannot go on: the cluster says: ${message}`;
  if (fault === "invalid" || fault === "unsupported") return failed("cluster_refused", said);
  if (fault === "forbidden") return again(MOST_REFUSALS, "cluster_refused", said);
  return again(Infinity, "cluster_unavailable", said);
}

function failed(code: string, message: string): Verdict {
  return { kind: "failed", code, message: message.slice(0, MOST_CHARACTERS) };
}

function again(most: number, code: string, message: string): Verdict {
  return { kind: "again", most, code, message: message.slice(0, MOST_CHARACTERS) };
}
